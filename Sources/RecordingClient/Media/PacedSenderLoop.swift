import CPacedSender

/// The sender's thread: a grid of one slot a millisecond of the packet time, each with the calls that send then.
///
/// All times are monotonic nanoseconds.
struct PacedSenderLoop: ~Copyable {
    private struct Slot {
        var playbacks: [Playback] = []
        /// The next deadline; nil while the slot is empty.
        var due: Int64?
    }

    private static let batchSize = 64
    /// RFC 3550 §6.2: five seconds between reports.
    private static let reportInterval: Int64 = 5_000_000_000

    private let mailbox: PacedSenderMailbox
    private let samples: Int
    private let interval: Int64
    private var slots: [Slot]
    private var origin: Int64 = 0
    private var batch: [paced_packet] = []
    private var owners: [Playback] = []
    private var lateness = LatenessHistogram()
    private var nextPublication: Int64 = 0

    init(mailbox: PacedSenderMailbox, packetTime: Int) {
        self.mailbox = mailbox
        samples = packetTime * 8
        interval = Int64(packetTime) * 1_000_000
        slots = [Slot](repeating: Slot(), count: packetTime)
        batch.reserveCapacity(Self.batchSize + 8)
        owners.reserveCapacity(Self.batchSize + 8)
    }

    mutating func run() {
        origin = paced_clock_monotonic()
        while true {
            let post = mailbox.take()
            if !post.isEmpty {
                for playback in post.added { add(playback) }
                for id in post.cancelled { cancel(id) }
                if post.isStopped { return stop() }
            }
            guard let (next, due) = earliest() else {
                publish()
                mailbox.wait(until: nil)
                continue
            }
            let now = paced_clock_monotonic()
            if due <= now {
                send(slot: next, due: due)
            } else {
                if now >= nextPublication { publish() }
                mailbox.wait(until: due)
            }
        }
    }

    private func earliest() -> (slot: Int, due: Int64)? {
        var found: (slot: Int, due: Int64)?
        for slot in slots.indices {
            guard let due = slots[slot].due, due < found?.due ?? .max else { continue }
            found = (slot, due)
        }
        return found
    }

    // MARK: Calls come and go

    /// Puts a call into the emptiest slot; it starts there at the slot's next deadline.
    private mutating func add(_ playback: Playback) {
        let emptiest = slots.indices.min { slots[$0].playbacks.count < slots[$1].playbacks.count } ?? 0
        slots[emptiest].playbacks.append(playback)
        let now = paced_clock_monotonic()
        // Spread, so that the reports of calls that start together do not come together.
        playback.nextReport = now + Self.reportInterval / 10 + Int64(playback.id % 97) * (Self.reportInterval / 97)
        guard slots[emptiest].due == nil else { return }
        let phase = origin + Int64(emptiest) * 1_000_000
        slots[emptiest].due = phase + ((now - phase) / interval + 1) * interval
    }

    private mutating func cancel(_ id: UInt64) {
        for slot in slots.indices {
            guard let index = slots[slot].playbacks.firstIndex(where: { $0.id == id }) else { continue }
            remove(slot, index, isComplete: slots[slot].playbacks[index].isOver)
            return
        }
    }

    private mutating func remove(_ slot: Int, _ index: Int, isComplete: Bool) {
        let playback = slots[slot].playbacks.remove(at: index)
        if slots[slot].playbacks.isEmpty { slots[slot].due = nil }
        playback.exchangeReports(samples: samples, wallClock: paced_clock_realtime(), isLast: true)
        mailbox.released(streams: playback.count)
        publish()
        playback.finish(isComplete: isComplete)
    }

    private mutating func stop() {
        for slot in slots.indices {
            while !slots[slot].playbacks.isEmpty { remove(slot, 0, isComplete: false) }
        }
    }

    // MARK: Packets

    private mutating func send(slot: Int, due: Int64) {
        for index in slots[slot].playbacks.indices.reversed() where slots[slot].playbacks[index].isOver {
            remove(slot, index, isComplete: true)
        }
        guard !slots[slot].playbacks.isEmpty else { return }
        slots[slot].due = due + interval
        for playback in slots[slot].playbacks {
            playback.appendNext(samples: samples, to: &batch)
            for _ in 0..<playback.count { owners.append(playback) }
            if batch.count >= Self.batchSize { flush(due: due) }
        }
        flush(due: due)
        report(slot: slot, due: due)
    }

    private mutating func flush(due: Int64) {
        guard !batch.isEmpty else { return }
        paced_send(&batch, Int32(batch.count))
        lateness.add(paced_clock_monotonic() - due, count: batch.count)
        for (packet, owner) in zip(batch, owners) { owner.note(packet) }
        batch.removeAll(keepingCapacity: true)
        owners.removeAll(keepingCapacity: true)
    }

    private mutating func report(slot: Int, due: Int64) {
        for playback in slots[slot].playbacks where due >= playback.nextReport {
            playback.nextReport = due + Self.reportInterval
            playback.exchangeReports(samples: samples, wallClock: paced_clock_realtime(), isLast: false)
        }
    }

    private mutating func publish() {
        nextPublication = paced_clock_monotonic() + 100_000_000
        mailbox.publish(
            PacingStatistics(
                lateP50: lateness.percentile(0.5), lateP99: lateness.percentile(0.99),
                processorSeconds: Double(paced_clock_thread()) / 1e9))
    }
}
