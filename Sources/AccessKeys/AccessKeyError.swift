import Glibc

/// Why access keys cannot be read or changed. Says what, where, and how to mend it; never a secret.
public enum AccessKeyError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Others than the owner may read or write the file. `mode`: its permission bits.
    case exposed(path: String, mode: UInt32)
    /// The file belongs to another user, who could exchange the keys.
    case foreignOwner(path: String, owner: UInt32)
    /// Not a regular file: a link or a folder.
    case notAFile(path: String)
    /// The content is not a file of access keys.
    case unreadable(path: String, problem: String)
    /// A file call failed. `operation`: what was tried.
    case file(operation: String, path: String, code: Int32)
    /// Another process has held the lock for too long.
    case busy(path: String)
    /// There are as many keys as there may be.
    case tooManyKeys(limit: Int)
    /// The note is too long or has control characters.
    case unusableNote(limit: Int)
    /// No key has this identifier.
    case noSuchKey(String)

    /// One or two sentences for a person.
    public var description: String {
        switch self {
        case .exposed(let path, let mode):
            "\(path) holds secrets and others may read it (mode \(Self.octal(mode))); run: chmod 600 '\(path)', and "
                + "replace the keys if anyone could have read them"
        case .foreignOwner(let path, let owner):
            "\(path) belongs to the user with number \(owner), not to the one who runs this; give the file to the "
                + "service's user (chown), or run this as that user"
        case .notAFile(let path): "\(path) is not a regular file; put the file of access keys itself there, not a link"
        case .unreadable(let path, let problem):
            "\(path) is not a file of access keys: \(problem); bring it back from a backup, or move it away and make new "
                + "keys with earshot keys create"
        case .file(let operation, let path, let code):
            "cannot \(operation) \(path): \(Self.reason(code))\(Self.remedy(code))"
        case .busy(let path): "another process is changing the access keys (\(path) is locked); try again"
        case .tooManyKeys(let limit):
            "there are \(limit) access keys, as many as there may be; revoke those that nobody uses (earshot keys list)"
        case .unusableNote(let limit): "a note has at most \(limit) bytes and no control characters"
        case .noSuchKey(let id):
            "there is no access key \(Self.shown(id)); earshot keys list shows those there are"
        }
    }

    private static func shown(_ id: String) -> String {
        String(decoding: id.utf8.prefix(40).map { (0x20..<0x7F).contains($0) ? $0 : 0x3F }, as: UTF8.self)
    }

    private static func octal(_ mode: UInt32) -> String { "0" + String(mode & 0o7777, radix: 8) }

    private static func reason(_ code: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 128)
        guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private static func remedy(_ code: Int32) -> String {
        switch code {
        case ENOSPC, EDQUOT: "; free some space"
        case EACCES, EPERM: "; run this as the service's user"
        case EROFS: "; the file system is mounted read-only"
        case ENOENT: "; the data folder must exist"
        case EIO: "; look at the disk and the kernel log"
        default: ""
        }
    }
}
