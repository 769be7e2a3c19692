import Glibc

/// The data directory: its layout, its lock and its permissions (directories 0700, files 0600).
///
/// One process at a time may write in it; the lock goes with the process, so a crash leaves nothing to clean up.
public final class DataDirectory: Sendable {
    /// The directory's path, without a slash at the end.
    public let path: String
    /// The file calls used for everything written below ``path``.
    public let operations: FileOperations
    let descriptor: Int32
    private let lock: Int32

    /// Creates the directory where it is missing, makes it private and locks it for this process.
    public init(_ path: String, operations: FileOperations = .system) throws(DataDirectoryError) {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = path
        self.operations = operations
        do throws(FileError) {
            try operations.makeDirectories(
                path.hasPrefix("/") ? path : "/" + path, under: path.hasPrefix("/") ? "" : ".")
            for part in ["streams", "objects", "logs", "calls"] {
                try operations.makeDirectories(part, under: path)
            }
        } catch {
            throw .file(error)
        }
        guard chmod(path, 0o700) == 0 else { throw .file(FileError("make private", path, -Int(errno))) }
        let lockPath = path + "/.lock"
        lock = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw .file(FileError("open", lockPath, -Int(errno))) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw .inUse(path)
        }
        descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            let code = errno
            close(lock)
            throw .file(FileError("open", path, -Int(code)))
        }
    }

    deinit {
        close(descriptor)
        close(lock)
    }

    /// Whether a running service has the directory open; without one, a file that is not closed will not grow.
    public static func isInUse(_ path: String) -> Bool {
        let lock = open(path + "/.lock", O_RDONLY | O_CLOEXEC)
        guard lock >= 0 else { return false }
        defer { close(lock) }
        return flock(lock, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }

    var streamsPath: String { path + "/streams" }
    var callsPath: String { path + "/calls" }
    var objectsPath: String { path + "/objects" }
    /// The event log's path.
    public var eventLogPath: String { path + "/logs/events.jsonl" }
    /// The media metric log's path.
    public var mediaMetricLogPath: String { path + "/logs/media-metrics.jsonl" }
}

/// Why a data directory cannot be used.
public enum DataDirectoryError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Another process works in it.
    case inUse(String)
    /// A file call failed.
    case file(FileError)

    /// One sentence for the person who started the service.
    public var description: String {
        switch self {
        case .inUse(let path):
            "the data directory \(path) is used by another running service; stop that one or choose another directory"
        case .file(let error): error.description
        }
    }
}
