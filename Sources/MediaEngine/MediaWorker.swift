import CMediaSockets
import Glibc
import MediaCore

/// One media thread with the legs it owns.
///
/// It sleeps for a few milliseconds, reads every socket that has become readable in the meantime, and lets each leg's
/// time line go on every 20 ms. Batching across sockets is what makes it cheap: one wait serves hundreds of legs, and
/// each packet costs one receive call and no lock, allocation or reference count.
struct MediaWorker: ~Copyable {
    private let mailbox: WorkerMailbox
    private let ports: PortPool
    private let policy: TimelinePolicy
    private let poll: Int32
    private var slots: LegSlots
    private var buffer = [UInt8](repeating: 0, count: 65_536)
    private var tokens = [UInt64](repeating: 0, count: 512)
    private var report: [UInt8] = []
    private var tick: Int64 = 0
    private var nextTick: Int64 = 0
    private var isRunning = true

    /// Nanoseconds between two looks at the sockets.
    private static let pace: Int64 = 4_000_000
    /// Looks at the sockets without a sleep between them, at most: a flood on one leg must not keep the others' time
    /// lines from going on, and the kernel's buffers bound what it can pile up.
    private static let maximumRounds = 64
    private static let tickLength: Int64 = 20_000_000
    /// Every leg hands out its audio once in this many ticks; legs take turns.
    private static let drainTicks: Int64 = 5
    private static let reportInterval: Int64 = 5_000_000_000
    private static let wakeToken = UInt64.max

    init(mailbox: WorkerMailbox, ports: PortPool, configuration: MediaConfiguration) {
        self.mailbox = mailbox
        self.ports = ports
        policy = configuration.timeline
        poll = media_poll_open()
        slots = LegSlots()
        _ = media_poll_add(poll, mailbox.wake, Self.wakeToken)
    }

    deinit { _ = close(poll) }

    mutating func run() {
        var rounds = 0
        var began: Int64 = 0
        while isRunning {
            let count = media_poll_wait(poll, &tokens, Int32(tokens.count), slots.isEmpty ? 1_000 : 0)
            let now = MediaClock.arrival
            if rounds == 0 { began = now }
            for index in 0..<max(0, Int(count)) { receive(tokens[index], now: now) }
            for command in mailbox.takeAll() { carryOut(command, now: now) }
            if now >= nextTick {
                advance(now: now)
                nextTick = max(nextTick + Self.tickLength, now)
            }
            rounds += 1
            // One datagram was read from each readable socket. More may wait in them: look again until nothing does,
            // and then sleep, so that the next look finds many sockets readable at once.
            if (count > 0 && rounds < Self.maximumRounds) || slots.isEmpty { continue }
            rounds = 0
            media_sleep_until(began + Self.pace)
        }
    }

    /// Tokens carry the slot and whether it is the RTCP socket.
    private mutating func receive(_ token: UInt64, now: Int64) {
        guard token != Self.wakeToken, let leg = slots[Int(token >> 1)] else { return }
        let isRTCP = token & 1 == 1
        let socket = isRTCP ? leg.pointee.sockets.rtcp : leg.pointee.sockets.rtp
        receiveOne(socket, isRTCP: isRTCP, leg, now: now)
    }

    /// Reads one datagram; the poll is level-triggered and comes back for the next one.
    @discardableResult
    private mutating func receiveOne(
        _ socket: Int32, isRTCP: Bool, _ leg: UnsafeMutablePointer<MediaLeg>, now: Int64
    ) -> Bool {
        var source: (UInt64, UInt64) = (0, 0)
        var port: UInt16 = 0
        let count = withUnsafeMutableBytes(of: &source) { octets in
            media_socket_receive(
                socket, &buffer, buffer.count, octets.baseAddress?.assumingMemoryBound(to: UInt8.self), &port)
        }
        guard count >= 0 else { return false }
        let sender = MediaAddress(
            high: UInt64(bigEndian: source.0), low: UInt64(bigEndian: source.1), port: port)
        let datagram = buffer.span.bytes.extracting(first: count)
        if isRTCP {
            leg.pointee.receiveRTCP(datagram, from: sender, arrival: now)
        } else {
            leg.pointee.receive(datagram, from: sender, arrival: now)
        }
        return true
    }

