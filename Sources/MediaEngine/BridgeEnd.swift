import MediaCore

/// What a leg needs to know to be one side of a bridge. Owned by the leg's worker.
struct BridgeEnd: ~Copyable {
    /// The slot of the leg to which this leg's packets go; nil: not bridged.
    var peer: Int?
    /// Rewrites what is sent on this leg, whoever it comes from; nil before the first bridge. Apart from the leg,
    /// because most legs are only recorded.
    private(set) var outgoing: UnsafeMutablePointer<RelayRewriter>?
    /// Packets of this leg that went out on the other one, and that could not.
    var sent: UInt64 = 0
    var refused: UInt64 = 0

    init() {}

    deinit {
        outgoing?.deinitialize(count: 1)
        outgoing?.deallocate()
    }

    /// Fits what is sent on this leg to the payload types of both. Where another sender takes over (`isNewSender`), the
    /// stream that the peer knows goes on: the next packet follows the last one.
    mutating func rewrite(from: PayloadMap, to: PayloadMap, isNewSender: Bool) {
        if let outgoing {
            outgoing.pointee.renegotiate(from: from, to: to)
            if isNewSender { outgoing.pointee.reanchor() }
        } else {
            outgoing = .allocate(capacity: 1)
            outgoing?.initialize(to: RelayRewriter(from: from, to: to))
        }
    }
}
