/// SplitMix64: the same seed gives the same inputs on every machine.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// The octets with one to eight random edits: changed, removed, doubled, inserted, cut, spliced.
    mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        let special = Array("\r\n:=<>\"'&;/- \u{0}-".utf8)
        for _ in 0..<Int.random(in: 1...8, using: &self) {
            guard !bytes.isEmpty else { return bytes }
            let at = Int.random(in: 0..<bytes.count, using: &self)
            switch Int.random(in: 0..<7, using: &self) {
            case 0: bytes[at] = UInt8.random(in: 0...255, using: &self)
            case 1: bytes.remove(at: at)
            case 2: bytes.insert(special[Int.random(in: 0..<special.count, using: &self)], at: at)
            case 3: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...64, using: &self)))
            case 4: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 100)], at: at)
            case 5: bytes = Array(bytes[..<at])
            default: bytes[at] = special[Int.random(in: 0..<special.count, using: &self)]
            }
        }
        return bytes
    }
}
