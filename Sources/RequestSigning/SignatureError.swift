/// Why a request is not let in, in the words AWS uses for it. Values from the request are cut to 64 printable characters;
/// nothing here comes from a secret.
public enum SignatureError: Error, Hashable, Sendable {
    /// Neither an `Authorization` field nor a presigned query.
    case missingAuthentication
    /// The signature's parts are not all there or not readable; the text says which.
    case incomplete(String)
    /// No such access key, or one that was revoked.
    case unknownKey
    /// A session token with a key that has none.
    case unexpectedSessionToken
    /// Date, region, service or terminator of the credential do not fit; the text says which.
    case wrongScope(String)
    /// The signature was made with another secret or over another request. `missing`: fields that were signed but are
    /// not there, usually taken off by a proxy.
    case mismatch(missing: [String])
    /// Made more than the tolerance ago.
    case expired(signed: String, earliest: String)
    /// Made more than the tolerance ahead.
    case notYetCurrent(signed: String, latest: String)
    /// A presigned URL after its time.
    case presignedURLExpired(at: String)
    /// Fields that must be covered by the signature and are not.
    case headersNotSigned([String])
    /// The body is not the one that was signed.
    case bodyMismatch
    /// A chunk of an `aws-chunked` body is damaged, forged, too long, or missing; the text says which.
    case damagedChunk(String)
    /// Beyond ``SigningLimits``.
    case tooLarge(String)

    /// Which of AWS's families of names for these errors a service speaks.
    public enum Dialect: Sendable, Hashable, CaseIterable {
        /// REST-JSON and JSON services: kinesisvideo, chime, events.
        case json
        /// Query and XML services: sns, sqs.
        case query
        /// S3.
        case s3
    }

    /// The HTTP status, always 403.
    public var status: Int { 403 }

    /// The error's name on the wire (`x-amzn-ErrorType`, `Code`).
    public func code(in dialect: Dialect = .json) -> String {
        let codes = codes
        return switch dialect {
        case .json: codes.json
        case .query: codes.query
        case .s3: codes.s3
        }
    }

    private var codes: (json: String, query: String, s3: String) {
        switch self {
        case .missingAuthentication:
            ("MissingAuthenticationTokenException", "MissingAuthenticationToken", "AccessDenied")
        case .incomplete:
            ("IncompleteSignatureException", "IncompleteSignature", "AuthorizationHeaderMalformed")
        case .unknownKey: ("UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId")
        case .unexpectedSessionToken: ("UnrecognizedClientException", "InvalidClientTokenId", "InvalidToken")
        case .wrongScope:
            ("InvalidSignatureException", "SignatureDoesNotMatch", "AuthorizationHeaderMalformed")
        case .mismatch: ("InvalidSignatureException", "SignatureDoesNotMatch", "SignatureDoesNotMatch")
        case .expired, .notYetCurrent:
            ("InvalidSignatureException", "SignatureDoesNotMatch", "RequestTimeTooSkewed")
        case .presignedURLExpired: ("RequestExpired", "RequestExpired", "AccessDenied")
        case .headersNotSigned: ("InvalidSignatureException", "SignatureDoesNotMatch", "AccessDenied")
        case .bodyMismatch: ("InvalidSignatureException", "SignatureDoesNotMatch", "XAmzContentSHA256Mismatch")
        case .damagedChunk: ("InvalidSignatureException", "SignatureDoesNotMatch", "SignatureDoesNotMatch")
        case .tooLarge: ("IncompleteSignatureException", "IncompleteSignature", "RequestHeaderSectionTooLarge")
        }
    }

    /// For the answer's `Message`.
    public var message: String {
        switch self {
        case .missingAuthentication: "Missing Authentication Token"
        case .incomplete(let text), .wrongScope(let text): text
        case .unknownKey: "The security token included in the request is invalid."
        case .unexpectedSessionToken:
            "The security token included in the request is invalid. The keys of this service have no session token: "
                + "unset AWS_SESSION_TOKEN."
        case .mismatch(let missing):
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
                + "Access Key and signing method. Consult the service documentation for details."
                + (missing.isEmpty
                    ? "" : " The request was signed with these headers, which did not arrive: \(Self.list(missing)).")
        case .expired(let signed, let earliest): "Signature expired: \(signed) is now earlier than \(earliest)"
        case .notYetCurrent(let signed, let latest):
            "Signature not yet current: \(signed) is still later than \(latest)"
        case .presignedURLExpired(let time): "Request has expired: the URL was good until \(time)"
        case .headersNotSigned(let names):
            names == ["host"]
                ? "'Host' or ':authority' must be a 'SignedHeader' in the AWS Credential."
                : "There were headers present in the request which were not signed: \(Self.list(names))"
        case .bodyMismatch:
            "The provided 'x-amz-content-sha256' header does not match what was computed: the body is not the one "
                + "that was signed."
        case .damagedChunk(let text): "The chunked body is not acceptable: \(text)."
        case .tooLarge(let text): "The request cannot be checked: \(text)."
        }
    }

    private static func list(_ names: [String]) -> String {
        names.prefix(8).map(\.shown).joined(separator: ", ") + (names.count > 8 ? ", …" : "")
    }
}

extension SignatureError: CustomStringConvertible {
    /// Code and message.
    public var description: String { "\(code()): \(message)" }
}
