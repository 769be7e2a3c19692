import Glibc

/// A file call that failed: what was tried, where, and what to do about it.
public struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was tried: `open`, `write`, `rename`, ….
    public let operation: String
    /// The file.
    public let path: String
    /// The `errno`.
    public let code: Int32
    /// The reason and the remedy, where the `errno` does not say them.
    public let detail: String?

    /// Makes an error from a call's negative answer (`-errno`).
    public init(_ operation: String, _ path: String, _ answer: Int, detail: String? = nil) {
        self.operation = operation
        self.path = path
        code = Int32(truncatingIfNeeded: -answer)
        self.detail = detail
    }

    /// One sentence with the reason and, where there is one, the remedy.
    public var description: String {
        "cannot \(operation) \(path): \(detail ?? Self.reason(code) + remedy)"
    }

    private var remedy: String {
        switch code {
        case ENOSPC, EDQUOT: "; free some space, writing goes on by itself"
        case EACCES, EPERM: "; the service's user needs read and write permission there"
        case EMFILE, ENFILE: "; raise the limit of open files (ulimit -n)"
        case EROFS: "; the file system is mounted read-only"
        case EIO: "; look at the disk and the kernel log"
        default: ""
        }
    }

    static func reason(_ code: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 128)
        guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
