import DequeModule
import Logging
import Synchronization

/// Writes events, records and journals in the order in which they are posted, on a thread of its own.
///
/// Posting never blocks and never fails: while the disk is full the work waits in memory, bounded, and is tried again each
/// second. The order is what makes crashes harmless: a call's journal is removed only after its records are written.
public final class RecordWriter: Sendable {
    private enum Work {
        case event([UInt8])
        case metric([UInt8])
        case object(number: Int64, key: String, [UInt8])
        case journal(CallRecord, size: Int)
        case removeJournal(String)

        var size: Int {
            switch self {
            case .event(let bytes), .metric(let bytes): bytes.count
            case .object(_, let key, let bytes): key.utf8.count + bytes.count
            case .journal(_, let size): size
            case .removeJournal: 64
            }
        }
    }

    private struct State {
        var work = Deque<Work>()
        var bytes = 0
        var dropped: Int64 = 0
        var objects: Int64 = 0
        var isBusy = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let thread: WorkerThread
    private let events: EventLog
    private let metrics: EventLog
    private let objects: ObjectStore
    private let journals: CallJournal
    private let logger: Logger
    private let limit: Int

    /// Starts the thread.
    /// - Parameter limit: the most bytes of waiting work; beyond it what is posted is dropped, counted and logged.
    public init(directory: DataDirectory, logger: Logger, limit: Int = 64 << 20) throws(FileError) {
        events = EventLog(path: directory.eventLogPath, operations: directory.operations)
        metrics = EventLog(path: directory.mediaMetricLogPath, operations: directory.operations)
        objects = ObjectStore(directory: directory)
        journals = CallJournal(directory: directory)
        self.logger = logger
        self.limit = limit
        thread = try WorkerThread()
        try thread.start(name: "records") { [self] in run($0) }
    }

    /// Work that had no room while the disk did not take any.
    public var dropped: Int64 { state.withLock { $0.dropped } }

    /// Adds an event to `logs/events.jsonl`.
    public func post(_ event: StreamingEvent) { add(.event(event.line)) }

    /// Adds a line to `logs/media-metrics.jsonl`.
    public func post(_ metric: MediaMetric) { add(.metric(metric.line)) }

    /// Writes the call's journal.
    public func saveJournal(_ call: CallRecord) {
        // An estimate is enough for the bound: the metadata is nearly all of it.
        add(.journal(call, size: 1024 + (call.siprecMetadataOctets?.count ?? 0) + call.legs.count * 1024))
    }

    /// Writes the journal of a call that is about to be answered, on the caller's thread, so that a crash right after the
    /// answer leaves a trace. Takes the time of a small write; where the disk refuses, the writer's thread tries on.
    public func saveFirstJournal(_ call: CallRecord) {
        do throws(FileError) {
            try journals.save(call)
        } catch {
            saveJournal(call)
        }
    }

    /// Removes the journal of a call that came to nothing.
    public func removeJournal(_ call: CallRecord) { add(.removeJournal(call.transactionID)) }

    /// Writes the end of a call: the legs' ENDED events, the streaming detail record, the call detail record, and then
    /// removes the journal.
    /// - Parameters:
    ///   - legEnds: the end of each leg's time line, in the order of `call.legs`; nil for a leg whose ENDED event was
    ///     posted when it ended, before the call did.
    public func finish(_ call: CallRecord, legEnds: [UTCTime?], outcome: CallOutcome, endedAt end: UTCTime) {
        for case (let leg, let legEnd?) in zip(call.legs, legEnds) {
            post(
                .ended(
                    call, leg: leg, endTime: legEnd, endReason: outcome.endReason, at: end, id: RandomUUID.make()))
        }
        let streaming = StreamingDetailRecord(call, outcome: outcome, endedAt: end)
        let detail = CallDetailRecord(call, outcome: outcome, endedAt: end)
        if !call.legs.isEmpty { postObject(key: streaming.key, bytes: streaming.json.bytes) }
        postObject(key: detail.key, bytes: detail.json.bytes)
        add(.removeJournal(call.transactionID))
    }

