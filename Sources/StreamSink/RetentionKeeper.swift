import Logging
import Synchronization

/// Deletes what need not be kept any more: by age, and by the disk budget. Never what is being recorded or read.
///
/// Works on a thread of its own; every deletion is logged, counted and told. Whole sessions go, oldest first.
public final class RetentionKeeper: Sendable {
    private struct State {
        var statistics = RetentionStatistics()
        var clock = RetentionClock()
        var isExcessTold = false
        var isFailureTold = false
        var isJumpTold = false
        /// When files whose time lies in the future were first seen.
        var firstSeen: [String: Int64] = [:]
        /// What finished sessions took at the last look, and what had ended until then.
        var finishedBytes: Int64 = 0
        var ended: (bytes: Int64, count: Int) = (0, 0)
        /// How long that look took, in milliseconds.
        var lookMilliseconds: Int64 = 0
    }

    /// How often the budget is compared with what is known without looking at files.
    private static let tickMilliseconds: Int64 = 1000

    private let library: StreamLibrary
    private let settings: RetentionSettings
    private let logger: Logger
    private let deleted: @Sendable (RetentionNotice) -> Void
    private let state = Mutex(State())
    private let thread: WorkerThread
    private let ledger: RetentionLedger?

    /// Prepares it; nothing is deleted before ``start()`` or ``run()``.
    /// - Parameter deleted: told of each deletion, on the thread that did it.
    public init(
        library: StreamLibrary, settings: RetentionSettings, logger: Logger,
        deleted: @escaping @Sendable (RetentionNotice) -> Void = { _ in }
    ) throws(StreamLibraryError) {
        try library.checkWritable()
        self.library = library
        self.settings = settings
        self.logger = logger
        self.deleted = deleted
        ledger = library.shelf.operations.map {
            RetentionLedger(dataDirectory: library.dataDirectory, operations: $0)
        }
        do throws(FileError) { thread = try WorkerThread() } catch { throw .disk(error) }
    }

    /// Begins to look regularly.
    public func start() throws(StreamLibraryError) {
        let interval = max(100, settings.interval.wholeMilliseconds)
        do throws(FileError) {
            try thread.start(name: "retention") { [self] thread in
                var next = SystemClock.monotonicMilliseconds()
                var soonest = next
                while !thread.isStopped {
                    let now = SystemClock.monotonicMilliseconds()
                    if now >= next || now >= soonest && isOverBudget {
                        run()
                        let end = SystemClock.monotonicMilliseconds()
                        next = end + interval
                        // Many files: looking at them must not become all the thread does.
                        soonest = end + max(Self.tickMilliseconds, 10 * state.withLock { $0.lookMilliseconds })
                    }
                    let wait = next - SystemClock.monotonicMilliseconds()
                    thread.sleep(
                        milliseconds: settings.diskBudgetBytes == nil ? wait : min(Self.tickMilliseconds, wait))
                }
            }
        } catch {
            throw .disk(error)
        }
    }

    /// Ends it, after the deletion that is being done.
    public func stop() { thread.stop() }

    /// What has been done so far.
    public var statistics: RetentionStatistics { state.withLock { $0.statistics } }

    /// Whether the budget is used up by what has been written since the last look, as far as that is known without looking
    /// at files; not again while nothing has ended that could go.
    private var isOverBudget: Bool {
        guard let budget = settings.diskBudgetBytes else { return false }
        let ended = library.shelf.endedSessions
        let live = library.shelf.liveBytes
        return state.withLock { state in
            let stored = state.finishedBytes &+ (ended.bytes &- state.ended.bytes) &+ live
            return stored > budget && (state.statistics.excessBytes == 0 || ended.count != state.ended.count)
        }
    }

    /// Looks once, and deletes what may go. Blocks; looks at every file.
    public func run() {
        let start = SystemClock.monotonicMilliseconds()
        defer {
            state.withLock { $0.lookMilliseconds = SystemClock.monotonicMilliseconds() - start }
        }
        // Before the files: one that ends meanwhile is counted twice until the next look, and never not at all.
        let ended = library.shelf.endedSessions
        let (now, jumped) = state.withLock { state in
            let now = state.clock.now(wall: library.wallClock(), monotonic: SystemClock.monotonicMilliseconds())
            defer { state.isJumpTold = state.clock.isWaiting }
            return (now, state.clock.isWaiting && !state.isJumpTold)
        }
        if jumped {
            logger.warning("the clock was set far ahead; retention believes it when it has stood for an hour")
        }
        let streams = streams(now: now)
        let plan = RetentionPlan(streams, now: now, budget: settings.diskBudgetBytes)
        let finished = streams.reduce(0) { sum, stream in
            stream.files.reduce(sum) { $1.isLive ? $0 : $0 + $1.bytes }
        }
        state.withLock { state in
            state.statistics.storedBytes = plan.totalBytes
            state.finishedBytes = finished
            state.ended = ended
        }
        for deletion in plan.deletions where !thread.isStopped { delete(deletion) }
        let tell = state.withLock { state in
            state.statistics.excessBytes = plan.excessBytes
            defer { state.isExcessTold = plan.excessBytes > 0 }
            return plan.excessBytes > 0 && !state.isExcessTold
        }
        if tell {
            logger.warning(
                "the disk budget is exceeded by what is being recorded or read; nothing else is left to delete",
                metadata: ["budget": "\(settings.diskBudgetBytes ?? 0)", "excess": "\(plan.excessBytes)"])
        }
    }

