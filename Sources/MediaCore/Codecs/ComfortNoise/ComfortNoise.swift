/// The payload of comfort noise, RFC 3389 §3.
public struct ComfortNoise: Sendable, Equatable {
    /// Level below overload, 0 to 127: the noise has −`level` dBov.
    public var level: UInt8
    /// Reflection coefficients that follow the level and describe the spectrum: how many, and that is all that is
    /// read of them. At most 12 are useful (§3.2); more are counted and mean nothing.
    public var modelOrder: Int

    /// Nil where the payload is empty. The top bit of the first octet is 0 by the rule, and ignored.
    public init?(parsing payload: RawSpan) {
        guard payload.byteCount >= 1 else { return nil }
        level = payload.octet(at: 0) & 0x7F
        modelOrder = payload.byteCount - 1
    }
}
