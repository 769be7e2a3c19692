/// Counts of delays by size: 0 to 1 µs exact, then 16 steps a doubling (6 % wide), up to 2 hours; 512 counters.
struct LatenessHistogram: Sendable, Equatable {
    private var counts = [UInt64](repeating: 0, count: 512)
    private(set) var total: UInt64 = 0

    /// Enters a delay in nanoseconds `count` times; negative ones count as 0.
    mutating func add(_ nanoseconds: Int64, count: Int = 1) {
        counts[Self.bucket(nanoseconds)] &+= UInt64(max(0, count))
        total &+= UInt64(max(0, count))
    }

    /// The delay in milliseconds that the given part (0…1) of all entries does not exceed; nil when there are none.
    func percentile(_ part: Double) -> Double? {
        guard total > 0 else { return nil }
        let wanted = max(1, UInt64((Double(total) * part).rounded(.up)))
        var seen: UInt64 = 0
        for (index, count) in counts.enumerated() {
            seen &+= count
            if seen >= wanted { return Self.upperBound(index) / 1e6 }
        }
        return Self.upperBound(counts.count - 1) / 1e6
    }

    private static func bucket(_ nanoseconds: Int64) -> Int {
        // Units of 1/16 µs, so that the exponent starts at 1 µs.
        let units = min(max(0, nanoseconds), 1 << 50) * 16 / 1000
        guard units >= 16 else { return Int(units) }
        let exponent = 63 - units.leadingZeroBitCount - 4
        return min(511, (exponent + 1) * 16 + Int(units >> Int64(exponent)) - 16)
    }

    /// In nanoseconds.
    private static func upperBound(_ bucket: Int) -> Double {
        guard bucket >= 16 else { return Double(bucket + 1) * 1000 / 16 }
        let exponent = bucket / 16 - 1
        return Double(UInt64(bucket % 16 + 17) << UInt64(exponent)) * 1000 / 16
    }
}
