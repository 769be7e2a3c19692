import Glibc
import StreamSink

/// How far a leg was acknowledged, for the next start of the service. A small file, removed when the leg is through.
///
/// Each acknowledgement is written down as it comes, in one write over the last one: a crash of the service loses none.
/// Nothing is flushed; after a power cut an old value only asks the far end about more fragments.
struct ForwardCursor: Sendable {
    /// What is written down.
    struct Place: Sendable, Equatable {
        /// Everything up to this timecode is kept at the far end; nil while nothing is.
        var keptUpTo: Int64?
    }

    /// Longer than any content, so that an old one never shows behind a new one.
    private static let length = 64

    let path: String

    /// nil where nothing of the leg was ever sent.
    func load() -> Place? {
        guard let bytes = try? DiskFile.read(path, limit: 4096), !bytes.isEmpty else { return nil }
        return Place(keptUpTo: (try? JSONValue(parsing: bytes))?["keptUpTo"]?.integerValue)
    }

    func save(_ timecode: Int64?) {
        var bytes = JSONValue.object([.init("keptUpTo", timecode.map { .integer($0) } ?? .null)]).bytes
        bytes += [UInt8](repeating: 0x20, count: max(0, Self.length - 1 - bytes.count)) + [0x0A]
        let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { return }
        defer { close(file) }
        // What cannot be written down costs a question to the far end, and no audio.
        _ = bytes.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, 0) }
    }

    /// Removes what legs have left that were given up: places that nobody has touched for a month.
    static func removeForgotten(in folder: String) {
        let oldest = (DiskFile.wallMilliseconds() - 30 * 24 * 3_600_000) &* 1_000_000
        for name in DiskFile.names(in: folder) {
            guard let changed = DiskFile.status("\(folder)/\(name)")?.changed, changed < oldest else { continue }
            _ = FileOperations.system.remove("\(folder)/\(name)")
        }
    }

    func remove() { _ = FileOperations.system.remove(path) }
}
