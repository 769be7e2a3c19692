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
/// somebody still sends. Thread-safe; used when calls are set up and ended, never for a packet.
final class PortPool: Sendable {
    private struct State {
        var used: Set<UInt16> = []
        var resting: [(port: UInt16, until: Int64)] = []
    }
    private let range: ClosedRange<UInt16>
    private let receiveBuffer: Int32
    private let state = Mutex(State())
    /// Nanoseconds a released port is left alone.
    private static let rest: Int64 = 5_000_000_000

    init(range: ClosedRange<UInt16>, receiveBuffer: Int32) {
        self.range = range
        self.receiveBuffer = receiveBuffer
    }

    /// Binds a free pair on every address of the family.
    func open(isIPv6: Bool, now: Int64) throws(MediaEngineError) -> LegSockets {
        let first = Int(range.lowerBound) + Int(range.lowerBound) % 2
        let pairs = (Int(range.upperBound) - first + 1) / 2
        guard pairs > 0 else { throw .noFreePorts(range) }
        // Random places first, which almost always succeeds, then each pair in turn from a random one on. Pairs that rest
        // are taken only where all others are in use, rather than refusing a call.
        for ignoresRest in [false, true] {
            let start = Int.random(in: 0..<pairs)
            for step in 0..<(16 + pairs) {
                let pair = step < 16 ? Int.random(in: 0..<pairs) : (start + step) % pairs
                let port = UInt16(first + pair * 2)
                guard take(port, now: now, ignoringRest: ignoresRest) else { continue }
                if let sockets = bind(port, isIPv6: isIPv6) { return sockets }
                release(port, now: now)
            }
        }
        throw .noFreePorts(range)
    }

    func close(_ sockets: LegSockets, now: Int64) {
        _ = Glibc.close(sockets.rtp)
        _ = Glibc.close(sockets.rtcp)
        release(sockets.port, now: now)
    }

    private func take(_ port: UInt16, now: Int64, ignoringRest: Bool) -> Bool {
        state.withLock { state in
            if let first = state.resting.first, first.until <= now {
                state.resting.removeAll { $0.until <= now }
            }
            if !ignoringRest, state.resting.contains(where: { $0.port == port }) { return false }
            return state.used.insert(port).inserted
        }
    }

    private func release(_ port: UInt16, now: Int64) {
        state.withLock { state in
            state.used.remove(port)
            state.resting.append((port, now + Self.rest))
        }
    }

    private func bind(_ port: UInt16, isIPv6: Bool) -> LegSockets? {
        let any = [UInt8](repeating: 0, count: 16)
        let rtp = media_socket_open(isIPv6 ? 1 : 0, any, port, receiveBuffer)
        guard rtp >= 0 else { return nil }
        let rtcp = media_socket_open(isIPv6 ? 1 : 0, any, port + 1, 0)
        guard rtcp >= 0 else {
            _ = Glibc.close(rtp)
            return nil
        }
        return LegSockets(rtp: rtp, rtcp: rtcp, port: port, isIPv6: isIPv6)
    }
}
