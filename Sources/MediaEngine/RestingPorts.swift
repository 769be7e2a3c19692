import CMediaSockets
import Glibc

/// Port pairs of legs that have ended, in the order of their release. The younger ones are still bound: what is sent to
/// them is dropped by the kernel, which counts it, and wakes nobody. Owned by the pool, under its lock.
struct RestingPorts {
    struct Pair {
        let port: UInt16
        let until: Int64
        /// Nil once the sockets have been closed ahead of time.
        var sockets: LegSockets?
        /// What the kernel had dropped on both sockets before they came to rest.
        let rtpDrops: UInt32
        let rtcpDrops: UInt32
    }

    /// Pairs that stay bound, at most; the longest-rested beyond it are closed and rest unbound.
    let capacity: Int
    /// Datagrams for pairs whose rest is over.
    var late: UInt64 = 0
    /// Pairs that a leg got before their rest was over.
    private(set) var cutShort: UInt64 = 0
    private var pairs: [Pair] = []
    /// Pairs before this place are gone; those from ``firstBound`` on are bound.
    private var first = 0
    private var firstBound = 0
    private var ports: Set<UInt16> = []

    init(capacity: Int) { self.capacity = max(0, capacity) }

    var count: Int { pairs.count - first }
    var bound: Int { pairs.count - max(first, firstBound) }
    /// When the first rest ends; nil where none rests.
    var nextEnd: Int64? { first < pairs.count ? pairs[first].until : nil }

    func contains(_ port: UInt16) -> Bool { ports.contains(port) }

    /// Takes a pair that ``PortPool`` has put to rest. Returns the one that is bound no longer, for whoever closes it.
    mutating func add(_ pair: Pair) -> Pair? {
        // A port rests once: it is given out before it can come back.
        ports.insert(pair.port)
        pairs.append(pair)
        return bound > capacity ? unbindOldest() : nil
    }

    /// Of the bound pairs the longest-rested; it goes on resting without its sockets, which the caller closes.
    mutating func unbindOldest() -> Pair? {
        let place = max(first, firstBound)
        guard place < pairs.count else { return nil }
        let pair = pairs[place]
        pairs[place].sockets = nil
        firstBound = place + 1
        return pair
    }

    /// The longest-rested pair whose rest is over at `now`.
    mutating func takeRested(at now: Int64) -> Pair? {
        guard let end = nextEnd, end <= now else { return nil }
        return takeFirst()
    }

    /// The longest-rested pair, although its rest is not over, when it goes on no later than `latest`.
    mutating func takeOldest(restingUntil latest: Int64) -> Pair? {
        guard let end = nextEnd, end <= latest, let pair = takeFirst() else { return nil }
        cutShort += 1
        return pair
    }

    mutating func takeFirst() -> Pair? {
        guard first < pairs.count else { return nil }
        let pair = pairs[first]
        first += 1
        ports.remove(pair.port)
        // Moved up rarely enough to cost nothing.
        if first > 64, first * 2 > pairs.count {
            pairs.removeFirst(first)
            firstBound = max(0, firstBound - first)
            first = 0
        }
        return pair
    }

    /// Datagrams for pairs at rest so far, those that rest now included.
    var lateSoFar: UInt64 {
        pairs[max(first, firstBound)...].reduce(late) { $0 &+ $1.lateSoFar }
    }
}

extension RestingPorts.Pair {
    /// The sockets come to rest here.
    init(resting sockets: LegSockets, until: Int64, unread: inout UInt64) {
        // Before the filter is set: nothing that is dropped from here on is missed.
        self.init(
            port: sockets.port, until: until, sockets: sockets, rtpDrops: media_socket_drops(sockets.rtp),
            rtcpDrops: media_socket_drops(sockets.rtcp))
        unread += UInt64(media_socket_rest(sockets.rtp)) + UInt64(media_socket_rest(sockets.rtcp))
    }

    fileprivate var lateSoFar: UInt64 {
        guard let sockets else { return 0 }
        return UInt64(media_socket_drops(sockets.rtp) &- rtpDrops)
            + UInt64(media_socket_drops(sockets.rtcp) &- rtcpDrops)
    }

    /// Closes the sockets; returns how many datagrams they dropped.
    func close() -> UInt64 {
        guard let sockets else { return 0 }
        let late =
            UInt64(media_socket_rested(sockets.rtp, rtpDrops)) + UInt64(media_socket_rested(sockets.rtcp, rtcpDrops))
        _ = Glibc.close(sockets.rtp)
        _ = Glibc.close(sockets.rtcp)
        return late
    }
}
