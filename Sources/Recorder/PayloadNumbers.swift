/// Payload types as bits. Those above 127 do not exist, and are in no set.
struct PayloadNumbers: Equatable {
    var low: UInt64 = 0
    var high: UInt64 = 0

    init(low: UInt64, high: UInt64) { (self.low, self.high) = (low, high) }

    init(_ types: [UInt8]) {
        for type in types { set(type, true) }
    }

    func contains(_ type: UInt8) -> Bool {
        guard type < 128 else { return false }
        return (type < 64 ? low : high) & (1 << UInt64(type % 64)) != 0
    }

    mutating func set(_ type: UInt8, _ isIn: Bool) {
        guard type < 128 else { return }
        let bit: UInt64 = 1 << UInt64(type % 64)
        switch (type < 64, isIn) {
        case (true, true): low |= bit
        case (true, false): low &= ~bit
        case (false, true): high |= bit
        case (false, false): high &= ~bit
        }
    }
}
