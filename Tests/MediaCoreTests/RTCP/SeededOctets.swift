/// Random numbers that are the same in every run: SplitMix64.
struct SeededOctets: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }

    /// `count` octets.
    mutating func octets(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }

    /// A datagram of some size up to 1,500 octets: most are short, as short ones reach more of a parser.
    mutating func datagram() -> [UInt8] {
        let limit = [8, 40, 200, 1_500][Int(next() % 4)]
        return octets(Int(next() % UInt64(limit + 1)))
    }

    /// `bytes` with a few octets changed, and perhaps cut or made longer.
    mutating func damaged(_ bytes: [UInt8]) -> [UInt8] {
        var result = bytes
        for _ in 0...Int(next() % 4) where !result.isEmpty {
            result[Int(next() % UInt64(result.count))] = UInt8(truncatingIfNeeded: next())
        }
        switch next() % 4 {
        case 0: result.removeLast(Int(next() % UInt64(result.count + 1)))
        case 1: result += octets(Int(next() % 16))
        default: break
        }
        return result
    }
}
