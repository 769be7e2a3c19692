/// What became of the ports of legs that have ended.
public struct PortReport: Sendable, Equatable {
    /// Pairs that rest now.
    public let resting: Int
    /// The part of them that is still bound, with two descriptors each.
    public let bound: Int
    /// Datagrams that were sent to legs that had ended: what came while their ports rested, and what lay unread in the
    /// sockets when they were released. All were thrown away.
    public let lateAfterRelease: UInt64
    /// Pairs that were used again before their rest was over, because no other was free: `media.ports` is narrow.
    public let cutShort: UInt64
}
