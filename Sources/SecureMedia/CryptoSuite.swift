/// What protects the packets of a stream: cipher, key size and tag, as SDP names it (RFC 4568 §6.2, RFC 6188 §4,
/// RFC 7714 §14.2).
public enum CryptoSuite: String, CaseIterable, Sendable {
    case counter128Tag80 = "AES_CM_128_HMAC_SHA1_80"
    case counter128Tag32 = "AES_CM_128_HMAC_SHA1_32"
    case counter192Tag80 = "AES_CM_192_HMAC_SHA1_80"
    case counter192Tag32 = "AES_CM_192_HMAC_SHA1_32"
    case counter256Tag80 = "AES_CM_256_HMAC_SHA1_80"
    case counter256Tag32 = "AES_CM_256_HMAC_SHA1_32"
    case galois128 = "AEAD_AES_128_GCM"
    case galois256 = "AEAD_AES_256_GCM"

    /// The suite of that name in an `a=crypto` line; nil for one that is not known here. Upper and lower case are one
    /// (RFC 4568 §9.2 is ABNF, whose strings know no case). RFC 6188 §4 writes `AES_256_CM_HMAC_SHA1_80`, many peers
    /// write `AES_CM_256_HMAC_SHA1_80`; both are taken, and an answer repeats the name as it was offered.
    public init?(sdpName: String) {
        let name = sdpName.uppercased()
        if let suite = CryptoSuite(rawValue: name) {
            self = suite
            return
        }
        switch name {
        case "AES_192_CM_HMAC_SHA1_80": self = .counter192Tag80
        case "AES_192_CM_HMAC_SHA1_32": self = .counter192Tag32
        case "AES_256_CM_HMAC_SHA1_80": self = .counter256Tag80
        case "AES_256_CM_HMAC_SHA1_32": self = .counter256Tag32
        default: return nil
        }
    }

    /// Encryption and authentication are one operation (RFC 7714).
    public var isGalois: Bool {
        switch self {
        case .galois128, .galois256: true
        case .counter128Tag80, .counter128Tag32, .counter192Tag80, .counter192Tag32, .counter256Tag80,
            .counter256Tag32:
            false
        }
    }

    /// Octets of the master key, and of the session keys for encryption.
    public var keyLength: Int {
        switch self {
        case .counter128Tag80, .counter128Tag32, .galois128: 16
        case .counter192Tag80, .counter192Tag32: 24
        case .counter256Tag80, .counter256Tag32, .galois256: 32
        }
    }

    /// Octets of the master salt: 112 bits (RFC 3711 §8.2), with the AEAD suites 96 (RFC 7714 §12).
    public var saltLength: Int { isGalois ? 12 : 14 }

    /// Octets that SRTP appends to an RTP packet, the MKI left out.
    public var tagLength: Int {
        switch self {
        case .counter128Tag80, .counter192Tag80, .counter256Tag80: 10
        case .counter128Tag32, .counter192Tag32, .counter256Tag32: 4
        case .galois128, .galois256: 16
        }
    }

    /// Octets of the tag of an SRTCP packet. RFC 4568 §6.2.2: the _32 suites keep the tag of 80 bits for RTCP, because
    /// a forged report does more harm than 20 ms of forged audio.
    public var controlTagLength: Int { isGalois ? 16 : 10 }
}
