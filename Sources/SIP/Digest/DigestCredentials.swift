/// Digest credentials: one Authorization or Proxy-Authorization value (RFC 7616 §3.4).
///
/// Holds no password. The `response` is kept out of ``description`` all the same: with it a password can be
/// guessed offline. ``headerValue`` has it.
public struct DigestCredentials: Sendable, Equatable, CustomStringConvertible {
    /// The user's name, quotation marks removed.
    public var username: String
    /// The realm the client answers to.
    public var realm: String
    /// The nonce it answers to.
    public var nonce: String
    /// What the client says the Request-URI was.
    public var uri: String
    /// The request-digest in hexadecimal digits.
    public var response: String
    /// The algorithm as written; nil means MD5.
    public var algorithm: String?
    /// The client's own nonce; there when ``qop`` is.
    public var cnonce: String?
    /// The opaque value of the challenge.
    public var opaque: String?
    /// `auth` or `auth-int` as written; nil in the RFC 2069 form.
    public var qop: String?
    /// The nonce count as written: hexadecimal, eight digits by the grammar, sometimes nine.
    public var nonceCount: String?

    init(username: String, uri: String, challenge: DigestChallenge) {
        self.username = username
        self.uri = uri
        realm = challenge.realm
        nonce = challenge.nonce
        opaque = challenge.opaque
        algorithm = challenge.algorithm?.rawValue
        response = ""
    }

    /// Reads a header value; throws for another scheme, for missing parameters, and for a qop without
    /// cnonce and nc.
    public init(parsing text: some StringProtocol) throws(SIPParseError) {
        let parameters = try DigestParameters(parsing: text)
        username = try parameters.required("username")
        guard let realm = parameters["realm"] else { throw SIPParseError("the realm parameter is missing", at: 0) }
        self.realm = realm
        nonce = try parameters.required("nonce")
        uri = try parameters.required("uri")
        response = try parameters.required("response")
        algorithm = parameters["algorithm"]
        opaque = parameters["opaque"]
        qop = parameters["qop"]
        guard qop != nil else { return }
        cnonce = try parameters.required("cnonce")
        nonceCount = try parameters.required("nc")
    }

    /// The nonce count as a number; nil when absent or unreadable.
    var count: UInt32? {
        guard let nonceCount, !nonceCount.isEmpty, nonceCount.utf8.count <= 16 else { return nil }
        return UInt32(nonceCount, radix: 16)
    }

    /// What goes into the header, the response included.
    public var headerValue: String { text(response: response) }

    /// The header value, the response left out.
    public var description: String { text(response: "…") }

    private func text(response: String) -> String {
        var parts = [
            "username=\(username.quoted)", "realm=\(realm.quoted)", "nonce=\(nonce.quoted)", "uri=\(uri.quoted)",
            "response=\"\(response)\"",
        ]
        if let algorithm { parts.append("algorithm=\(algorithm)") }
        if let cnonce { parts.append("cnonce=\(cnonce.quoted)") }
        if let opaque { parts.append("opaque=\(opaque.quoted)") }
        if let qop { parts.append("qop=\(qop)") }
        if let nonceCount { parts.append("nc=\(nonceCount)") }
        return "Digest " + parts.joined(separator: ", ")
    }
}

extension DigestCredentials {
    /// Whether the response is right for a password, compared in constant time. Says nothing about the nonce:
    /// a server asks ``DigestAuthenticator``.
    public func matches(password: String, method: SIPMethod, body: [UInt8]) -> Bool {
        guard let algorithm = DigestAlgorithm(parameter: algorithm) else { return false }
        let expected = DigestComputation.response(
            for: self, password: password, algorithm: algorithm, method: method.rawValue, body: body)
        return DigestComputation.areEqual(response.utf8.map(\.lowercasedASCII), expected)
    }
}
