/// The G.722 encoder, 64 kbit/s: two samples of 16 kHz audio make an octet (ITU-T G.722 §3).
///
/// Bit-exact with the reference. No allocation. Belongs to one stream and one thread.
public struct G722Encoder: ~Copyable, Sendable {
    private var lower = G722Predictor()
    private var upper = G722Predictor()
    private var lowerScale = G722Scale.lower
    private var upperScale = G722Scale.upper
    private var analysis = G722Analysis()
    private let thresholds = G722Levels.thresholds
    private let coarseLevels = G722Levels.four
    private let upperLevels = G722Levels.two

    /// An encoder at rest.
    public init() {}

    /// Encodes `samples` into the first octets of `output` and returns how many: one for two samples, never more than
    /// `output` holds. A last sample without a partner is left out.
    public mutating func encode(_ samples: Span<Int16>, into output: inout MutableSpan<UInt8>) -> Int {
        let octets = min(samples.count / 2, output.count)
        var done = 0
        while done < octets {
            let count = min(octets - done, G722Analysis.block)
            analysis.load(count, from: samples, at: done * 2)
            for index in 0..<count {
                let (low, high) = analysis.bands(at: index)
                output[done + index] = encodeLower(low) | encodeUpper(high) << 6
            }
            analysis.keepLast(of: count)
            done += count
        }
        return octets
    }

    @inline(__always)
    private mutating func encodeLower(_ sample: Int32) -> UInt8 {
        let step = lowerScale.step
        let error = saturated(sample &- lower.estimate)
        let magnitude = error < 0 ? ~error : error
        // The first of 30 thresholds above the magnitude, by halves: they grow with their number.
        var low = 1
        var high = 30
        while low < high {
            let middle = (low + high) / 2
            let threshold = (Int32(thresholds.span[middle]) &* 8 &* step) &>> 15
            if threshold > magnitude { high = middle } else { low = middle + 1 }
        }
        // §3.3 table 6: codes fall as the magnitude grows; the two smallest negative ones lie at the very end.
        let code: Int
        if error < 0 {
            code = low <= 2 ? 64 - low : 34 - low
        } else {
            code = 62 - low
        }
        let coarse = (Int32(coarseLevels.span[code >> 2]) &* step) &>> 15
        lowerScale.adapt(code >> 2)
        lower.update(coarse)
        return UInt8(truncatingIfNeeded: code)
    }

    @inline(__always)
    private mutating func encodeUpper(_ sample: Int32) -> UInt8 {
        let step = upperScale.step
        let error = saturated(sample &- upper.estimate)
        let magnitude = error < 0 ? ~error : error
        let isLarge = magnitude >= (564 &* 8 &* step) &>> 15
        let code = error < 0 ? (isLarge ? 0 : 1) : (isLarge ? 2 : 3)
        let difference = (Int32(upperLevels.span[code]) &* step) &>> 15
        upperScale.adapt(code)
        upper.update(difference)
        return UInt8(truncatingIfNeeded: code)
    }
}
