/// Soft noise for the pauses of a sender that sends none: low-pass coloured, at the level that the sender told.
///
/// The spectrum in the payload is not followed. Each change of level is spread over 1,024 samples, and noise is never
/// louder than −30 dBov, whatever a packet says. The same seed makes the same noise. 40 octets, no allocation.
public struct ComfortNoiseGenerator: ~Copyable, Sendable {
    /// −30 dBov.
    public static let loudest: UInt8 = 30

    private var state: UInt64
    private var colour: Float = 0
    private var amplitude: Float = 0
    private var target: Float = 0
    private var step: Float = 0

    /// Silent until a level is set.
    public init(seed: UInt64) { state = seed }

    /// Sets the level, −`level` dBov, 0 dBov being the square wave that just does not overload: 32,768 in all samples.
    public mutating func set(level: UInt8) {
        // RMS of the coloured noise before scaling: uniform noise of ±1 through the filter below.
        let ownLevel: Float = 0.333_333
        var wanted: Float = 32_768 / ownLevel
        for _ in 0..<max(level & 0x7F, Self.loudest) { wanted *= 0.891_250_94 }
        target = wanted
        step = (target - amplitude) / 1024
    }

    /// Fills `output` with noise that goes on from the last call.
    public mutating func fill(_ output: inout MutableSpan<Int16>) {
        for index in output.indices {
            if amplitude != target {
                amplitude += step
                if (target - amplitude) * step <= 0 { amplitude = target }
            }
            // One pole at half the amplitude of the last sample: the upper half of the band is some 10 dB softer.
            colour = 0.5 * colour + 0.5 * noise()
            let value = colour * amplitude
            // At most 8,000 or so, see `loudest`.
            output[index] = Int16(clamping: Int32(value < 0 ? value - 0.5 : value + 0.5))
        }
    }

    /// Uniform from −1 to 1 (SplitMix64).
    private mutating func noise() -> Float {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Float(Int32(truncatingIfNeeded: (mixed ^ (mixed >> 31)) >> 32)) / 2_147_483_648
    }
}