    private func delete(_ deletion: RetentionPlan.Deletion) {
        let path = library.path(deletion.stream, deletion.file.session)
        guard let code = library.shelf.remove(path, stream: deletion.stream, session: deletion.file.session) else {
            return
        }
        guard code == 0 || code == FileCode.missing else {
            let isNews = state.withLock { state in
                state.statistics.failures += 1
                defer { state.isFailureTold = true }
                return !state.isFailureTold
            }
            if isNews { logger.error("retention", metadata: ["problem": "\(FileError("delete", path, -code))"]) }
            return
        }
        for beside in SessionFileName.besides(path) { _ = library.shelf.operations?.remove(beside) }
        library.indexes.remove(path)
        let notice = RetentionNotice(
            streamName: deletion.stream, session: deletion.file.session, bytes: deletion.file.bytes,
            endedAtMilliseconds: deletion.endedAtMilliseconds, reason: deletion.reason)
        state.withLock { state in
            state.isFailureTold = false
            state.firstSeen[path] = nil
            state.statistics.deletedSessions += 1
            state.statistics.deletedBytes += notice.bytes
            state.statistics.storedBytes -= notice.bytes
            state.finishedBytes -= notice.bytes
        }
        ledger?.note(notice, at: library.wallClock())
        logger.info(
            "recording deleted",
            metadata: [
                "stream": "\(notice.streamName)", "session": "\(notice.session.session)",
                "transactionId": "\(notice.session.transactionID)", "bytes": "\(notice.bytes)",
                "ended": "\(UTCTime(milliseconds: notice.endedAtMilliseconds).isoSeconds)",
                "reason": "\(notice.reason)",
            ])
        deleted(notice)
    }

    /// All that is in the streams' folders.
    private func streams(now: Int64) -> [RetentionPlan.Stream] {
        var found: [RetentionPlan.Stream] = []
        for name in library.shelf.names {
            // Before the files: one that appears later is not in the list.
            guard let stream = library.shelf.description(name) else { continue }
            let folder = library.shelf.folder(name)
            let names = FileContents.names(in: folder)
            let present = Set(names)
            var files: [RetentionPlan.File] = []
            for file in names {
                guard let session = SessionFileName(file) else {
                    removeOrphan(file, present: present, stream: name, folder: folder)
                    continue
                }
                let path = "\(folder)/\(file)"
                guard let usage = FileContents.usage(path) else { continue }
                let index = SessionFileName.besides(path).reduce(Int64(0)) { sum, beside in
                    let name = beside.split(separator: "/").last.map(String.init) ?? ""
                    return present.contains(name) ? sum + (FileContents.usage(beside)?.allocated ?? 0) : sum
                }
                files.append(
                    RetentionPlan.File(
                        session: session, bytes: usage.allocated + index,
                        changedAtMilliseconds: changed(path, usage.changedAtMilliseconds, now: now),
                        isLive: library.live(name, session) != nil, isHeld: library.shelf.isHeld(path)))
            }
            files.sort { $0.session.session < $1.session.session }
            found.append(RetentionPlan.Stream(name: name, retentionHours: stream.retentionHours, files: files))
        }
        return found
    }

    /// A file of the future was written by a wrong clock: it is as old as it has been known.
    private func changed(_ path: String, _ changed: Int64, now: Int64) -> Int64 {
        state.withLock { state in
            if let seen = state.firstSeen[path] { return min(seen, changed) }
            guard changed > now, state.firstSeen.count < 100_000 else { return changed }
            state.firstSeen[path] = now
            return now
        }
    }

    /// An index, or a list of losses, whose session has gone, after a crash between the two.
    private func removeOrphan(_ file: String, present: Set<String>, stream: String, folder: String) {
        guard let session = SessionFileName.session(ofBeside: file) else { return }
        guard !present.contains(session), let name = SessionFileName(session), library.live(stream, name) == nil else {
            return
        }
        _ = library.shelf.operations?.remove("\(folder)/\(file)")
    }
}
