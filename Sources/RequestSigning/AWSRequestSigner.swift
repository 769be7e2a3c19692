/// Signs requests with AWS Signature Version 4, for AWS and for whatever checks it.
///
/// A value; use it from any thread. The secret shows in no description or dump.
public struct AWSRequestSigner: Sendable, CustomStringConvertible, CustomReflectable {
    /// The longest time in seconds that a presigned URL may be good for: 7 days.
    public static let longestExpiry: Int64 = 604_800

    /// The access key's identifier.
    public let accessKeyID: String
    /// The region of the endpoint.
    public let region: String
    /// The service's signing name: `kinesisvideo`, `events`, `sns`, `sqs`, `s3`, ….
    public let service: String
    private let secret: [UInt8]
    private let sessionToken: String?

    /// Makes a signer for one region and service.
    public init(accessKeyID: String, secret: String, sessionToken: String? = nil, region: String, service: String) {
        self.accessKeyID = accessKeyID
        self.secret = Array(secret.utf8)
        self.sessionToken = sessionToken
        self.region = region
        self.service = service
    }

    /// The fields to add to a request: `X-Amz-Date`, `Authorization` and, where needed, `X-Amz-Security-Token` and
    /// `X-Amz-Content-Sha256`. Fields of these names in `request` are not looked at: replace them.
    ///
    /// - Parameters:
    ///   - request: as it will be sent, with `Host` (and its port, when it is not the scheme's own). Every field is
    ///     signed but those that proxies change.
    ///   - body: ``PayloadHash/of(_:)`` the body; ``PayloadHash/empty`` for PutMedia.
    ///   - epochSeconds: the time.
    public func headers(
        for request: SignedRequestHead, body: PayloadHash, at epochSeconds: Int64
    ) -> [(name: String, value: String)] {
        sign(request, body, SigningTime(epochSeconds: epochSeconds)).headers
    }

    /// Like ``headers(for:body:at:)`` for an `aws-chunked` body, which is sent through the signer that is returned.
    ///
    /// The request has `Content-Encoding: aws-chunked`, `X-Amz-Decoded-Content-Length` and, with a trailer,
    /// `X-Amz-Trailer`.
    public func chunked(
        _ request: SignedRequestHead, isSigned: Bool = true, hasTrailer: Bool = false, at epochSeconds: Int64
    ) -> (headers: [(name: String, value: String)], body: ChunkedBodySigner) {
        let time = SigningTime(epochSeconds: epochSeconds)
        let hasTrailer = hasTrailer || !isSigned
        let signed = sign(request, .streaming(signed: isSigned, hasTrailer: hasTrailer), time)
        let chain = isSigned ? ChunkSignatures(key: key(time), time: time, seed: signed.signature) : nil
        return (signed.headers, ChunkedBodySigner(chain: chain, hasTrailer: hasTrailer))
    }

    /// The query of a URL that anyone may use for a time: the request's own query and the signature.
    ///
    /// - Parameters:
    ///   - request: only the fields that whoever uses the URL will send: `Host`, as a rule.
    ///   - expiresInSeconds: 1 to ``longestExpiry``; what is outside is brought inside.
    ///   - epochSeconds: the time from which on it is good.
    public func presign(
        _ request: SignedRequestHead, expiresInSeconds: Int64, at epochSeconds: Int64
    ) -> String {
        let time = SigningTime(epochSeconds: epochSeconds)
        let (names, headers) = signedFields(request)
        var parameters = [
            ("X-Amz-Algorithm", CanonicalRequest.algorithm),
            ("X-Amz-Credential", "\(accessKeyID)/\(scope(time).text)"),
            ("X-Amz-Date", time.text),
            ("X-Amz-Expires", "\(min(max(expiresInSeconds, 1), Self.longestExpiry))"),
            ("X-Amz-SignedHeaders", names.joined(separator: ";")),
        ]
        if let sessionToken { parameters.append(("X-Amz-Security-Token", sessionToken)) }
        let own = parameters.map { name, value in
            "\(name)=" + String(decoding: PercentEncoding.encode(value.utf8), as: UTF8.self)
        }
        let query = (request.query.isEmpty ? [] : [request.query]) + own
        let text = query.joined(separator: "&")
        let payload: PayloadHash = CredentialScope.usesPlainPath(service) ? .unsigned : .empty
        let signature = canonical(request, query: text, names, headers, payload).signature(key: key(time), time: time)
        return text + "&\(PresentedSignature.signatureParameter)=" + String(decoding: signature, as: UTF8.self)
    }

    /// The key's identifier and what it signs for.
    public var description: String { "AWSRequestSigner(\(accessKeyID), \(service) in \(region))" }
    /// Keeps the secret out of dumps.
    public var customMirror: Mirror {
        Mirror(self, children: ["accessKeyID": accessKeyID, "region": region, "service": service])
    }

    private func sign(
        _ request: SignedRequestHead, _ body: PayloadHash, _ time: SigningTime
    ) -> (headers: [(name: String, value: String)], signature: [UInt8]) {
        var added = [(name: "X-Amz-Date", value: time.text)]
        if let sessionToken { added.append(("X-Amz-Security-Token", sessionToken)) }
        // S3 demands it; the others take a plain hash as read.
        let isPlainHash = if case .hash = body { true } else { false }
        if CredentialScope.usesPlainPath(service) || !isPlainHash {
            added.append(("X-Amz-Content-Sha256", body.headerValue))
        }
        var request = request
        request.headers.removeAll { Self.ownFields.contains($0.name.lowercasedASCII) }
        request.headers += added
        let (names, headers) = signedFields(request)
        let signature = canonical(request, query: request.query, names, headers, body)
            .signature(key: key(time), time: time)
        let authorization =
            "\(CanonicalRequest.algorithm) Credential=\(accessKeyID)/\(scope(time).text), "
            + "SignedHeaders=\(names.joined(separator: ";")), Signature=" + String(decoding: signature, as: UTF8.self)
        return (added + [("Authorization", authorization)], signature)
    }

    private static let ownFields: Set<String> = [
        "authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256",
    ]
    /// Changed or taken off on the way, so nobody signs them.
    private static let passingFields: Set<String> = [
        "connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
        "transfer-encoding", "upgrade", "user-agent", "x-amzn-trace-id", "authorization",
    ]

    private func signedFields(_ request: SignedRequestHead) -> (names: [String], headers: HeaderIndex) {
        let headers = HeaderIndex(request)
        let names = headers.names.filter { !Self.passingFields.contains($0) }
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        return (names, headers)
    }

    private func canonical(
        _ request: SignedRequestHead, query: String, _ names: [String], _ headers: HeaderIndex, _ payload: PayloadHash
    ) -> CanonicalRequest {
        CanonicalRequest(
            method: request.method,
            path: CanonicalPath.line(request.path, isPlain: CredentialScope.usesPlainPath(service)),
            query: CanonicalQuery(query).line, headers: headers.canonicalLines(names),
            signedHeaders: Array(names.joined(separator: ";").utf8), payload: payload.line)
    }

    private func scope(_ time: SigningTime) -> CredentialScope {
        CredentialScope(date: time.date, region: region, service: service)
    }

    private func key(_ time: SigningTime) -> SigningKey { SigningKey(secret: secret, scope: scope(time)) }
}