    /// Writes a single object once; for records that ``finish(_:legEnds:outcome:endedAt:)`` does not make.
    public func postObject(key: String, bytes: [UInt8]) {
        guard ObjectStore.isUsable(key) else {
            logger.error("a record has no usable key", metadata: ["key": "\(key.prefix(200))"])
            return
        }
        let number = state.withLock { state in
            state.objects += 1
            return state.objects
        }
        add(.object(number: number, key: key, bytes))
    }

    /// Waits until everything posted so far is written, or cannot be at the moment.
    public func drain() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if state.work.isEmpty, !state.isBusy { return true }
                state.waiting.append(continuation)
                return false
            }
            if isIdle { continuation.resume() } else { thread.ring() }
        }
    }

    /// Drains and ends the thread.
    public func shutDown() async {
        await drain()
        thread.stop()
    }

    private func add(_ work: Work) {
        let isFull = state.withLock { state in
            guard state.bytes + work.size <= limit else {
                state.dropped += 1
                return state.dropped == 1
            }
            state.work.append(work)
            state.bytes += work.size
            return false
        }
        if isFull { logger.error("records are lost: the disk does not take them and too many wait already") }
        thread.ring()
    }

    private func run(_ thread: WorkerThread) {
        var reported = false
        var writtenObjects: Set<Int64> = []
        while true {
            let stopping = thread.isStopped
            let work = state.withLock { state in
                state.isBusy = !state.work.isEmpty
                return state.work.first
            }
            guard let work else {
                release()
                if stopping { return }
                thread.sleep(milliseconds: 60_000)
                continue
            }
            if let error = perform(work, &writtenObjects) {
                if !reported { logger.error("records cannot be written and wait", metadata: ["reason": "\(error)"]) }
                reported = true
                state.withLock { $0.isBusy = false }
                release()
                if stopping { return }
                pause(thread)
                continue
            }
            if reported { logger.notice("records are written again") }
            reported = false
            state.withLock { state in
                state.work.removeFirst()
                state.bytes -= work.size
            }
        }
    }

    /// Sleeps a second, whoever rings.
    private func pause(_ thread: WorkerThread) {
        let end = SystemClock.monotonicMilliseconds() + 1000
        while !thread.isStopped {
            let left = end - SystemClock.monotonicMilliseconds()
            guard left > 0 else { return }
            thread.sleep(milliseconds: left)
        }
    }

    private func release() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Returns why the work has to wait.
    private func perform(_ work: Work, _ writtenObjects: inout Set<Int64>) -> FileError? {
        do throws(FileError) {
            switch work {
            case .event(let line):
                return events.waitingLines > 0 ? events.retry() : events.append(line)
            case .metric(let line):
                return metrics.waitingLines > 0 ? metrics.retry() : metrics.append(line)
            case .object(let number, _, _):
                // Written already, together with one that was posted before it.
                if writtenObjects.remove(number) != nil { return nil }
                try writeObjects(&writtenObjects)
                writtenObjects.remove(number)
            case .journal(let call, _): try journals.save(call)
            case .removeJournal(let id): try journals.remove(transactionID: id)
            }
            return nil
        } catch {
            return error
        }
    }

    /// Writes the objects near the head of the queue together: when many calls end at once, flushing each file for itself
    /// would take longer than the calls took to end.
    private func writeObjects(_ writtenObjects: inout Set<Int64>) throws(FileError) {
        let objects = state.withLock { state in
            state.work.prefix(512).compactMap { work -> (number: Int64, key: String, bytes: [UInt8])? in
                if case .object(let number, let key, let bytes) = work { (number, key, bytes) } else { nil }
            }
        }
        // Some of them may have been written with an earlier one that had to wait; writing again changes nothing.
        let missing = objects.filter { !writtenObjects.contains($0.number) }
        do throws(ObjectStoreError) {
            _ = try self.objects.writeOnce(missing.map { ($0.key, $0.bytes) })
        } catch {
            switch error {
            case .file(let error): throw error
            // Keys are checked when they are posted.
            case .unusableKey: break
            }
        }
        writtenObjects.formUnion(missing.map(\.number))
    }
}
