/// The octets that name a master key in each packet, RFC 3711 §3.1: optional, of one length for the whole stream.
public struct MasterKeyIdentifier: Sendable, Equatable {
    /// 1 to 128 octets.
    public let octets: [UInt8]

    /// Nil where there are none or more than 128 (RFC 4568 §6.1).
    public init?(_ octets: [UInt8]) {
        guard (1...128).contains(octets.count) else { return nil }
        self.octets = octets
    }

    /// Reads `value:length` of a key parameter: a decimal number, and its size in octets (RFC 4568 §6.1).
    init?(parsing text: Substring) {
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 2, (1...3).contains(parts[1].count), (1...310).contains(parts[0].count),
            let length = Int(Substring(parts[1])), (1...128).contains(length)
        else { return nil }
        var number = [UInt8](repeating: 0, count: length)
        for digit in parts[0] {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            var carry = Int(digit - UInt8(ascii: "0"))
            for position in number.indices.reversed() {
                let product = Int(number[position]) * 10 + carry
                number[position] = UInt8(truncatingIfNeeded: product)
                carry = product >> 8
            }
            guard carry == 0 else { return nil }
        }
        octets = number
    }

    /// `value:length`, as it goes into a key parameter.
    var wireValue: String {
        var digits: [UInt8] = []
        var number = octets
        while number.contains(where: { $0 != 0 }) {
            var remainder = 0
            for position in number.indices {
                let value = remainder << 8 | Int(number[position])
                number[position] = UInt8(truncatingIfNeeded: value / 10)
                remainder = value % 10
            }
            digits.append(UInt8(ascii: "0") + UInt8(remainder))
        }
        return (digits.isEmpty ? "0" : String(decoding: digits.reversed(), as: UTF8.self)) + ":\(octets.count)"
    }

    /// Whether they stand at `place`, where as many octets are readable. Not a secret, so any comparison will do.
    func matches(_ place: UnsafeRawPointer) -> Bool {
        for position in octets.indices where place.load(fromByteOffset: position, as: UInt8.self) != octets[position] {
            return false
        }
        return true
    }

    func write(to place: UnsafeMutableRawPointer) {
        for position in octets.indices {
            place.storeBytes(of: octets[position], toByteOffset: position, as: UInt8.self)
        }
    }
}