    private mutating func advance(now: Int64) {
        tick += 1
        for index in 0..<slots.count {
            guard let leg = slots[index] else { continue }
            leg.pointee.timeline.advance(to: now)
            if (tick + Int64(index)) % Self.drainTicks == 0 { leg.pointee.drain() }
            if now >= leg.pointee.nextReport {
                leg.pointee.nextReport = now + Self.reportInterval
                sendReport(leg, now: now)
            }
        }
    }

    private mutating func sendReport(_ leg: UnsafeMutablePointer<MediaLeg>, now: Int64) {
        guard let destination = leg.pointee.report(now: now, into: &report) else { return }
        var address = (destination.high.bigEndian, destination.low.bigEndian)
        let sockets = leg.pointee.sockets
        let socket = leg.pointee.parameters.isMultiplexed ? sockets.rtp : sockets.rtcp
        // A report that cannot be sent is lost like any datagram; the next one follows in five seconds.
        _ = withUnsafeBytes(of: &address) { octets in
            media_socket_send(
                socket, sockets.isIPv6 ? 1 : 0, report, report.count,
                octets.baseAddress?.assumingMemoryBound(to: UInt8.self), destination.port)
        }
    }

    private mutating func carryOut(_ command: WorkerCommand, now: Int64) {
        switch command {
        case .add(let setup): add(setup, now: now)
        case .change(let id, let parameters):
            guard let index = slots.index(of: id), let leg = slots[index] else { return }
            leg.pointee.parameters = parameters
            leg.pointee.timeline.payloads = parameters.payloads
            leg.pointee.latch = SourceLatch(offered: parameters.remote, signalling: parameters.signalling)
        case .finish(let ids, let end, let completion): completion(finish(ids, at: end))
        case .snapshot(let ids, let completion):
            completion(ids.compactMap { slots.index(of: $0).flatMap { slots[$0]?.pointee.snapshot(now: now) } })
        case .stop:
            isRunning = false
        }
    }

    private mutating func add(_ setup: LegSetup, now: Int64) {
        // Spread, so that the reports of a thousand legs do not go out in one tick.
        let firstReport = now + 1_000_000_000 + Int64(setup.id % 64) * 60_000_000
        let index = slots.insert(
            MediaLeg(
                id: setup.id, sockets: setup.sockets, tap: setup.tap, ssrc: setup.ssrc,
                timeline: LegTimeline(epoch: setup.epoch, payloads: setup.parameters.payloads, policy: policy),
                latch: SourceLatch(offered: setup.parameters.remote, signalling: setup.parameters.signalling),
                parameters: setup.parameters, nextReport: firstReport),
            id: setup.id)
        _ = media_poll_add(poll, setup.sockets.rtp, UInt64(index) << 1)
        _ = media_poll_add(poll, setup.sockets.rtcp, UInt64(index) << 1 | 1)
    }

    /// What still lies in the sockets belongs to the call and is read first; then all legs end at the same sample.
    private mutating func finish(_ ids: [UInt64], at end: Int64) -> [LegReport] {
        let indices = ids.compactMap { slots.index(of: $0) }
        var furthest: Int64 = 0
        for index in indices {
            guard let leg = slots[index] else { continue }
            let socket = leg.pointee.sockets.rtp
            // Bounded, because a flood must not keep the other legs waiting; a full kernel buffer holds fewer.
            var remaining = 4_096
            while remaining > 0, receiveOne(socket, isRTCP: false, leg, now: MediaClock.arrival) { remaining -= 1 }
            while !leg.pointee.timeline.finish(at: end) { leg.pointee.drain() }
            furthest = max(furthest, leg.pointee.timeline.frontier)
        }
        var reports: [LegReport] = []
        for index in indices {
            guard let leg = slots[index] else { continue }
            leg.pointee.timeline.fillSilence(upTo: furthest)
            leg.pointee.drain()
            reports.append(leg.pointee.snapshot(now: end))
            let sockets = leg.pointee.sockets
            _ = media_poll_remove(poll, sockets.rtp)
            _ = media_poll_remove(poll, sockets.rtcp)
            ports.close(sockets, now: end)
            slots.remove(at: index)
        }
        return reports
    }
}
