/// What a receiving context knows of one SSRC. It exists once a packet of that source was authentic, under this key or,
/// as ``Standing/carried``, under the one before.
struct ReceivedSource {
    enum Standing {
        /// The window is of this key.
        case followed
        /// Only the roll-over counter is worth something: it was reached under the previous key.
        case carried
    }

    let ssrc: UInt32
    var standing = Standing.followed
    var window: ReplayWindow
    /// The lowest number that was authentic; below it nothing was ever received.
    var first: UInt64
    /// Authentic packets for which a roll-over counter that began anew is still believed.
    var restartAllowance: Int32 = 0
    /// Packets that were authentic, under former keys, too.
    private(set) var received: UInt32 = 0
    /// ``ReceivingContext/authenticated`` at the newest of them; 0 and below for packets of former keys.
    private(set) var heard: Int64 = 0
    /// The furthest place where the source stood when a restart was followed: if it goes on there, the restart was a
    /// replay.
    var former: ReplayWindow?

    init(ssrc: UInt32, index: UInt64, received: UInt32 = 0) {
        self.ssrc = ssrc
        self.received = received
        window = ReplayWindow(first: index)
        first = index
    }

    /// A packet of it was authentic, the context's `count`th.
    @inline(__always)
    mutating func hear(_ count: UInt64) {
        heard = Int64(truncatingIfNeeded: count)
        received &+= 1
    }

    /// As ``hear(_:)``, for the packet in order.
    @inline(__always)
    mutating func accept(_ index: UInt64, _ count: UInt64) {
        window.insert(index)
        if index < first { first = index }
        if restartAllowance > 0 { restartAllowance -= 1 }
        hear(count)
    }

    /// Its first packet under this key was authentic.
    mutating func begin(_ index: UInt64, _ count: UInt64) {
        var begun = ReceivedSource(ssrc: ssrc, index: index, received: received)
        begun.hear(count)
        self = begun
    }

    /// The source as the next key begins with it, after `count` packets of this one.
    func carried(after count: UInt64) -> ReceivedSource {
        var next = ReceivedSource(ssrc: ssrc, index: window.highest, received: received)
        next.standing = .carried
        next.heard = heard &- Int64(truncatingIfNeeded: count)
        return next
    }

    /// The highest number that was authentic, before a restart or after it.
    var furthest: UInt64 { max(window.highest, former?.highest ?? 0) }

    /// The counter begins anew with `index`.
    mutating func restart(at index: UInt64) {
        if former.map({ $0.highest < window.highest }) ?? true { former = window }
        window = ReplayWindow(first: index)
        first = min(first, index)
        restartAllowance = 0
    }

    /// Of two states of one source, whether this is the later.
    func isNoLess(than other: ReceivedSource) -> Bool {
        switch (standing, other.standing) {
        case (.followed, .carried): true
        case (.carried, .followed): false
        case (.followed, .followed), (.carried, .carried): furthest >= other.furthest
        }
    }

    /// What remains of it when it makes room. Of two places that a restart left it has the higher: what was sent up to
    /// there may have been recorded.
    var retired: RetiredSources.Source {
        RetiredSources.Source(
            ssrc: ssrc, isCarried: standing == .carried, highest: furthest, received: received)
    }
}

/// As ``ReceivedSource``, for SRTCP: its packets carry their whole number, so that nothing has to be guessed.
struct ReceivedControlSource {
    let ssrc: UInt32
    var window: ReplayWindow
    var restartAllowance: Int32 = 0
    /// ``ReceivingContext/authenticatedControl`` at its newest packet.
    var heard: UInt64
}
