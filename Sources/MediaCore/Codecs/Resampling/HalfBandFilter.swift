/// The low-pass filter between 16 kHz and 8 kHz: 55 taps, symmetric, every other one nothing (half-band).
///
/// Flat to 0.01 dB up to 3,500 Hz, −6 dB at 4,000 Hz, at least 61 dB down from 4,500 Hz on. Equiripple (Parks and
/// McClellan), 15 bits behind the point.
enum HalfBandFilter {
    /// Taps that are not nothing, beside the one in the middle.
    static let taps = 28
    /// How many samples of 16 kHz the output lies behind the input: 1.7 ms.
    static let delay = 27

    /// Twenty-eight samples from `start` on through the taps: unity gain at 16 kHz when one half of the sample in the
    /// middle is added. Scaled by 32,768; cannot overflow.
    @inline(__always)
    static func sum(_ samples: Span<Int16>, from start: Int) -> Int32 {
        let taps: InlineArray<14, Int32> = [
            -27, 40, -69, 109, -165, 240, -340, 473, -653, 905, -1285, 1935, -3384, 10_399,
        ]
        var sum: Int32 = 0
        for tap in taps.indices {
            sum = sum &+ taps[tap] &* (Int32(samples[start + tap]) &+ Int32(samples[start + 27 - tap]))
        }
        return sum
    }
}
