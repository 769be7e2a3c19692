extension AWSSignatureVerifier {
    /// The last line of the canonical request, and what it says of the body.
    static func payload(
        _ headers: HeaderIndex, _ query: CanonicalQuery, _ presented: PresentedSignature, _ body: PayloadDigest
    ) throws(SignatureError) -> (line: [UInt8], claim: PayloadHash) {
        let isPresigned = presented.expiresIn != nil
        var stated = try headers.single("x-amz-content-sha256")
        if stated == nil, isPresigned {
            let values = query.values("X-Amz-Content-Sha256")
            guard values.count <= 1 else { throw .incomplete("X-Amz-Content-Sha256 is there more than once.") }
            stated = values.first
        }
        if let stated {
            guard let claim = PayloadHash(headerValue: stated) else {
                throw .incomplete(
                    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD (-TRAILER), "
                        + "STREAMING-UNSIGNED-PAYLOAD-TRAILER, or a valid sha256 value, got '\(stated.shown)'.")
            }
            return (claim.line, claim)
        }
        // Whoever makes a URL for S3 does not know what will be sent to it.
        if isPresigned, CredentialScope.usesPlainPath(presented.credential.scope.service) {
            return (PayloadHash.unsigned.line, .unsigned)
        }
        switch body {
        case .sha256(let digits): return (digits, .hash(digits))
        // PutMedia's producers sign while their body has not begun: the hash of nothing stands for it.
        case .streamed: return (PayloadHash.empty.line, .unsigned)
        }
    }

    /// Computes the signature and compares it. Where the query is not encoded in full, clients disagree on what is
    /// signed (the documentation: encoded anew; botocore: as sent); both bind every byte of it, and either will do.
    static func isSigned(
        _ head: SignedRequestHead, _ headers: HeaderIndex, _ query: CanonicalQuery, _ presented: PresentedSignature,
        _ payload: [UInt8], _ key: SigningKey
    ) -> Bool {
        let query = presented.expiresIn == nil ? query : query.removing(PresentedSignature.signatureParameter)
        let lines = [query.line, query.lineAsReceived]
        var isRight = false
        for line in lines[0] == lines[1] ? [lines[0]] : lines {
            let request = CanonicalRequest(
                method: head.method,
                path: CanonicalPath.line(head.path, isPlain: CredentialScope.usesPlainPath(key.scope.service)),
                query: line, headers: headers.canonicalLines(presented.signedHeaders),
                signedHeaders: Array(presented.signedHeaders.joined(separator: ";").utf8), payload: payload)
            let signature = request.signature(key: key, time: presented.time)
            // No early end: the second form is computed whether the first was right or not.
            isRight = ConstantTime.areEqual(signature, presented.signature) || isRight
        }
        return isRight
    }

    static func decodedLength(_ headers: HeaderIndex) throws(SignatureError) -> Int64? {
        guard let text = try headers.single("x-amz-decoded-content-length") else { return nil }
        guard text.utf8.count <= 18, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int64(text)
        else { throw .incomplete("x-amz-decoded-content-length must be a number of bytes, got '\(text.shown)'.") }
        return length
    }
}
