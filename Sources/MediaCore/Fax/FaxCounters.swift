/// What one direction of a fax relay has seen: plain counters.
public struct FaxCounters: Sendable, Equatable {
    /// Packets to be sent on.
    public var packets: UInt64 = 0
    /// Octets of those.
    public var octets: UInt64 = 0
    /// Of those, packets that had come before.
    public var duplicates: UInt64 = 0
    /// Of those, packets that came after one with a higher number.
    public var reordered: UInt64 = 0
    /// Of those, packets too old to say whether they had come before.
    public var late: UInt64 = 0
    /// Numbers that never came, so far.
    public var lost: UInt64 = 0
    /// Of those, packets whose content a later one carried, as redundancy or within parity that had all others.
    public var recovered: UInt64 = 0
    /// How often the numbers began anew: more than 3,000 away from the last.
    public var restarts: UInt64 = 0
    /// Packets that repair by redundancy, with at least one field.
    public var redundancyPackets: UInt64 = 0
    /// Packets that repair by parity, with at least one field.
    public var parityPackets: UInt64 = 0
    /// Not sent on: no UDPTL.
    public var malformed: UInt64 = 0
    /// Not sent on: larger than the receiver takes.
    public var oversized: UInt64 = 0

    /// All zero.
    public init() {}
}
