import Logging
import NIOPosix
import StreamSink
import Synchronization

/// Brings one feed's messages to one target: the queue, the requests in flight, the cursor, the dead letters.
///
/// Every decision is the queue's; this gives it the clock and does what it says.
actor TargetRunner {
    /// What a runner is made with.
    struct Setup: Sendable {
        var name: String
        var target: any DeliveryTarget
        var policy: RetryPolicy
        /// Requests at the same time.
        var requests: Int
        var cursorPath: String
        var deadLetterPath: String
        /// Between looks for new messages.
        var tick: Duration = .milliseconds(50)
        /// Between writes of the cursor.
        var cursorInterval: Duration = .seconds(1)
    }

    nonisolated let name: String
    private let setup: Setup
    private let feed: any DeliveryFeed
    private let logger: Logger
    private var queue: DeliveryQueue
    private var workers = 0
    private var random = SystemRandomNumberGenerator()
    private var counts = TargetStatistics()
    private var isCursorWritten = false
    private var deadline: ContinuousClock.Instant?
    private nonisolated let shared: Mutex<TargetStatistics>

    init(_ setup: Setup, logger: Logger, feed: sending any DeliveryFeed) {
        self.setup = setup
        self.feed = feed
        var logger = logger
        logger[metadataKey: "target"] = "\(setup.name)"
        self.logger = logger
        name = setup.name
        queue = DeliveryQueue(policy: setup.policy)
        counts.name = setup.name
        shared = Mutex(counts)
    }

    /// The numbers of the moment, or of at most a tick ago.
    nonisolated var statistics: TargetStatistics { shared.withLock { $0 } }

    /// Ends ``run()`` when nothing is left that can be sent, or at the deadline.
    func finish(by deadline: ContinuousClock.Instant) {
        self.deadline = min(self.deadline ?? deadline, deadline)
    }

    /// Works until ``finish(by:)``; when its task is cancelled, what is in flight is given up at once and will be sent
    /// again at the next start.
    func run() async {
        await withTaskGroup { group in
            var nextCursor = ContinuousClock.now + setup.cursorInterval
            while !Task.isCancelled {
                let isLast = deadline != nil
                if queue.room > 0 {
                    for item in await feed.poll(limit: min(queue.room, 2000)) {
                        queue.add(item.sequence, lane: item.lane, notBefore: item.notBefore)
                    }
                }
                startWorkers(&group)
                publish()
                let now = ContinuousClock.now
                if let deadline, now >= deadline || (isLast && workers == 0 && !queue.hasWork(at: now)) { break }
                if now >= nextCursor {
                    await saveCursor()
                    nextCursor = ContinuousClock.now + setup.cursorInterval
                }
                try? await Task.sleep(for: setup.tick)
            }
            group.cancelAll()
        }
        await saveCursor()
        publish()
    }

    private func startWorkers(_ group: inout TaskGroup<Void>) {
        let now = ContinuousClock.now
        while workers < setup.requests, queue.hasWork(at: now) {
            let batch = queue.take(limit: max(1, setup.target.batchLimit), at: now)
            guard !batch.isEmpty else { return }
            workers += 1
            group.addTask { await self.work(batch) }
        }
    }

    /// Sends a batch, and then whatever else may be sent.
    private func work(_ first: [DeliveryQueue.Taken]) async {
        var batch = first
        while !batch.isEmpty {
            await deliver(batch)
            if Task.isCancelled || workers > setup.requests { break }
            batch = queue.take(limit: max(1, setup.target.batchLimit), at: .now)
        }
        workers -= 1
    }

    private func deliver(_ batch: [DeliveryQueue.Taken]) async {
        var messages: [DeliveryMessage] = []
        var sequences: [Int64] = []
        for taken in batch {
            guard let content = feed.content(of: taken.sequence) else {
                queue.drop(taken.sequence)
                feed.settle(taken.sequence)
                logger.error("a message is lost: its place in the spool is gone")
                continue
            }
            messages.append(
                DeliveryMessage(
                    id: feed.id(of: taken.sequence, content), failures: taken.failures, content: content))
            sequences.append(taken.sequence)
        }
        guard !messages.isEmpty else { return }
        let results = await setup.target.send(messages)
        for (index, sequence) in sequences.enumerated() {
            let result = index < results.count ? results[index] : .failed(DeliveryFailure(.message, "no result"))
            switch result {
            case .acknowledged:
                guard queue.acknowledge(sequence) else { continue }
                feed.settle(sequence)
                counts.acknowledged += 1
                counts.lastFailure = nil
            case .failed(let failure):
                if Task.isCancelled { queue.putBack(sequence) } else { await fail(sequence, failure, messages[index]) }
            }
        }
    }

    private func fail(_ sequence: Int64, _ failure: DeliveryFailure, _ message: DeliveryMessage) async {
        let wasDown = queue.isDown
        let verdict = queue.fail(sequence, failure, at: .now, jitter: Double.random(in: 0..<1, using: &random))
        counts.failures += 1
        counts.lastFailure = failure.reason
        switch verdict {
        case .retry:
            if queue.isDown, !wasDown {
                logger.warning(
                    "the target does not take messages; they are kept and tried again",
                    metadata: ["reason": "\(failure)", "waiting": "\(queue.count)"])
            }
        case .deadLetter(let failures):
            counts.deadLetters += 1
            logger.error(
                "a message is given up and kept as a dead letter",
                metadata: ["id": "\(message.id)", "failures": "\(failures)", "reason": "\(failure)"])
            // A letter that could not be kept is not settled: the next start sends it again.
            let letter = DeadLetter(target: name, message: message, failures: failures, reason: failure.reason)
            if await keep(letter) { feed.settle(sequence) }
        case .unknown: break
        }
    }

    /// The letter is on the disk before the cursor passes it.
    private func keep(_ letter: DeadLetter) async -> Bool {
        let path = setup.deadLetterPath
        while true {
            do {
                try await NIOThreadPool.singleton.runIfActive { try DiskFile.append(letter.line, to: path) }
                return true
            } catch {
                logger.error("a dead letter cannot be kept; trying again", metadata: ["error": "\(error)"])
                do { try await Task.sleep(for: .seconds(1)) } catch { return false }
            }
        }
    }

    private func saveCursor() async {
        guard let change = feed.cursor() else { return }
        // Marked before the write, as what is settled during it belongs to the next one.
        feed.cursorWasSaved()
        let (path, isFirst) = (setup.cursorPath, !isCursorWritten)
        isCursorWritten = true
        let write: @Sendable () throws -> Void = {
            switch change {
            case .replace(let bytes): try DiskFile.replace(path, with: bytes)
            // The line end keeps the first line apart from one that a power cut tore.
            case .append(let bytes): try DiskFile.append(isFirst ? [0x0A] + bytes : bytes, to: path)
            }
        }
        do {
            // The pool does nothing for a cancelled task, and the last write has to be made all the same.
            if Task.isCancelled { try write() } else { try await NIOThreadPool.singleton.runIfActive(write) }
        } catch {
            // What is not written down is sent twice after a crash, and nothing is lost.
            logger.error("the cursor cannot be written", metadata: ["error": "\(error)"])
        }
    }

    private func publish() {
        counts.waiting = queue.count
        counts.inFlight = queue.inFlight
        counts.isDown = queue.isDown
        let troubles = feed.troubles
        counts.lostLogs = troubles.lostLogs
        counts.lostMessages = troubles.lostMessages
        counts.damagedLines = troubles.damagedLines
        let counts = counts
        shared.withLock { $0 = counts }
    }
}
