/// A request whose signature is right: who sent it, and what is known of its body.
public struct VerifiedRequest: Sendable {
    /// Whose key signed it.
    public let accessKeyID: String
    /// The region it was signed for.
    public let region: String
    /// The service it was signed for: one of those the verifier takes.
    public let service: String
    /// When it was signed, in seconds since 1970.
    public let signedAtSeconds: Int64
    /// The signature in 64 hexadecimal digits: where the chain of an `aws-chunked` body's signatures begins.
    public let signature: [UInt8]
    /// What the signature says of the body.
    public let payload: PayloadHash
    /// Lower-case names of the fields that nobody changed on the way.
    public let signedHeaders: Set<String>
    /// Whether the signature was in the query.
    public let isPresigned: Bool
    /// The session token, where the verifier takes one.
    public let sessionToken: String?
    /// `x-amz-decoded-content-length`: the bytes of an `aws-chunked` body without its frames.
    public let decodedContentLength: Int64?
    let key: SigningKey
    let time: SigningTime

    /// For a body that is ``PayloadHash/streaming(signed:hasTrailer:)``: takes its frames off and checks them. Nil for
    /// any other body.
    public func chunkedBody(limits: SigningLimits = SigningLimits()) -> ChunkedBodyVerifier? {
        guard case .streaming(let isSigned, let hasTrailer) = payload else { return nil }
        return ChunkedBodyVerifier(
            chain: isSigned ? ChunkSignatures(key: key, time: time, seed: signature) : nil, hasTrailer: hasTrailer,
            decodedLength: decodedContentLength, limits: limits)
    }
}

extension VerifiedRequest: CustomStringConvertible, CustomReflectable {
    /// The key's identifier and the scope; nothing that could be used again.
    public var description: String { "VerifiedRequest(\(accessKeyID), \(key.scope.text))" }
    /// Keeps session tokens and keys out of dumps.
    public var customMirror: Mirror { Mirror(self, children: ["accessKeyID": accessKeyID, "scope": key.scope.text]) }
}
