/// What one direction of a bridge has done: plain counters. Nothing is dropped without one of them growing.
public struct RelayCounters: Sendable, Equatable {
    /// Packets to be sent on.
    public var relayed: UInt64 = 0
    /// Of those, packets of which an octet changed.
    public var rewritten: UInt64 = 0
    /// Of those, packets whose G.711 went over into the other law.
    public var transcoded: UInt64 = 0
    /// Not sent: a payload type that the receiver has not negotiated.
    public var unmapped: UInt64 = 0
    /// Not sent: the header does not fit the datagram.
    public var malformed: UInt64 = 0
    /// Not sent: from before the place where the stream was anchored again.
    public var late: UInt64 = 0
    /// How often the stream was anchored again.
    public var anchors: UInt64 = 0

    /// All zero.
    public init() {}
}
