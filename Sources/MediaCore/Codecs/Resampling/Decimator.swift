/// 16 kHz to 8 kHz: one sample for every two, whatever the lengths of the pieces (``HalfBandFilter``).
///
/// Linear phase, 1.7 ms late. About 0.8 kB, no allocation. Belongs to one leg and one thread.
public struct Decimator: ~Copyable, Sendable {
    // Oldest first: what the filter needs of the past, then the block. The odd samples lag by 14 of their kind.
    private var even = InlineArray<187, Int16>(repeating: 0)
    private var odd = InlineArray<174, Int16>(repeating: 0)
    private var isHalfway = false
    private static let block = 160

    /// A filter at rest.
    public init() {}

    /// How many samples ``process(_:into:)`` makes of the next `count`.
    public func outputCount(of count: Int) -> Int { (count + (isHalfway ? 0 : 1)) / 2 }

    /// Filters `samples` into the first of `output` and returns how many: every other one, counted over all calls.
    /// Samples for whose output there is no room are left out.
    public mutating func process(_ samples: Span<Int16>, into output: inout MutableSpan<Int16>) -> Int {
        var used = 0
        var made = 0
        while used < samples.count, made < output.count || isHalfway {
            let beganHalfway = isHalfway
            var evens = 0
            var odds = 0
            let room = min(Self.block, output.count - made)
            while used < samples.count, isHalfway ? odds < Self.block : evens < room {
                if isHalfway {
                    odd[14 + odds] = samples[used]
                    odds += 1
                } else {
                    even[27 + evens] = samples[used]
                    evens += 1
                }
                isHalfway.toggle()
                used += 1
            }
            let middle = beganHalfway ? 1 : 0
            Self.filter(evens, even.span, odd.span, from: middle, into: &output, at: made)
            for index in 0..<27 { even[index] = even[evens + index] }
            for index in 0..<14 { odd[index] = odd[odds + index] }
            made += evens
            if evens == 0, odds == 0 { break }
        }
        return made
    }

    @inline(__always)
    private static func filter(
        _ count: Int, _ even: Span<Int16>, _ odd: Span<Int16>, from middle: Int, into output: inout MutableSpan<Int16>,
        at start: Int
    ) {
        for index in 0..<count {
            let sum = HalfBandFilter.sum(even, from: index) &+ Int32(odd[index + middle]) << 14
            output[start + index] = Int16(clamping: (sum &+ 16_384) >> 15)
        }
    }
}
