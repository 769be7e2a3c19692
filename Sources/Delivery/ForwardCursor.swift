import StreamSink

/// How far a leg was acknowledged, for the next start of the service. A small file, removed when the leg is through.
final class ForwardCursor {
    private let path: String
    private var lastSave = ContinuousClock.now

    init(path: String) {
        self.path = path
    }

    func load() -> Int64? {
        guard let bytes = try? DiskFile.read(path, limit: 4096), let json = try? JSONValue(parsing: bytes) else {
            return nil
        }
        return json["keptUpTo"]?.integerValue
    }

    /// Written every few seconds and not flushed: an old value only sends some fragments twice.
    func save(_ timecode: Int64?, isLast: Bool = false) {
        guard let timecode, isLast || ContinuousClock.now >= lastSave + .seconds(2) else { return }
        lastSave = .now
        try? DiskFile.replace(
            path, with: JSONValue.object([.init("keptUpTo", .integer(timecode))]).bytes, isFlushed: false)
    }

    func remove() { _ = FileOperations.system.remove(path) }
}
