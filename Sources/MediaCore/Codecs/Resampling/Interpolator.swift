/// 8 kHz to 16 kHz: two samples for each (``HalfBandFilter``).
///
/// Linear phase, 1.7 ms late. About 0.4 kB, no allocation. Belongs to one leg and one thread.
public struct Interpolator: ~Copyable, Sendable {
    // Oldest first: what the filter needs of the past, then the block.
    private var past = InlineArray<187, Int16>(repeating: 0)
    private static let block = 160

    /// A filter at rest.
    public init() {}

    /// Filters `samples` into the first of `output` and returns how many: twice as many, never more than `output`
    /// holds. Samples for whose output there is no room are left out.
    public mutating func process(_ samples: Span<Int16>, into output: inout MutableSpan<Int16>) -> Int {
        let total = min(samples.count, output.count / 2)
        var done = 0
        while done < total {
            let count = min(Self.block, total - done)
            for index in 0..<count { past[27 + index] = samples[done + index] }
            Self.filter(count, past.span, into: &output, at: done * 2)
            for index in 0..<27 { past[index] = past[count + index] }
            done += count
        }
        return total * 2
    }

    @inline(__always)
    private static func filter(
        _ count: Int, _ past: Span<Int16>, into output: inout MutableSpan<Int16>, at start: Int
    ) {
        for index in 0..<count {
            let sum = HalfBandFilter.sum(past, from: index)
            output[start + 2 * index] = Int16(clamping: (sum &+ 8_192) >> 14)
            output[start + 2 * index + 1] = past[index + 14]
        }
    }
}
