import CMediaSockets
import Glibc
import MediaCore
import Synchronization

/// The sockets of one leg: RTP on an even port, RTCP on the odd one above it (RFC 3550 §11). Owned by whoever holds it;
/// must be given back to the pool.
struct LegSockets: Sendable {
    var rtp: Int32
    var rtcp: Int32
    var port: UInt16
    var isIPv6: Bool
}

/// Hands out port pairs at random and lets released ones rest, so that a new call does not inherit a port to which
/// somebody still sends. A pair that rests stays bound: what arrives is dropped and counted instead of being answered
/// with ICMP, and no other program gets the port meanwhile. Thread-safe; used when calls are set up and ended, never
/// for a packet.
///
/// A bound pair takes two descriptors and, for its filters, about 8 kB of the kernel's memory; `maximumBound` limits
/// them, as does a quarter of the descriptors that the process may have. Where descriptors run out, the longest-rested
/// pairs give up theirs.
final class PortPool: Sendable {
    private struct State {
        var used: Set<UInt16> = []
        var resting: RestingPorts
        var isStopped = false

        /// The longest-rested pair, in use from now on.
        mutating func takeOldest(restingUntil latest: Int64) -> RestingPorts.Pair? {
            guard let pair = resting.takeOldest(restingUntil: latest) else { return nil }
            used.insert(pair.port)
            return pair
        }
    }
    private let range: ClosedRange<UInt16>
    private let receiveBuffer: Int32
    /// Nanoseconds that a released pair rests.
    private let rest: Int64
    /// A fifth of it is never cut: what is under way when a call ends has arrived by then, and no call gets another
    /// one's audio.
    private var leastRest: Int64 { rest / 5 }
    private let state: Mutex<State>
    /// Rests that one call ends, so that no media worker closes thousands of sockets at once.
    private static let batch = 32
    /// Nanoseconds until the next batch.
    private static let pause: Int64 = 10_000_000

    init(
        range: ClosedRange<UInt16>, receiveBuffer: Int32, rest: Int64 = 5_000_000_000, maximumBound: Int = 2_048
    ) {
        self.range = range
        self.receiveBuffer = receiveBuffer
        self.rest = rest
        state = Mutex(State(resting: RestingPorts(capacity: min(maximumBound, Self.descriptors / 8))))
    }

    deinit { stop() }

    /// Descriptors that the process may have.
    private static var descriptors: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1_024 }
        return Int(clamping: limit.rlim_cur)
    }

    /// Binds a free pair on every address of the family.
    func open(isIPv6: Bool, now: Int64) throws(MediaEngineError) -> LegSockets {
        let first = Int(range.lowerBound) + Int(range.lowerBound) % 2
        let pairs = (Int(range.upperBound) - first + 1) / 2
        guard pairs > 0 else { throw .noFreePorts(range) }
        _ = endRests(now: now)
        // Random places first, which almost always succeeds, then each pair in turn from a random one on.
        let start = Int.random(in: 0..<pairs)
        for step in 0..<(16 + pairs) {
            let pair = step < 16 ? Int.random(in: 0..<pairs) : (start + step) % pairs
            let port = UInt16(first + pair * 2)
            guard take(port) else { continue }
            if let sockets = try bind(port, isIPv6: isIPv6) { return sockets }
            free(port)
        }
        // Rather than refusing a call: those that have rested longest, and long enough.
        while let pair = state.withLock({ $0.takeOldest(restingUntil: now + rest - leastRest) }) {
            end(pair)
            if let sockets = try bind(pair.port, isIPv6: isIPv6) { return sockets }
            free(pair.port)
        }
        throw .noFreePorts(range)
    }

    /// The leg has ended: its pair rests.
    func close(_ sockets: LegSockets, now: Int64) {
        guard !state.withLock({ $0.isStopped }) else { return discard(sockets) }
        var unread: UInt64 = 0
        let pair = RestingPorts.Pair(resting: sockets, until: now + rest, unread: &unread)
        let surplus = state.withLock { state in
            state.used.remove(sockets.port)
            state.resting.late &+= unread
            return state.resting.add(pair)
        }
        if let surplus { end(surplus) }
    }

    /// Nobody has been told of the pair: it is free at once.
    func discard(_ sockets: LegSockets) {
        _ = Glibc.close(sockets.rtp)
        _ = Glibc.close(sockets.rtcp)
        free(sockets.port)
    }

    /// When a pair's rest ends next; `.max` where none rests.
    var nextRestEnd: Int64 { state.withLock { $0.resting.nextEnd ?? .max } }

    /// Closes some of the pairs that have rested; returns when to call again, `.max` where none rests.
    func endRests(now: Int64) -> Int64 {
        for _ in 0..<Self.batch {
            guard let pair = state.withLock({ $0.resting.takeRested(at: now) }) else { return nextRestEnd }
            end(pair)
        }
        return max(nextRestEnd, now + Self.pause)
    }

    /// No call follows: nothing rests any more.
    func stop() {
        state.withLock { $0.isStopped = true }
        while let pair = state.withLock({ $0.resting.takeFirst() }) { end(pair) }
    }

    /// Asks the kernel about every pair that rests, which takes it a microsecond or two each.
    var report: PortReport {
        state.withLock {
            PortReport(
                resting: $0.resting.count, bound: $0.resting.bound, lateAfterRelease: $0.resting.lateSoFar,
                cutShort: $0.resting.cutShort)
        }
    }

    private func end(_ pair: RestingPorts.Pair) {
        let late = pair.close()
        if late > 0 { state.withLock { $0.resting.late &+= late } }
    }

    private func take(_ port: UInt16) -> Bool {
        state.withLock { !$0.resting.contains(port) && $0.used.insert(port).inserted }
    }

    private func free(_ port: UInt16) { state.withLock { _ = $0.used.remove(port) } }

    /// Nil where the pair cannot be had. Throws where no pair could.
    private func bind(_ port: UInt16, isIPv6: Bool) throws(MediaEngineError) -> LegSockets? {
        while true {
            let error: Int32
            switch Self.bind(port, isIPv6: isIPv6, receiveBuffer: receiveBuffer) {
            case .success(let sockets): return sockets
            case .failure(let failure): error = failure.errno
            }
            guard error == EMFILE || error == ENFILE else { return nil }
            // A call is worth more than the rest of a port.
            guard let pair = state.withLock({ $0.resting.unbindOldest() }) else {
                free(port)
                throw .system("opening a media socket", errno: error)
            }
            end(pair)
        }
    }

    private struct Failure: Error {
        let errno: Int32
    }

    private static func bind(
        _ port: UInt16, isIPv6: Bool, receiveBuffer: Int32
    ) -> Result<LegSockets, Failure> {
        let any = [UInt8](repeating: 0, count: 16)
        let rtp = media_socket_open(isIPv6 ? 1 : 0, any, port, receiveBuffer)
        guard rtp >= 0 else { return .failure(Failure(errno: -rtp)) }
        let rtcp = media_socket_open(isIPv6 ? 1 : 0, any, port + 1, 0)
        guard rtcp >= 0 else {
            _ = Glibc.close(rtp)
            return .failure(Failure(errno: -rtcp))
        }
        return .success(LegSockets(rtp: rtp, rtcp: rtcp, port: port, isIPv6: isIPv6))
    }
}
