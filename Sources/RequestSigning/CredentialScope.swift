/// What a signing key is good for: one day, one region, one service.
struct CredentialScope: Sendable, Hashable {
    /// `20260131`.
    var date: String
    var region: String
    var service: String

    static let terminator = "aws4_request"

    var text: String { "\(date)/\(region)/\(service)/\(Self.terminator)" }

    /// S3 takes the path as it stands; all other services normalise it and encode it once more.
    static func usesPlainPath(_ service: String) -> Bool {
        ["s3", "s3express", "s3-outposts", "s3-object-lambda"].contains(service)
    }
}

/// The `Credential` of a request: whose key, and its scope.
struct PresentedCredential: Sendable, Hashable {
    let accessKeyID: String
    let scope: CredentialScope

    /// Reads `AKIA…/20260131/us-east-1/kinesisvideo/aws4_request`.
    init(parsing text: String) throws(SignatureError) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        guard parts.count == 5, parts.allSatisfy({ !$0.isEmpty && $0.utf8.count <= 128 }) else {
            throw .incomplete(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
                    + "got '\(text.shown)'.")
        }
        guard parts[4] == CredentialScope.terminator else {
            throw .wrongScope(
                "Credential should be scoped with a valid terminator: '\(CredentialScope.terminator)', "
                    + "not '\(parts[4].shown)'.")
        }
        accessKeyID = parts[0]
        scope = CredentialScope(date: parts[1], region: parts[2], service: parts[3])
    }
}
