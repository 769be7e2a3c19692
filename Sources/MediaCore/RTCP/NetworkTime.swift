/// The wall clock as RTCP carries it: 32.32 seconds since 1900, RFC 3550 §4. It wraps in 2036, and only differences
/// within 68 years are ever formed.
public enum NetworkTime: Sendable {
    /// The NTP time of a Unix time in nanoseconds since 1970.
    public static func ntp(unixNanoseconds: Int64) -> UInt64 {
        let (seconds, rest) = unixNanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        let whole = rest < 0 ? seconds - 1 : seconds
        let fraction = UInt64(rest < 0 ? rest + 1_000_000_000 : rest)
        let since1900 = UInt64(bitPattern: whole &+ 2_208_988_800)
        return since1900 << 32 | (fraction << 32) / 1_000_000_000
    }

    /// The middle 32 of the 64 bits, 16.16 seconds: what LSR and LRR carry (RFC 3550 §6.4.1, RFC 3611 §4.5).
    public static func middle(_ ntp: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: ntp >> 16) }

    /// A delay of the wire, 1/65,536 s, in nanoseconds.
    static func nanoseconds(ofDelay delay: UInt32) -> Int64 { (Int64(delay) * 1_000_000_000) >> 16 }

    /// Nanoseconds as a delay of the wire, 1/65,536 s; saturates at both ends.
    static func delay(ofNanoseconds nanoseconds: Int64) -> UInt32 {
        let (seconds, rest) = max(0, nanoseconds).quotientAndRemainder(dividingBy: 1_000_000_000)
        return seconds > 0xFFFF ? .max : UInt32(seconds) << 16 | UInt32((rest << 16) / 1_000_000_000)
    }
}
