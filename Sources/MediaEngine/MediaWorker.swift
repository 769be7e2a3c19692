import CMediaSockets
import Glibc
import MediaCore

/// One media thread with the legs it owns.
///
/// It sleeps for a few milliseconds, takes every datagram that has come in the meantime, and visits each leg several
/// times a second to let its time line go on and to hand its audio out. Batching across sockets is what makes it cheap:
/// one wait serves hundreds of legs, and a packet costs no lock, allocation or reference count.
struct MediaWorker<BackEnd: MediaBackEnd & ~Copyable>: ~Copyable {
    let mailbox: WorkerMailbox
    let ports: PortPool
    let policy: TimelinePolicy
    let notice: @Sendable (String) -> Void
    var backEnd: BackEnd
    var slots = LegSlots()
    /// Room for the largest datagram and what protection adds to it.
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 66_048, alignment: 64)
    // Used again for each leg's report.
    var report: [UInt8] = []
    var blocks: [RTCPReportBlock] = []
    var random = SystemRandomNumberGenerator()
    var bridges = 0
    /// Slots of legs that somebody listens to live.
    var live: [Int] = []
    /// Slots of legs with a tap that is followed.
    var followed: [Int] = []
    var isRunning = true
    /// When ports that rest want to be looked at again.
    var nextRestEnd: Int64 = .max
    private var tick = 0
    private var nextVisit: Int64 = 0

    init(
        mailbox: WorkerMailbox, ports: PortPool, policy: TimelinePolicy, notice: @escaping @Sendable (String) -> Void,
        backEnd: consuming BackEnd
    ) {
        self.mailbox = mailbox
        self.ports = ports
        self.policy = policy
        self.notice = notice
        self.backEnd = backEnd
        _ = self.backEnd.addWake(mailbox.wake)
    }

    deinit { scratch.deallocate() }

    mutating func run() {
        while isRunning { turn() }
        while let index = slots.last { remove(at: index, now: MediaClock.arrival) }
    }

    /// One round: sleeps, handles what has come, carries out commands, visits the legs whose turn it is.
    mutating func turn() {
        backEnd.wait(
            until: min(slots.isEmpty ? .max : nextVisit, nextRestEnd), pace: MediaPace.wait(isRelaying: bridges > 0))
        let now = MediaClock.arrival
        while let datagram = backEnd.next() {
            fetchAhead()
            deliver(datagram, now: now)
        }
        if mailbox.isWaiting {
            for command in mailbox.takeAll() { carryOut(command, now: now) }
        }
        if now >= nextVisit {
            visit(now: now)
            nextVisit = max(nextVisit + MediaPace.visitTick, now)
        }
        if now >= nextRestEnd { nextRestEnd = ports.endRests(now: now) }
        backEnd.flush()
    }

    /// Tokens carry the slot and whether it is the RTCP socket.
    static func token(_ slot: Int, isControl: Bool) -> UInt64 { UInt64(slot) << 1 | (isControl ? 1 : 0) }

    /// Thousands of legs do not fit into a cache. While one packet is handled, what the ones behind it need comes in: the
    /// leg itself, then what it points to.
    @inline(__always)
    private mutating func fetchAhead() {
        if let token = backEnd.upcomingToken(2) { slots.prefetch(Int(token >> 1)) }
        if let token = backEnd.upcomingToken(1), let leg = slots[Int(token >> 1)] {
            if let place = leg.pointee.timeline.upcomingSamples() { media_prefetch_for_write(place, 320) }
            leg.pointee.security.fetchContext()
        }
        if let token = backEnd.upcomingToken(0), let leg = slots[Int(token >> 1)] { leg.pointee.security.fetchKeys() }
    }

    mutating func deliver(_ datagram: Datagram, now: Int64) {
        let slot = Int(datagram.token >> 1)
        guard let leg = slots[slot] else { return }
        if datagram.token & 1 == 1 {
            guard let count = leg.pointee.admitControl(datagram.octets, from: datagram.sender) else { return }
            return leg.pointee.recordControl(
                UnsafeRawBufferPointer(datagram.octets).bytes.extracting(first: count), arrival: now)
        }
        switch leg.pointee.admit(datagram.octets, from: datagram.sender) {
        case .refused: break
        case .control(let count):
            leg.pointee.recordControl(
                UnsafeRawBufferPointer(datagram.octets).bytes.extracting(first: count), arrival: now)
        case .media(let header, let count):
            let packet = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(datagram.octets)[..<count])
            // The bridge first: people wait for it.
            if leg.pointee.bridge.peer != nil { relay(leg, header, packet, now: now) }
            if leg.pointee.hasForks { fork(leg, packet) }
            leg.pointee.record(header, packet.bytes, arrival: now)
        case .fax: relayFax(leg, UnsafeRawBufferPointer(datagram.octets))
        }
    }

    /// Each leg has its turn once in ``MediaPace/visitTicks`` ticks, one somebody listens to in every other one.
    mutating func visit(now: Int64) {
        tick &+= 1
        var index = tick % MediaPace.visitTicks
        while index < slots.count {
            slots.prefetch(index + MediaPace.visitTicks)
            if let leg = slots[index] {
                visit(leg, now: now)
                follow(leg, at: index)
            }
            index += MediaPace.visitTicks
        }
        if tick % MediaPace.liveTicks == 0 { drain(live, now: now) }
        if tick % MediaPace.followedTicks == 0 { drain(followed, now: now) }
    }

    private mutating func drain(_ indices: [Int], now: Int64) {
        for index in indices {
            guard let leg = slots[index] else { continue }
            leg.pointee.timeline.advance(to: now)
            leg.pointee.drain()
        }
    }

    /// Takes the leg among those that hand in quickly, or out of them. Readers come and go on other threads, so the leg's
    /// turn is where that is noticed.
    private mutating func follow(_ leg: UnsafeMutablePointer<MediaLeg>, at index: Int) {
        let isFollowed = leg.pointee.hasFollowedTap()
        guard isFollowed != leg.pointee.isFollowed else { return }
        leg.pointee.isFollowed = isFollowed
        if isFollowed { followed.append(index) } else { followed.removeAll { $0 == index } }
    }

    private mutating func visit(_ leg: UnsafeMutablePointer<MediaLeg>, now: Int64) {
        leg.pointee.timeline.advance(to: now)
        leg.pointee.drain()
        guard leg.pointee.hasBegun else { return }
        guard let deadline = leg.pointee.control.nextDeadline else {
            return leg.pointee.control.begin(at: now, random: random.next())
        }
        // Random numbers cost a system call.
        guard now >= deadline, leg.pointee.control.expire(at: now, random: random.next()) else { return }
        sendReport(leg, now: now)
        align(leg)
    }
}

/// How often a worker looks and visits. Nanoseconds, and ticks of them.
enum MediaPace {
    static let visitTick: Int64 = 10_000_000
    /// A leg hands out its audio every 230 ms: with what the stream's writer adds, its file grows at least every 250 ms, and
    /// the writer is called no more often than that needs (docs/decisions/0015).
    static let visitTicks = 23
    /// A leg with a tap that somebody follows: every 40 ms.
    static let followedTicks = 4
    /// A leg with a live listener: every 20 ms.
    static let liveTicks = 2

    /// The longest a datagram waits for others to be handled with it.
    static func wait(isRelaying: Bool) -> Int64 { isRelaying ? 1_000_000 : 4_000_000 }
}
