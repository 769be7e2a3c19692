/// Why an `a=crypto` line cannot be used. RFC 4568 §5.1.2: it is skipped, and the next one of the offer is looked at.
/// Texts never show the key.
public enum SDESKeyError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The suite is not one of ``CryptoSuite``.
    case unknownSuite(String)
    /// Not one `inline:` parameter, but this many; several keys in one line are not supported.
    case keyCount(Int)
    /// The key parameter does not begin with `inline:`.
    case unknownKeyMethod
    /// The key is not base64.
    case invalidBase64
    /// Key and salt together do not have the size that the suite needs. Octets.
    case wrongLength(needed: Int, got: Int)
    /// Not a number, not `2^n`, zero, or above 2^48 (RFC 3711 §9.2).
    case invalidLifetime
    /// Not `value:length` with a length of 1 to 128, or the value does not fit into it.
    case invalidIdentifier
    /// More than lifetime and MKI after the key.
    case excessKeyFields
    /// A session parameter that changes how packets look, and that is not supported. RFC 4568 §6.3.
    case unsupportedSessionParameter(String)

    /// For a person: what is wrong, and what would be right.
    public var description: String {
        switch self {
        case .unknownSuite(let name): "crypto suite '\(name)' is not supported; offer AES_CM_128_HMAC_SHA1_80"
        case .keyCount(let count): "\(count) keys in one a=crypto line; exactly one inline: is supported"
        case .unknownKeyMethod: "the key of the a=crypto line does not begin with inline:"
        case .invalidBase64: "the key of the a=crypto line is not base64"
        case .wrongLength(let needed, let got): "key and salt have \(got) octets; the suite needs \(needed)"
        case .invalidLifetime: "the key lifetime must be a number or 2^n, above 0 and at most 2^48"
        case .invalidIdentifier: "the MKI must be value:length with 1 to 128 octets"
        case .excessKeyFields: "more than lifetime and MKI follow the key of the a=crypto line"
        case .unsupportedSessionParameter(let name): "session parameter \(name) is not supported; leave it out"
        }
    }
}
