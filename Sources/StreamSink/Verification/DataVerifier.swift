import Glibc

/// Reads everything in a data directory back and says what is damaged, missing or left over.
///
/// Changes nothing, and is safe beside a running service: what is being recorded is read up to its last whole block,
/// what is closed or deleted meanwhile is looked at again. Holds one fragment and one session's findings in memory.
public struct DataVerifier: Sendable {
    private let dataDirectory: String
    private let stream: String?
    private let wallClock: @Sendable () -> Int64

    /// - Parameters:
    ///   - dataDirectory: a service's data folder.
    ///   - stream: only this stream and the records that name it.
    ///   - keys: for encrypted sessions.
    public init(dataDirectory: String, stream: String? = nil, keys: MasterKeys? = nil) throws(VerificationError) {
        keys?.use(for: dataDirectory)
        try self.init(dataDirectory: dataDirectory, stream: stream, wallClock: { SystemClock.wallMilliseconds() })
    }

    /// - Parameter wallClock: UTC, milliseconds since 1970.
    init(
        dataDirectory: String, stream: String?, wallClock: @escaping @Sendable () -> Int64
    ) throws(VerificationError) {
        var path = dataDirectory
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.dataDirectory = path
        self.stream = stream
        self.wallClock = wallClock
        guard FileContents.status("\(path)/streams") != nil else { throw .noDataDirectory(path) }
        guard access("\(path)/streams", R_OK | X_OK) == 0 else { throw .unreadable("\(path)/streams") }
        guard let stream else { return }
        guard StreamDescription.isUsableName(stream), FileContents.status("\(path)/streams/\(stream)") != nil else {
            throw .noSuchStream(stream)
        }
    }

    /// All findings, in the order in which they are found; at most `limit`, the summary counts all.
    public func findings(limit: Int = 100_000) -> (summary: VerificationSummary, findings: [VerificationFinding]) {
        var findings: [VerificationFinding] = []
        let summary = run { if findings.count < limit { findings.append($0) } }
        return (summary, findings)
    }

    /// Reads everything. Blocks for as long as the disk takes; not for the threads that tasks share.
    /// - Parameters:
    ///   - progress: told every few megabytes; false breaks the check off.
    ///   - found: told of each finding.
    public func run(
        progress: (VerificationProgress) -> Bool = { _ in true }, found: (VerificationFinding) -> Void
    ) -> VerificationSummary {
        withoutActuallyEscaping(progress) { progress in
            withoutActuallyEscaping(found) { found in
                let check = DataCheck(
                    dataDirectory: dataDirectory, stream: stream, now: wallClock(), progress: progress, found: found)
                check.run()
                return check.summary
            }
        }
    }
}

extension DataVerifier {
    /// Says of every loss that recovery has told that it is known: from now on checks tell it as a note. It stays known
    /// until its session is deleted; a new loss of the same session counts again.
    /// - Returns: how many sessions these are.
    public func acknowledgeLosses() throws(FileError) -> Int {
        var count = 0
        for name in stream.map({ [$0] }) ?? FileContents.names(in: "\(dataDirectory)/streams") {
            guard StreamDescription.isUsableName(name) else { continue }
            let folder = "\(dataDirectory)/streams/\(name)"
            for file in FileContents.names(in: folder) where SessionFileName(file) != nil {
                let path = "\(folder)/\(file)"
                guard var losses = try SessionLosses.load(session: path), losses.acknowledgedAtMilliseconds == nil
                else {
                    continue
                }
                losses.acknowledgedAtMilliseconds = wallClock()
                try losses.save(session: path, operations: .system)
                count += 1
            }
        }
        return count
    }
}
