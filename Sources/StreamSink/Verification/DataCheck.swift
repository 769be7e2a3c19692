import Glibc

/// One run of a ``DataVerifier``.
final class DataCheck {
    let dataDirectory: String
    let stream: String?
    let now: Int64
    var summary = VerificationSummary()
    private let progress: (VerificationProgress) -> Bool
    private let found: (VerificationFinding) -> Void
    private var doneBytes: Int64 = 0
    private var totalBytes: Int64 = 0
    private var toldBytes: Int64 = 0
    /// What was deleted on purpose.
    private(set) lazy var deletions = RetentionLedger.load(dataDirectory: dataDirectory)

    init(
        dataDirectory: String, stream: String?, now: Int64, progress: @escaping (VerificationProgress) -> Bool,
        found: @escaping (VerificationFinding) -> Void
    ) {
        self.dataDirectory = dataDirectory
        self.stream = stream
        self.now = now
        self.progress = progress
        self.found = found
    }

    var streamsPath: String { "\(dataDirectory)/streams" }
    var isInUse: Bool { DataDirectory.isInUse(dataDirectory) }

    func add(_ finding: VerificationFinding) {
        summary.count(finding)
        found(finding)
    }

    func run() {
        let names = stream.map { [$0] } ?? FileContents.names(in: streamsPath)
        for name in names {
            for file in FileContents.names(in: "\(streamsPath)/\(name)") where file.hasSuffix(".mkv") {
                totalBytes += FileContents.status("\(streamsPath)/\(name)/\(file)")?.size ?? 0
            }
        }
        for name in names where StreamDescription.isUsableName(name) && !summary.isPartial { checkStream(name) }
        if !summary.isPartial { checkRecords() }
        if !summary.isPartial { checkJournals() }
    }

    /// - Returns: false when the check is broken off.
    func tell(_ bytes: Int64) -> Bool {
        guard bytes - toldBytes >= 4 << 20 || bytes < toldBytes else { return !summary.isPartial }
        toldBytes = bytes
        let goesOn = progress(
            VerificationProgress(
                doneBytes: bytes, totalBytes: max(totalBytes, bytes), findings: summary.damage + summary.losses))
        if !goesOn { summary.isPartial = true }
        return goesOn
    }

    private func checkStream(_ name: String) {
        let folder = "\(streamsPath)/\(name)"
        let files = FileContents.names(in: folder)
        let sessions = files.compactMap { SessionFileName($0) }.sorted { $0.session < $1.session }
        let bytes = (try? FileContents.read("\(folder)/stream.json", limit: 64 << 10)) ?? []
        if StreamDescription(parsing: bytes, name: name) == nil {
            // A folder of somebody else's.
            guard StreamDescription.connectorID(ofStream: name) != nil || !sessions.isEmpty else { return }
            add(
                VerificationFinding(
                    .missingDescription, streamName: name, path: "streams/\(name)/stream.json",
                    detail: "stream.json is missing or cannot be read; it is made up from the files"))
        }
        summary.streams += 1
        var last: FragmentNumber?
        for session in sessions {
            guard !summary.isPartial else { return }
            guard let outcome = checkSession(session, stream: name) else { continue }
            if let last, let first = outcome.first, first <= last {
                var finding = VerificationFinding(
                    .fragmentOrder, streamName: name, path: "streams/\(name)/\(session.text)",
                    detail: "the session's first fragment is not above the last of the session before it, \(last)")
                finding.fragment = first
                add(finding)
            }
            if let end = outcome.last { last = max(last ?? end, end) }
        }
        checkOrphans(files, stream: name)
    }

    private func checkOrphans(_ files: [String], stream: String) {
        for file in files {
            let path = "\(streamsPath)/\(stream)/\(file)"
            guard let session = SessionFileName.session(ofBeside: file),
                FileContents.status("\(streamsPath)/\(stream)/\(session)") == nil, FileContents.status(path) != nil
            else { continue }
            add(
                VerificationFinding(
                    .orphanIndex, streamName: stream, path: "streams/\(stream)/\(file)",
                    detail: "it belongs to a session whose file was deleted or is lost"))
        }
    }

    /// `nil` when the file has gone.
    private func checkSession(_ session: SessionFileName, stream: String) -> SessionVerifier.Outcome? {
        let relative = "streams/\(stream)/\(session.text)"
        let path = "\(dataDirectory)/\(relative)"
        var outcome = SessionVerifier.Outcome()
        // What is written meanwhile may look torn: only what is seen again is told.
        for attempt in 0..<3 {
            let before = FileContents.status(path)
            let mayBeLive = isInUse
            do throws(FileError) {
                let source = try SessionBytes(path: path, givesZeros: true)
                outcome = SessionVerifier.verify(
                    source, streamName: stream, path: relative, mayBeLive: mayBeLive,
                    goOn: { self.tell(self.doneBytes + $0) })
                outcome.findings += try Self.sealFindings(source, stream: stream, path: relative)
            } catch {
                guard FileContents.status(path) != nil else { return nil }
                outcome.findings = [
                    VerificationFinding(.unreadableFile, streamName: stream, path: relative, detail: "\(error)")
                ]
            }
            guard let after = FileContents.status(path) else { return nil }
            let changed = before?.size != after.size || before?.changedAtMilliseconds != after.changedAtMilliseconds
            guard outcome.hasFaults, outcome.wasLive || changed || mayBeLive != isInUse, attempt < 2 else { break }
            usleep(200_000)
        }
        doneBytes += outcome.bytes
        summary.sessions += 1
        if outcome.wasLive { summary.liveSessions += 1 }
        summary.fragments += outcome.fragments
        summary.checkedFragments += outcome.checkedFragments
        summary.bytes += outcome.bytes
        summary.milliseconds += outcome.milliseconds
        for finding in outcome.findings { add(finding) }
        return outcome
    }
}
