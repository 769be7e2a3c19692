/// The request-digest of RFC 7616 §3.4.1 (RFC 2617 §3.2.2.1).
enum DigestComputation {
    /// The response the credentials should carry, as lower-case hexadecimal digits.
    ///
    /// - Parameter method: of the request; for credentials made for a request.
    static func response(
        for credentials: DigestCredentials, password: String, algorithm: DigestAlgorithm,
        method: String, body: [UInt8]
    ) -> [UInt8] {
        let identity = algorithm.hexHash("\(credentials.username):\(credentials.realm):\(password)".utf8)
        var request = Array("\(method):\(credentials.uri)".utf8)
        let qop = credentials.qop?.lowercasedASCII
        // RFC 7616 §3.4.3.
        if qop == "auth-int" { request += [Octet.colon] + algorithm.hexHash(body) }
        var secret = identity + Array(":\(credentials.nonce):".utf8)
        if let qop {
            // The count goes in as it was written, nine digits and all.
            secret += "\(credentials.nonceCount ?? ""):\(credentials.cnonce ?? ""):\(qop):".utf8
        }
        return algorithm.hexHash(secret + algorithm.hexHash(request))
    }

    /// Compares without giving away by its time where the first difference is.
    static func areEqual(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for (first, second) in zip(left, right) { difference |= first ^ second }
        return difference == 0
    }
}
