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
    public init(dataDirectory: String, stream: String? = nil) throws(VerificationError) {
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
