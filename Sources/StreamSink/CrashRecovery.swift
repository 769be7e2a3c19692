import Logging

/// Closes what a crash left open: repairs files, writes the events and records of calls that were cut.
///
/// Runs at start, before the ``FragmentStore`` is opened. Running it again, or dying in the middle of it, does no harm:
/// nothing is written twice.
public struct CrashRecovery: Sendable {
    /// What was found and done.
    public struct Report: Sendable, Equatable {
        /// Calls whose records were written.
        public var calls: [String] = []
        /// Files that were cut and closed.
        public var repairedFiles = 0
        /// Files without any audio that were removed.
        public var removedFiles = 0
        /// Journals that could not be read, now in `calls/damaged`.
        public var damagedJournals: [String] = []
        /// What is lost of files that were closed, one sentence a file.
        public var losses: [String] = []
        /// Files that could not be repaired or records that could not be written, one sentence each.
        public var problems: [String] = []

        /// Nothing found.
        public init() {}
    }

    private let directory: DataDirectory
    private let logger: Logger

    /// Prepares the recovery of a data directory.
    public init(directory: DataDirectory, logger: Logger) {
        self.directory = directory
        self.logger = logger
    }

    /// Does it all. Blocks; reads every session file that was left open once.
    /// - Parameter now: the wall clock, for the events' own time.
    public func run(now: UTCTime) -> Report {
        var report = Report()
        let files = repairFiles(&report)
        let journal = CallJournal(directory: directory)
        let paths = journal.paths
        if !paths.isEmpty {
            var calls: [(path: String, call: CallRecord)] = []
            for path in paths {
                do throws(CallJournalError) {
                    calls.append((path, try journal.load(path)))
                } catch {
                    setAside(path, reason: "\(error)", journal, &report)
                }
            }
            let logged = LoggedStreams(path: directory.eventLogPath, calls: calls.map(\.call.transactionID))
            let events = EventLog(path: directory.eventLogPath, operations: directory.operations)
            for (_, call) in calls {
                finish(call, files: files, logged: logged, events: events, journal: journal, now: now, &report)
            }
        }
        if report != Report() {
            _ = directory.operations.syncFileSystem(directory.descriptor)
            logger.warning(
                "the service was stopped during calls; what was open is closed",
                metadata: [
                    "calls": "\(report.calls.count)", "repairedFiles": "\(report.repairedFiles)",
                    "removedFiles": "\(report.removedFiles)", "damagedJournals": "\(report.damagedJournals.count)",
                    "losses": "\(report.losses.count)", "problems": "\(report.problems.count)",
                ])
        }
        for loss in report.losses { logger.error("audio is lost", metadata: ["recording": "\(loss)"]) }
        for problem in report.problems { logger.error("recovery", metadata: ["problem": "\(problem)"]) }
        return report
    }

    /// Repairs every file that was not closed, with or without a journal. Returns the reports by path.
    private func repairFiles(_ report: inout Report) -> [String: SessionFileReport] {
        var reports: [String: SessionFileReport] = [:]
        for stream in FileContents.names(in: directory.streamsPath) {
            let folder = "\(directory.streamsPath)/\(stream)"
            for name in FileContents.names(in: folder) where name.hasSuffix(".mkv") {
                let path = "\(folder)/\(name)"
                guard SessionFileState.isOpen(path) else { continue }
                do throws(FileError) {
                    let (file, repair) = try SessionFileReport.repair(path, operations: directory.operations)
                    reports[path] = file
                    switch repair {
                    case .notNeeded:
                        if let damage = file.damage { report.problems.append("\(path) is left as it is: \(damage)") }
                    case .repaired:
                        report.repairedFiles += 1
                        tell(file.losses, of: path, &report)
                    case .removed:
                        report.removedFiles += 1
                        for beside in SessionFileName.besides(path) { _ = directory.operations.remove(beside) }
                    }
                } catch {
                    report.problems.append("\(error)")
                }
            }
        }
        return reports
    }

    private func tell(_ losses: [SessionLoss], of path: String, _ report: inout Report) {
        guard !losses.isEmpty else { return }
        let shown = losses.prefix(10).map(\.description).joined(separator: "; ")
        report.losses.append("\(path): \(shown)\(losses.count > 10 ? "; and \(losses.count - 10) more" : "")")
    }

    private func finish(
        _ call: CallRecord, files: [String: SessionFileReport], logged: LoggedStreams, events: EventLog,
        journal: CallJournal, now: UTCTime, _ report: inout Report
    ) {
        var call = call
        var end = UTCTime(milliseconds: call.startedAtMilliseconds)
        for index in call.legs.indices {
            let path = "\(directory.path)/\(call.legs[index].relativePath)"
            // A leg may have been closed properly before the crash; then it is read only now.
            let file = files[path] ?? (try? SessionFileReport(scanning: path))
            if let last = file?.lastFragmentNumber { call.legs[index].endFragmentNumber = last }
            // What was lost in an earlier try, too.
            if let losses = try? SessionLosses.load(session: path) {
                call.legs[index].quality.recoveryLostMilliseconds = losses.milliseconds
                call.legs[index].quality.recoveryLosses = losses.losses
            }
            if file?.fragments ?? 0 == 0, call.legs[index].quality.emptyReason == nil {
                call.legs[index].quality.emptyReason = "the service stopped before audio was written"
            }
            let length = Int64(file?.durationMilliseconds ?? 0)
            let legEnd = UTCTime(milliseconds: call.legs[index].startedAtMilliseconds + length)
            end = max(end, legEnd)
            let leg = call.legs[index]
            var missing: [StreamingEvent] = []
            // The journal is written before the call is answered, its events are written after.
            if !logged.contains("STARTED", call, leg: leg) {
                missing.append(.started(call, leg: leg, at: now, id: RandomUUID.make()))
            }
            if !logged.contains("ENDED", call, leg: leg) {
                missing.append(
                    .ended(
                        call, leg: leg, endTime: legEnd, endReason: CallOutcome.interrupted.endReason, at: now,
                        id: RandomUUID.make()))
            }
            for event in missing {
                if let error = events.append(event.line) {
                    report.problems.append("\(error)")
                    return
                }
            }
        }
        do throws(ObjectStoreError) {
            let objects = ObjectStore(directory: directory)
            let streaming = StreamingDetailRecord(call, outcome: .interrupted, endedAt: end)
            let detail = CallDetailRecord(call, outcome: .interrupted, endedAt: end)
            objects.removeLeftovers(besideKey: streaming.key)
            objects.removeLeftovers(besideKey: detail.key)
            if !call.legs.isEmpty { _ = try objects.writeOnce(key: streaming.key, bytes: streaming.json.bytes) }
            _ = try objects.writeOnce(key: detail.key, bytes: detail.json.bytes)
        } catch {
            // The journal stays, the next start tries again.
            report.problems.append("\(error)")
            return
        }
        do throws(FileError) {
            try journal.remove(transactionID: call.transactionID)
            report.calls.append(call.transactionID)
        } catch {
            report.problems.append("\(error)")
        }
    }

    private func setAside(_ path: String, reason: String, _ journal: CallJournal, _ report: inout Report) {
        do throws(FileError) {
            try journal.setAside(path)
            report.damagedJournals.append("\(path): \(reason)")
        } catch {
            report.problems.append("\(path): \(reason); \(error)")
        }
    }
}
