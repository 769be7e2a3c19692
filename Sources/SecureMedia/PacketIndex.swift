/// The 48-bit number of an SRTP packet, of which the wire carries the last 16 bits (RFC 3711 §3.3.1).
package enum PacketIndex {
    /// One more than the highest: a key may not protect more packets (RFC 3711 §9.2).
    package static let end: UInt64 = 1 << 48

    /// The number nearest to `highest` that ends in `sequence`: the estimate of §3.3.1 and appendix A.
    ///
    /// Before the first wrap there is nothing below: a number that would be negative is taken as one ahead.
    /// The result may be ``end`` or above it, which the caller refuses.
    @inline(__always)
    package static func guess(_ sequence: UInt16, near highest: UInt64) -> UInt64 {
        let base = highest & ~0xFFFF
        let last = Int(highest & 0xFFFF)
        let wire = Int(sequence)
        let candidate = base | UInt64(sequence)
        if last < 0x8000 {
            return wire - last > 0x8000 && base > 0 ? candidate - 0x1_0000 : candidate
        }
        return last - 0x8000 > wire ? candidate + 0x1_0000 : candidate
    }

    /// The roll-over counter of a number.
    @inline(__always)
    package static func rollOver(_ index: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: index >> 16) }
}
