/// What a change of the master key did.
public struct KeyRotationReport: Sendable, Equatable {
    /// Streams with keys of their own.
    public var streams = 0
    /// Data keys that are under the first master key now and were not before.
    public var rewrapped = 0
    /// Master keys that are still needed and are not among those that were given, each with how many data keys it wraps.
    public var missing: [String: Int] = [:]
    /// Streams whose keys could not be read or written, one sentence each. They are as they were.
    public var problems: [String] = []

    /// Whether every master key but the first can be removed.
    public var isComplete: Bool { missing.isEmpty && problems.isEmpty }

    /// Nothing done.
    public init() {}
}

extension MasterKeys {
    /// Wraps every stream's keys under the first master key, so that the others can be retired. The recordings are not
    /// touched. May run again after it was broken off, and beside a service that was started with the new list: one that
    /// knows only the old key could not open what it has not opened yet.
    public func rewrap(dataDirectory: String, operations: FileOperations = .system) -> KeyRotationReport {
        var report = KeyRotationReport()
        let streams = "\(dataDirectory)/streams"
        for name in FileContents.names(in: streams) where StreamDescription.isUsableName(name) {
            let folder = "\(streams)/\(name)"
            guard FileContents.status(StreamKeyFile.path(folder)) != nil else { continue }
            report.streams += 1
            do throws(FileError) {
                try StreamKeyFile.locked(folder) { () throws(FileError) in
                    try rewrap(folder: folder, operations: operations, &report)
                }
            } catch {
                report.problems.append("\(error)")
            }
        }
        return report
    }

    private func rewrap(
        folder: String, operations: FileOperations, _ report: inout KeyRotationReport
    ) throws(FileError) {
        guard let first = keys.first else { return }
        var file = try StreamKeyFile(folder: folder)
        var changed = 0
        for (index, entry) in file.entries.enumerated() {
            // Not by the id alone: another key may have been given the old one's.
            if entry.masterID == first.id, entry.dataKey(first) != nil { continue }
            guard let master = key(entry.masterID), let dataKey = entry.dataKey(master),
                let wrapped = StreamKeyFile.Entry(id: entry.id, dataKey: dataKey, under: first)
            else {
                report.missing[entry.masterID, default: 0] += 1
                continue
            }
            file.entries[index] = wrapped
            changed += 1
        }
        guard changed > 0 else { return }
        try file.save(folder: folder, operations: operations)
        report.rewrapped += changed
    }
}
