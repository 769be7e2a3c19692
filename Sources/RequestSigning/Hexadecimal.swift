/// Octets as lower-case hexadecimal digits, the form of every hash in a signature.
enum Hexadecimal {
    private static let lower = Array("0123456789abcdef".utf8)
    private static let upper = Array("0123456789ABCDEF".utf8)

    static func digits(of octets: some Sequence<UInt8>) -> [UInt8] {
        var digits: [UInt8] = []
        digits.reserveCapacity(64)
        for octet in octets {
            digits.append(lower[Int(octet >> 4)])
            digits.append(lower[Int(octet & 15)])
        }
        return digits
    }

    /// `%` and two upper-case digits (RFC 3986 §2.1).
    static func appendEscape(_ octet: UInt8, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "%"))
        output.append(upper[Int(octet >> 4)])
        output.append(upper[Int(octet & 15)])
    }

    static func isLowerDigit(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
        default: false
        }
    }

    static func value(_ octet: UInt8) -> UInt8? {
        switch octet {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): octet - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): octet - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): octet - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

/// Comparison of secrets' products: how long it takes does not tell where two digests differ.
enum ConstantTime {
    /// Lengths are not secret and are compared first.
    @inline(never)
    static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for index in left.indices { difference |= left[index] ^ right[index] }
        return difference == 0
    }
}
