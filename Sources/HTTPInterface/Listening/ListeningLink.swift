import Crypto

/// The token of a link to one call: who made it, until when it is good, and a proof of both.
///
/// `v1.<access key>.<expiry, epoch seconds>.<HMAC-SHA256, 64 hexadecimal digits>`; the HMAC's key is the access key's
/// secret, its text four lines: ``purpose``, the transaction, the access key, the expiry. Nothing is kept of it: a link
/// is good until its time is over or its access key is revoked, also after a restart.
public struct ListeningLink: Sendable, Equatable {
    /// A link is good for at most so long: seven days, as a presigned URL.
    public static let longestSeconds: Int64 = 7 * 24 * 3600
    /// The text's first line, so that the secret signs nothing that could be taken for something else.
    static let purpose = "earshot-listen-v1"

    /// Who made it.
    public let accessKeyID: String
    /// When it stops to be good, seconds since 1970.
    public let expiresAtSeconds: Int64

    /// Makes the token of a call.
    /// - Parameters:
    ///   - secret: the access key's.
    ///   - expiresAtSeconds: seconds since 1970; later than ``longestSeconds`` from now is refused when it is used.
    public static func token(
        transactionID: String, accessKeyID: String, secret: [UInt8], expiresAtSeconds: Int64
    ) -> String {
        let code = code(transactionID, accessKeyID, expiresAtSeconds, secret)
        return "v1.\(accessKeyID).\(expiresAtSeconds).\(hexadecimal(code))"
    }

    /// The page's address, for a person. The token is in the fragment: browsers send that to no server, so it is in no
    /// access log, no proxy and no `Referer`.
    public static func url(base: String, transactionID: String, token: String) -> String {
        let base = base.hasSuffix("/") ? String(base.dropLast()) : base
        return "\(base)/listen/\(transactionID)#\(token)"
    }

    /// Checks a token.
    /// - Parameter secret: the secret of an access key, if there is such a key.
    init(
        verifying token: String, transactionID: String, nowSeconds: Int64, secret: (String) -> [UInt8]?
    ) throws(ListeningLinkError) {
        guard token.utf8.count <= 256 else { throw .malformed }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "v1", parts[1].utf8.count <= 128,
            let expires = Int64(parts[2]), String(expires) == parts[2], let code = Self.octets(parts[3])
        else { throw .malformed }
        accessKeyID = String(parts[1])
        expiresAtSeconds = expires
        let found = secret(accessKeyID)
        // Without such a key as much is computed as with it, and the comparison looks at every octet: the time an
        // answer takes tells neither which keys there are nor how much of a code is right.
        let authentic = HMAC<SHA256>.isValidAuthenticationCode(
            code, authenticating: Self.text(transactionID, accessKeyID, expires),
            using: SymmetricKey(data: found ?? [UInt8](repeating: 0, count: 40)))
        guard authentic, found != nil else { throw .wrong }
        guard expires > nowSeconds else { throw .expired }
        guard expires - nowSeconds <= Self.longestSeconds else { throw .tooLong }
    }

    private static func code(
        _ transactionID: String, _ accessKeyID: String, _ expires: Int64, _ secret: [UInt8]
    ) -> [UInt8] {
        Array(
            HMAC<SHA256>.authenticationCode(
                for: text(transactionID, accessKeyID, expires), using: SymmetricKey(data: secret)))
    }

    private static func text(_ transactionID: String, _ accessKeyID: String, _ expires: Int64) -> [UInt8] {
        Array([purpose, transactionID, accessKeyID, String(expires)].joined(separator: "\n").utf8)
    }

    private static func hexadecimal(_ octets: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: octets.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    private static func octets(_ text: Substring) -> [UInt8]? {
        guard text.utf8.count == 64 else { return nil }
        var octets: [UInt8] = []
        var high: UInt8?
        for digit in text.utf8 {
            let value: UInt8
            switch digit {
            case 0x30...0x39: value = digit - 0x30
            case 0x61...0x66: value = digit - 0x57
            default: return nil
            }
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

/// Why a link does not open a call.
enum ListeningLinkError: Error, Equatable {
    case malformed, wrong, expired, tooLong

    /// The answer: says nothing about keys that are not the caller's.
    var answer: ServiceError {
        switch self {
        case .malformed:
            .accessDenied("The link's token is not one of Earshot's. Copy the whole link, or ask for a new one.")
        case .wrong: .accessDenied("The link is not good for this call, or has been revoked. Ask for a new one.")
        case .expired: .accessDenied("The link has expired. Ask for a new one ('earshot listen').")
        case .tooLong: .accessDenied("The link would be good for longer than 7 days. Make one with an earlier expiry.")
        }
    }
}
