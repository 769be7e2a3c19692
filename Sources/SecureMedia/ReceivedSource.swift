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
    /// The number of the first packet that was authentic.
    var first: UInt64
    /// Authentic packets for which a roll-over counter that began anew is still believed.
    var restartAllowance: Int32 = 0
    /// Where the source stood when a restart was followed: if it goes on there, the restart was a replay.
    var former: ReplayWindow?

    init(ssrc: UInt32, index: UInt64) {
        self.ssrc = ssrc
        window = ReplayWindow(first: index)
        first = index
    }

    /// The source as the next key begins with it.
    func carried() -> ReceivedSource {
        var next = ReceivedSource(ssrc: ssrc, index: window.highest)
        next.standing = .carried
        return next
    }
}

/// As ``ReceivedSource``, for SRTCP: its packets carry their whole number, so that nothing has to be guessed.
struct ReceivedControlSource {
    let ssrc: UInt32
    var window: ReplayWindow
    var restartAllowance: Int32 = 0
}
