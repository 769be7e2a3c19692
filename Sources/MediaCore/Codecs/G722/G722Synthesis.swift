/// The decoder's half of the quadrature mirror filter: two bands of 8 kHz become one signal of 16 kHz
/// (ITU-T G.722 §4.4, coefficients of table 11).
struct G722Synthesis {
    /// Pairs of band samples that are filtered in one go.
    static let block = 80
    private static let past = 11

    // Oldest first: the last 11 pairs of the block before, then the block. Differences and sums of 15-bit samples.
    private var differences = InlineArray<91, Int16>(repeating: 0)
    private var sums = InlineArray<91, Int16>(repeating: 0)

    /// Enters pair `index` of the block; both samples are limited to 15 bits.
    @inline(__always)
    mutating func set(_ low: Int32, _ high: Int32, at index: Int) {
        differences[Self.past + index] = Int16(truncatingIfNeeded: low &- high)
        sums[Self.past + index] = Int16(truncatingIfNeeded: low &+ high)
    }

    /// Filters the first `count` pairs into two samples each, from `start` on.
    @inline(__always)
    mutating func run(_ count: Int, into output: inout MutableSpan<Int16>, at start: Int) {
        filter(count, differences.span, sums.span, into: &output, at: start)
        for index in 0..<Self.past {
            differences[index] = differences[count + index]
            sums[index] = sums[count + index]
        }
    }

    @inline(__always)
    private func filter(
        _ count: Int, _ differences: Span<Int16>, _ sums: Span<Int16>, into output: inout MutableSpan<Int16>,
        at start: Int
    ) {
        for index in 0..<count {
            output[start + 2 * index] = sample(G722Taps.falling(differences, from: index))
            output[start + 2 * index + 1] = sample(G722Taps.rising(sums, from: index))
        }
    }

    /// The coefficients have 13 bits behind the point, and the output one bit more than the bands, doubled.
    @inline(__always)
    private func sample(_ sum: Int32) -> Int16 { Int16(clamping: sum &>> 11) }
}

/// The encoder's half: 16 kHz audio parts into a lower and an upper band (ITU-T G.722 §3.1).
struct G722Analysis {
    /// Pairs of samples that are filtered in one go.
    static let block = 80
    private static let past = 11

    private var even = InlineArray<91, Int16>(repeating: 0)
    private var odd = InlineArray<91, Int16>(repeating: 0)

    /// Enters `count` pairs of `samples`, from `start` on.
    @inline(__always)
    mutating func load(_ count: Int, from samples: Span<Int16>, at start: Int) {
        for index in 0..<count {
            even[Self.past + index] = samples[start + 2 * index]
            odd[Self.past + index] = samples[start + 2 * index + 1]
        }
    }

    /// The sample of both bands that pair `index` completes, 15 bits each.
    @inline(__always)
    func bands(at index: Int) -> (low: Int32, high: Int32) {
        // The newest sample meets the first coefficient, so the odd samples take the even coefficients.
        let a = G722Taps.falling(odd.span, from: index)
        let b = G722Taps.rising(even.span, from: index)
        return (limited(a &+ b), limited(a &- b))
    }

    /// Keeps the past that the next block needs.
    @inline(__always)
    mutating func keepLast(of count: Int) {
        for index in 0..<Self.past {
            even[index] = even[count + index]
            odd[index] = odd[count + index]
        }
    }

    @inline(__always)
    private func limited(_ sum: Int32) -> Int32 { max(-16_384, min(16_383, sum &>> 14)) }
}

/// The 24 coefficients of the filter, which is its own mirror image: twelve for one phase, the same twelve backwards
/// for the other.
enum G722Taps {
    /// Twelve samples from `start` on, oldest first; the newest meets the first even coefficient.
    @inline(__always)
    static func falling(_ samples: Span<Int16>, from start: Int) -> Int32 {
        sum(
            samples, from: start,
            [-11, 53, -156, 362, -805, 3876, 951, -210, 32, 12, -11, 3])
    }

    /// Twelve samples from `start` on, oldest first; the newest meets the first odd coefficient.
    @inline(__always)
    static func rising(_ samples: Span<Int16>, from start: Int) -> Int32 {
        sum(
            samples, from: start,
            [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11])
    }

    @inline(__always)
    private static func sum(
        _ samples: Span<Int16>, from start: Int, _ taps: InlineArray<12, Int32>
    ) -> Int32 {
        var sum: Int32 = 0
        for tap in taps.indices { sum = sum &+ taps[tap] &* Int32(samples[start + tap]) }
        return sum
    }
}
