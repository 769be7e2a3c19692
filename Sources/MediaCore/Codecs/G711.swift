/// G.711, both laws: one octet is one sample of 8 kHz audio (ITU-T G.711).
public enum G711: Sendable {
    /// G.711 table 2a: sign, 3-bit segment, 4-bit step, all bits inverted on the wire.
    public static func expandMuLaw(_ octet: UInt8) -> Int16 {
        let bits = ~octet
        let segment = Int(bits >> 4 & 7)
        let magnitude = ((Int(bits & 15) << 3 + 132) << segment) - 132
        return Int16(bits & 0x80 != 0 ? -magnitude : magnitude)
    }

    /// G.711 table 1a: even bits inverted on the wire.
    public static func expandALaw(_ octet: UInt8) -> Int16 {
        let bits = octet ^ 0x55
        let segment = Int(bits >> 4 & 7)
        let step = Int(bits & 15)
        let magnitude = segment == 0 ? step << 4 + 8 : (step << 4 + 264) << (segment - 1)
        return Int16(bits & 0x80 != 0 ? magnitude : -magnitude)
    }

    /// 16-bit linear sample to µ-law, bit-exact to the G.191 reference: 14 bits are used and negative samples round
    /// towards minus infinity.
    public static func compressMuLaw(_ sample: Int16) -> UInt8 {
        let magnitude = min(Int(sample < 0 ? ~sample : sample) >> 2 + 33, 0x1FFF)
        let segment = 10 - UInt16(magnitude).leadingZeroBitCount
        let step = magnitude >> (segment + 1) & 15
        return ~(UInt8(sample < 0 ? 0x80 : 0) | UInt8(segment << 4) | UInt8(step))
    }

    /// 16-bit linear sample to A-law, bit-exact to the G.191 reference.
    public static func compressALaw(_ sample: Int16) -> UInt8 {
        let magnitude = Int(sample < 0 ? ~sample : sample) >> 4
        let segment = max(0, 12 - UInt16(magnitude).leadingZeroBitCount)
        let step = segment <= 1 ? magnitude & 15 : magnitude >> (segment - 1) & 15
        return (UInt8(sample < 0 ? 0 : 0x80) | UInt8(segment << 4) | UInt8(step)) ^ 0x55
    }
}
