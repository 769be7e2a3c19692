import Glibc
import Synchronization

/// What was deleted on purpose: `logs/deletions.jsonl`, a line a session, so that a check can tell a recording that went by
/// retention from one that is lost.
///
/// Bounded: at 4 MB (about 20,000 deletions) the file becomes `deletions.jsonl.1`, in place of the one before it. Lines are
/// written after the deletion; one that a crash swallows is only an explanation less. Thread-safe.
final class RetentionLedger: Sendable {
    static let limit: Int64 = 4 << 20

    /// One deletion, as it is read back.
    struct Deletion: Sendable, Equatable {
        /// Milliseconds since 1970.
        var atMilliseconds: Int64
        var reason: String
        /// Whether it was the disk budget's and not the recording's age.
        var isEarly: Bool
    }

    private let path: String
    private let operations: FileOperations
    private let writing = Mutex(())

    init(dataDirectory: String, operations: FileOperations) {
        path = Self.path(dataDirectory)
        self.operations = operations
    }

    private static func path(_ dataDirectory: String) -> String { "\(dataDirectory)/logs/deletions.jsonl" }

    /// A session was deleted.
    func note(_ notice: RetentionNotice, at now: Int64) {
        append([
            .init("at", .integer(now)), .init("stream", .string(notice.streamName)),
            .init("session", .string(notice.session.text)), .init("bytes", .integer(notice.bytes)),
            .init("ended", .integer(notice.endedAtMilliseconds)), .init("reason", .string(notice.reason.description)),
            .init("early", .bool(notice.reason == .diskBudget)),
        ])
    }

    /// A whole stream was deleted by somebody.
    func note(stream: String, at now: Int64) {
        append([
            .init("at", .integer(now)), .init("stream", .string(stream)),
            .init("reason", .string("the stream was deleted")), .init("early", .bool(true)),
        ])
    }

    private func append(_ members: [JSONValue.Member]) {
        let line = JSONValue.object(members).bytes + [UInt8(ascii: "\n")]
        writing.withLock { _ in
            if let size = FileContents.status(path)?.size, size >= Self.limit {
                _ = operations.rename(path, path + ".1")
            }
            let opened = operations.open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
            guard opened >= 0 else { return }
            // Half a line is passed over when it is read.
            _ = line.withUnsafeBytes { operations.append(Int32(opened), $0) }
            _ = operations.close(Int32(opened))
        }
    }

    /// Everything that is known to have been deleted, by `<stream>/<session's file>`, and streams by their name alone.
    static func load(dataDirectory: String) -> [String: Deletion] {
        var known: [String: Deletion] = [:]
        let path = path(dataDirectory)
        for file in [path + ".1", path] {
            guard let bytes = try? FileContents.read(file, limit: Int(2 * limit)) else { continue }
            for line in bytes.split(separator: UInt8(ascii: "\n")) {
                guard let json = try? JSONValue(parsing: Array(line)), let stream = json["stream"]?.stringValue,
                    let at = json["at"]?.integerValue
                else { continue }
                let key = json["session"]?.stringValue.map { "\(stream)/\($0)" } ?? stream
                known[key] = Deletion(
                    atMilliseconds: at, reason: json["reason"]?.stringValue ?? "",
                    isEarly: json["early"]?.boolValue ?? false)
            }
        }
        return known
    }
}
