/// The RTP clock of a source against the line that its audio lies on.
///
/// One tick of 8 kHz is one sample of an 8 kHz line and two of a 16 kHz line; G.722's clock says 8,000 and Opus' 48,000
/// whatever their audio is; codecs that nobody knows bring any clock.
struct SourceClock: Equatable {
    /// Ticks a second, never zero.
    let hertz: UInt32
    /// Samples of the line = ticks × numerator / denominator, in lowest terms.
    private let numerator: Int32
    private let denominator: Int32
    /// Exact for the clocks of telephony, zero for others.
    private let nanosecondsPerTick: Int64

    init(hertz: UInt32, line rate: Int) {
        let hertz = max(1, hertz)
        self.hertz = hertz
        var a = Int64(rate)
        var b = Int64(hertz)
        while b != 0 { (a, b) = (b, a % b) }
        numerator = Int32(clamping: Int64(rate) / a)
        // Clocks above 2 GHz do not exist; clamped, they are merely wrong.
        denominator = Int32(clamping: Int64(hertz) / a)
        nanosecondsPerTick = 1_000_000_000 % Int64(hertz) == 0 ? 1_000_000_000 / Int64(hertz) : 0
    }

    /// Rounds down, for negative numbers too, so that equal steps of media time stay equal steps on the line.
    @inline(__always)
    func samples(ticks: Int64) -> Int64 {
        guard denominator != 1 else { return ticks &* Int64(numerator) }
        let product = ticks &* Int64(numerator)
        let quotient = product / Int64(denominator)
        return product % Int64(denominator) < 0 ? quotient - 1 : quotient
    }

    /// Rounds down. `ticks` is a difference of less than a day.
    @inline(__always)
    func nanoseconds(ticks: Int64) -> Int64 {
        nanosecondsPerTick != 0 ? ticks &* nanosecondsPerTick : (ticks &* 1_000_000_000) / Int64(hertz)
    }
}
