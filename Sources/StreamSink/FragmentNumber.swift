/// The number of a fragment: 47 decimal digits that grow, as text too, with every fragment of a stream.
///
/// `2^156 + (counter << 92) + (server epoch milliseconds << 28) + random 28 bits`. The counter leads, so the order
/// does not depend on the clock; a clock that is set back never makes a number smaller than its predecessor's.
public struct FragmentNumber: Hashable, Sendable {
    /// The fragment's count in its stream; sessions start at `k * 1000 + 1`.
    public let counter: UInt64
    /// When the server opened the fragment, milliseconds since 1970 (UTC).
    public let epochMilliseconds: UInt64
    /// 28 random bits.
    public let random: UInt32

    /// The number of decimal digits of every fragment number.
    public static let digitCount = 47
    /// The largest counter whose number still has 47 digits (`10^47` lies just above `2^156 + 1.7 * 10^18 << 92`).
    public static let maximumCounter: UInt64 = 1 << 60

    /// Makes a number; `counter` is capped at ``maximumCounter`` and `random` cut to 28 bits.
    public init(counter: UInt64, epochMilliseconds: UInt64, random: UInt32) {
        self.counter = min(counter, Self.maximumCounter)
        self.epochMilliseconds = epochMilliseconds
        self.random = random & 0x0FFF_FFFF
    }

    /// Reads 47 decimal digits; `nil` when they are not a fragment number.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count == Self.digitCount else { return nil }
        var high: UInt64 = 0
        var low: UInt128 = 0
        for character in text.utf8 {
            guard character >= 0x30, character <= 0x39 else { return nil }
            let product = low.multipliedFullWidth(by: 10)
            let sum = UInt128(truncatingIfNeeded: product.low).addingReportingOverflow(UInt128(character - 0x30))
            low = sum.partialValue
            // 47 digits need at most 157 bits, so the upper part stays below 2^29 and cannot overflow here.
            high = high &* 10 &+ UInt64(truncatingIfNeeded: product.high) &+ (sum.overflow ? 1 : 0)
        }
        guard high >> 28 == 1 else { return nil }
        counter = (high & 0x0FFF_FFFF) << 36 | UInt64(truncatingIfNeeded: low >> 92)
        epochMilliseconds = UInt64(truncatingIfNeeded: low >> 28)
        random = UInt32(truncatingIfNeeded: low) & 0x0FFF_FFFF
        guard counter <= Self.maximumCounter else { return nil }
    }

    /// Writes the 47 digits over `bytes[offset..<offset + 47]`; allocates nothing.
    func write(over bytes: inout [UInt8], at offset: Int) {
        precondition(offset >= 0 && offset <= bytes.count - Self.digitCount)
        var high = 1 << 28 | (counter >> 36)
        var low = UInt128(counter) << 92 | UInt128(epochMilliseconds) << 28 | UInt128(random)
        let chunk: UInt64 = 1_000_000_000
        var end = offset + Self.digitCount
        while end > offset {
            // Long division of the 160-bit value by 10^9, most significant part first.
            let remainder = high % chunk
            high /= chunk
            let division = UInt128(chunk).dividingFullWidth((UInt128(remainder), low))
            low = division.quotient
            var digits = UInt32(truncatingIfNeeded: division.remainder)
            for _ in 0..<min(9, end - offset) {
                end -= 1
                bytes[end] = 0x30 + UInt8(digits % 10)
                digits /= 10
            }
        }
    }
}

extension FragmentNumber: Comparable {
    /// The order of the numbers, which is also the order of their texts.
    public static func < (left: Self, right: Self) -> Bool {
        (left.counter, left.epochMilliseconds, left.random) < (right.counter, right.epochMilliseconds, right.random)
    }
}

extension FragmentNumber: CustomStringConvertible {
    /// The 47 decimal digits.
    public var description: String {
        var digits = [UInt8](repeating: 0x30, count: Self.digitCount)
        write(over: &digits, at: 0)
        return String(decoding: digits, as: UTF8.self)
    }
}
