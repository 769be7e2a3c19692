/// A sequence number that does not wrap: the roll-over count above the 16 bits of the wire (RFC 3550 §6.4.1).
public struct ExtendedSequenceNumber: Hashable, Comparable, Sendable {
    /// Roll-over count times 65,536, plus the 16 bits of the wire.
    public var value: Int64

    /// Makes a number.
    public init(_ value: Int64) { self.value = value }

    /// The extended number nearest to `self` that ends in `wire`.
    public func nearest(_ wire: UInt16) -> ExtendedSequenceNumber {
        let delta = Int16(truncatingIfNeeded: Int64(wire) &- value)
        return ExtendedSequenceNumber(value &+ Int64(delta))
    }

    /// By age.
    public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
}

/// Media time that does not wrap, in ticks of the RTP clock.
public struct MediaTime: Hashable, Comparable, Sendable {
    /// Ticks of the RTP clock.
    public var ticks: Int64

    /// Makes a time.
    public init(_ ticks: Int64) { self.ticks = ticks }

    /// The media time nearest to `self` whose low 32 bits are `wire`.
    @inline(__always)
    public func nearest(_ wire: UInt32) -> MediaTime {
        let delta = Int32(truncatingIfNeeded: Int64(wire) &- ticks)
        return MediaTime(ticks &+ Int64(delta))
    }

    /// By age.
    public static func < (a: Self, b: Self) -> Bool { a.ticks < b.ticks }
}
