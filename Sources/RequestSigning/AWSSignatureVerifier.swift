/// Checks AWS Signature Version 4 in its header and presigned forms.
///
/// A value; use it from any thread. It reads no clock and keeps no state, so a request can be sent again by whoever saw
/// it until the tolerance is over: TLS is what prevents that, here as with AWS.
public struct AWSSignatureVerifier: Sendable {
    private let services: Set<String>
    private let region: String?
    private let toleranceSeconds: Int64
    private let acceptsSessionTokens: Bool
    private let limits: SigningLimits

    /// - Parameters:
    ///   - service: signing names that are taken: `kinesisvideo`, `chime`, ….
    ///   - region: the only region that is taken; nil takes any.
    ///   - toleranceSeconds: how far the sender's clock may be off, both ways.
    ///   - acceptsSessionTokens: whether requests with a session token are let in. It is signed, but nobody here has
    ///     issued it: judge ``VerifiedRequest/sessionToken``.
    public init(
        service: Set<String>, region: String? = nil, toleranceSeconds: Int64 = 300, acceptsSessionTokens: Bool = false,
        limits: SigningLimits = SigningLimits()
    ) {
        services = service
        self.region = region
        self.toleranceSeconds = min(max(toleranceSeconds, 0), 7 * 86_400)
        self.acceptsSessionTokens = acceptsSessionTokens
        self.limits = limits
    }

    /// Judges a request.
    ///
    /// An unknown key costs the same computation as a wrong signature, and everything that is told apart before it
    /// depends on the request alone, so answers and their times tell nobody which keys exist.
    ///
    /// - Parameters:
    ///   - body: what is known of the body; ``PayloadDigest/streamed`` only where the interface takes bodies that
    ///     nobody vouches for.
    ///   - nowSeconds: the time in seconds since 1970.
    ///   - secret: an access key's secret in UTF-8, nil when there is no such key.
    public func verify(
        _ head: SignedRequestHead, body: PayloadDigest, nowSeconds: Int64, secret: (String) -> [UInt8]?
    ) throws(SignatureError) -> VerifiedRequest {
        try checkSize(head)
        let headers = HeaderIndex(head)
        let query = try CanonicalQuery(head.query, limits: limits)
        let presented = try PresentedSignature(headers, query, limits: limits)
        try checkScope(presented)
        try checkTime(presented, now: SigningTime(epochSeconds: nowSeconds))
        try checkCoverage(presented, headers)
        let payload = try Self.payload(headers, query, presented, body)

        let known = secret(presented.credential.accessKeyID)
        let key = SigningKey(secret: known ?? Self.noSecret, scope: presented.credential.scope)
        let isRight = Self.isSigned(head, headers, query, presented, payload.line, key)
        guard known != nil else { throw .unknownKey }
        guard isRight else { throw .mismatch(missing: presented.signedHeaders.filter { !headers.contains($0) }) }
        guard acceptsSessionTokens || presented.sessionToken == nil else { throw .unexpectedSessionToken }
        // The signature covers what the sender said of the body; now the body must be that.
        if case .hash(let claimed) = payload.claim, case .sha256(let computed) = body {
            guard ConstantTime.areEqual(claimed, computed) else { throw .bodyMismatch }
        }
        return VerifiedRequest(
            accessKeyID: presented.credential.accessKeyID, region: presented.credential.scope.region,
            service: presented.credential.scope.service, signedAtSeconds: presented.time.epochSeconds,
            signature: presented.signature, payload: payload.claim, signedHeaders: Set(presented.signedHeaders),
            isPresigned: presented.expiresIn != nil, sessionToken: presented.sessionToken,
            decodedContentLength: try Self.decodedLength(headers), key: key, time: presented.time)
    }

    /// Of the length that Earshot's secrets have; its value does not matter, since ``SignatureError/unknownKey`` follows
    /// whatever comes out.
    private static let noSecret = [UInt8](repeating: 0x2E, count: 40)

    private func checkSize(_ head: SignedRequestHead) throws(SignatureError) {
        guard head.headers.count <= limits.headers else {
            throw .tooLarge("it has more than \(limits.headers) headers")
        }
        let bytes = head.headers.reduce(head.method.utf8.count + head.path.utf8.count + head.query.utf8.count) {
            $0 + $1.name.utf8.count + $1.value.utf8.count
        }
        guard bytes <= limits.headBytes else {
            throw .tooLarge("path, query and headers are longer than \(limits.headBytes) bytes")
        }
    }

    private func checkScope(_ presented: PresentedSignature) throws(SignatureError) {
        let scope = presented.credential.scope
        var problems: [String] = []
        if let region, scope.region != region {
            problems.append("Credential should be scoped to a valid region, not '\(scope.region.shown)'.")
        }
        if !services.contains(scope.service) {
            let names = services.sorted().joined(separator: "' or '")
            problems.append("Credential should be scoped to correct service: '\(names)'.")
        }
        if scope.date != presented.time.date {
            problems.append(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                    + "'\(scope.date.shown)' != '\(presented.time.date)', from '\(presented.time.text)'.")
        }
        guard problems.isEmpty else { throw .wrongScope(problems.joined(separator: " ")) }
    }

    private func checkTime(_ presented: PresentedSignature, now: SigningTime) throws(SignatureError) {
        let signed = presented.time
        let minutes = toleranceSeconds % 60 == 0 ? "\(toleranceSeconds / 60) min." : "\(toleranceSeconds) s"
        let latest = SigningTime(epochSeconds: now.epochSeconds + toleranceSeconds)
        guard signed.epochSeconds <= latest.epochSeconds else {
            throw .notYetCurrent(signed: signed.text, latest: "\(latest.text) (\(now.text) + \(minutes))")
        }
        if let expiresIn = presented.expiresIn {
            let end = SigningTime(epochSeconds: signed.epochSeconds + expiresIn)
            guard now.epochSeconds <= end.epochSeconds else { throw .presignedURLExpired(at: end.text) }
        } else {
            let earliest = SigningTime(epochSeconds: now.epochSeconds - toleranceSeconds)
            guard signed.epochSeconds >= earliest.epochSeconds else {
                throw .expired(signed: signed.text, earliest: "\(earliest.text) (\(now.text) - \(minutes))")
            }
        }
    }

    /// `Host`, so that a request is good at one place only, and all of AWS's own fields: unsigned, anyone on the way
    /// could send a PutMedia into another stream. Proxies add the trace field after the signing.
    private func checkCoverage(_ presented: PresentedSignature, _ headers: HeaderIndex) throws(SignatureError) {
        let signed = Set(presented.signedHeaders)
        guard signed.contains("host") else { throw .headersNotSigned(["host"]) }
        _ = try headers.single("host")
        let open = headers.names.filter { name in
            (name.hasPrefix("x-amz-") || name.hasPrefix("x-amzn-")) && name != "x-amzn-trace-id"
                // Both are in the signed text themselves, whether listed or not.
                && name != "x-amz-date" && name != "x-amz-content-sha256" && !signed.contains(name)
        }
        guard open.isEmpty else { throw .headersNotSigned(open.sorted()) }
    }
}
