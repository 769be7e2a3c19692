import Crypto

/// A hash algorithm of Digest authentication: RFC 3261 §22 has MD5, RFC 8760 adds SHA-256.
///
/// SHA-512-256 and the `-sess` variants are not spoken; a challenge that asks for them is passed over.
public enum DigestAlgorithm: String, Sendable, Hashable, CaseIterable {
    /// The only one that RFC 3261 clients know.
    case md5 = "MD5"
    /// RFC 8760 §2.
    case sha256 = "SHA-256"

    /// Reads the `algorithm` parameter; case does not matter, an absent one means MD5 (RFC 7616 §3.3).
    public init?(parameter: String?) {
        guard let parameter else {
            self = .md5
            return
        }
        guard let match = Self.allCases.first(where: { $0.rawValue.equalsIgnoringCase(parameter) }) else { return nil }
        self = match
    }

    /// The hash in lower-case hexadecimal digits.
    func hexHash(_ octets: some Sequence<UInt8>) -> [UInt8] {
        let octets = Array(octets)
        return switch self {
        case .md5: Hexadecimal.digits(of: Insecure.MD5.hash(data: octets))
        case .sha256: Hexadecimal.digits(of: SHA256.hash(data: octets))
        }
    }
}

/// Octets as lower-case hexadecimal digits.
enum Hexadecimal {
    static func digits(of octets: some Sequence<UInt8>) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return octets.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }

    static func octets(of digits: some Collection<UInt8>) -> [UInt8]? {
        guard digits.count.isMultiple(of: 2) else { return nil }
        var octets: [UInt8] = []
        var high: UInt8?
        for digit in digits {
            guard let value = digit.hexValue else { return nil }
            if let first = high {
                octets.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return octets
    }
}
