import RequestSigning

/// A GetMedia request of our own making, for tests that break it.
struct SignedExample {
    static let now: Int64 = 1_767_225_600  // 2026-01-01T00:00:00Z
    static let id = "AKIAEARSHOTEXAMPLE22"
    static let secret = "ExampleSecretOfFortyCharacters0123456789"
    static let body = Array(#"{"StreamName":"a"}"#.utf8)

    var signer = AWSRequestSigner(
        accessKeyID: id, secret: secret, region: "us-east-1", service: "kinesisvideo")
    var verifier = AWSSignatureVerifier(service: ["kinesisvideo", "chime"], region: "us-east-1")
    var head = SignedRequestHead(
        method: "POST", path: "/getMedia",
        headers: [("Host", "localhost:8080"), ("Content-Type", "application/json")])

    /// Signed headers in place, X-Amz-Date and Authorization last.
    func signed(at time: Int64 = now, body: PayloadHash = .of(body)) -> SignedRequestHead {
        var head = head
        head.headers += signer.headers(for: head, body: body, at: time)
        return head
    }

    func presigned(for seconds: Int64 = 60, at time: Int64 = now) -> SignedRequestHead {
        var head = head
        head.method = "GET"
        head.headers = [("Host", "localhost:8080")]
        head.query = signer.presign(head, expiresInSeconds: seconds, at: time)
        return head
    }

    func verify(_ head: SignedRequestHead, body: PayloadDigest = .of(body), at time: Int64 = now)
        throws(SignatureError) -> VerifiedRequest
    {
        try verifier.verify(head, body: body, nowSeconds: time) { $0 == Self.id ? Array(Self.secret.utf8) : nil }
    }

    /// The error of a request; nil when it is let in.
    func refusal(_ head: SignedRequestHead, body: PayloadDigest = .of(body), at time: Int64 = now) -> SignatureError? {
        do throws(SignatureError) {
            _ = try verify(head, body: body, at: time)
            return nil
        } catch {
            return error
        }
    }
}

extension SignedRequestHead {
    /// With a field's first value replaced.
    func replacing(_ name: String, _ change: (String) -> String) -> SignedRequestHead {
        var copy = self
        for index in copy.headers.indices where copy.headers[index].name.lowercased() == name {
            copy.headers[index].value = change(copy.headers[index].value)
        }
        return copy
    }

    func removing(_ name: String) -> SignedRequestHead {
        var copy = self
        copy.headers.removeAll { $0.name.lowercased() == name }
        return copy
    }

    func adding(_ name: String, _ value: String) -> SignedRequestHead {
        var copy = self
        copy.headers.append((name, value))
        return copy
    }
}

extension VerifiedRequest {
    /// The body of an `aws-chunked` one that arrives in pieces of that many bytes; what came out before an error is lost.
    func unframing(
        _ framed: [UInt8], pieces: Int = .max, limits: SigningLimits = SigningLimits()
    ) throws(SignatureError) -> (body: [UInt8], trailers: [String]) {
        var body: [UInt8] = []
        let trailers = try unframing(framed, pieces: pieces, limits: limits, to: &body)
        return (body, trailers)
    }

    /// The same; `body` has what came out before an error.
    @discardableResult
    func unframing(
        _ framed: [UInt8], pieces: Int = .max, limits: SigningLimits = SigningLimits(), to body: inout [UInt8]
    ) throws(SignatureError) -> [String] {
        guard var frames = chunkedBody(limits: limits) else { throw .damagedChunk("not chunked") }
        for start in stride(from: 0, to: framed.count, by: min(pieces, max(framed.count, 1))) {
            try frames.append(Array(framed[start..<min(start + min(pieces, framed.count), framed.count)]), to: &body)
        }
        try frames.finish()
        return frames.trailers.map { "\($0.name):\($0.value)" }
    }
}
