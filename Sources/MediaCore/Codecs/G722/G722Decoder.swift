/// The G.722 decoder: each octet makes two samples of 16 kHz audio (ITU-T G.722 §4).
///
/// Bit-exact with the reference. Every octet is valid, so it cannot fail; a lost packet is best followed by silence or
/// concealment at 16 kHz, after which the adaptation finds its way back within some tens of milliseconds.
/// About 1.1 kB, no allocation. Belongs to one leg and one thread.
public struct G722Decoder: ~Copyable, Sendable {
    private var lower = G722Predictor()
    private var upper = G722Predictor()
    private var lowerScale = G722Scale.lower
    private var upperScale = G722Scale.upper
    private var synthesis = G722Synthesis()
    private let lowerLevels: InlineArray<64, Int16>
    private let coarseLevels = G722Levels.four
    private let upperLevels = G722Levels.two

    /// A decoder at rest.
    public init(mode: G722Mode = .kilobits64) { lowerLevels = G722Levels.lower(mode) }

    /// Decodes `payload` into the first samples of `output` and returns how many: two an octet, never more than
    /// `output` holds. Octets that do not fit are left out.
    public mutating func decode(_ payload: RawSpan, into output: inout MutableSpan<Int16>) -> Int {
        let octets = min(payload.byteCount, output.count / 2)
        var done = 0
        while done < octets {
            let count = min(octets - done, G722Synthesis.block)
            for index in 0..<count { decodeBands(payload.octet(at: done + index), at: index) }
            synthesis.run(count, into: &output, at: done * 2)
            done += count
        }
        return octets * 2
    }

    /// §4.1: six bits of the lower band, two of the upper one.
    @inline(__always)
    private mutating func decodeBands(_ octet: UInt8, at index: Int) {
        let lowerCode = Int(octet & 0x3F)
        let upperCode = Int(octet >> 6)

        // The adaptation uses four bits only, so that all modes stay in step.
        let lowerStep = lowerScale.step
        let fine = (Int32(lowerLevels.span[lowerCode]) &* lowerStep) &>> 15
        let low = max(-16_384, min(16_383, lower.estimate &+ fine))
        let coarse = (Int32(coarseLevels.span[lowerCode >> 2]) &* lowerStep) &>> 15
        lowerScale.adapt(lowerCode >> 2)
        lower.update(coarse)

        let difference = (Int32(upperLevels.span[upperCode]) &* upperScale.step) &>> 15
        let high = max(-16_384, min(16_383, upper.estimate &+ difference))
        upperScale.adapt(upperCode)
        upper.update(difference)

        synthesis.set(low, high, at: index)
    }
}
