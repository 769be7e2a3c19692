import Glibc

/// The error numbers this module acts on, as the positive part of a ``FileOperations`` answer.
enum FileCode {
    static let exists = Int(EEXIST)
    static let missing = Int(ENOENT)
    static let invalid = Int(EINVAL)
}
