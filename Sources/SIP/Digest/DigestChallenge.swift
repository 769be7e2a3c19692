/// A Digest challenge: one WWW-Authenticate or Proxy-Authenticate value (RFC 3261 §22.4, RFC 7616 §3.3).
public struct DigestChallenge: Sendable, Equatable, CustomStringConvertible {
    /// The protection domain, shown to people; quotation marks removed.
    public var realm: String
    /// The server's nonce.
    public var nonce: String
    /// To be sent back as it is.
    public var opaque: String?
    /// The algorithm; nil when it is one that is not spoken here.
    public var algorithm: DigestAlgorithm?
    /// The offered qualities of protection in lower case; empty in the RFC 2069 form.
    public var qop: [String]
    /// The password was right but the nonce is too old: try again without asking a person.
    public var isStale: Bool

    /// Makes a challenge.
    public init(
        realm: String, nonce: String, opaque: String? = nil, algorithm: DigestAlgorithm = .md5,
        qop: [String] = ["auth"], isStale: Bool = false
    ) {
        self.realm = realm
        self.nonce = nonce
        self.opaque = opaque
        self.algorithm = algorithm
        self.qop = qop
        self.isStale = isStale
    }

    /// Reads a header value; throws for other schemes than Digest.
    public init(parsing text: some StringProtocol) throws(SIPParseError) {
        let parameters = try DigestParameters(parsing: text)
        guard let realm = parameters["realm"] else { throw SIPParseError("the realm parameter is missing", at: 0) }
        self.realm = realm
        nonce = try parameters.required("nonce")
        opaque = parameters["opaque"]
        algorithm = DigestAlgorithm(parameter: parameters["algorithm"])
        qop = HeaderList.elements(of: parameters["qop"] ?? "").filter { !$0.isEmpty }.map(\.lowercasedASCII)
        isStale = parameters["stale"]?.equalsIgnoringCase("true") ?? false
    }

    /// The challenge of a 401 or 407 to answer: the first that is understood, as the server lists them in its
    /// order of preference (RFC 8760 §2.4); nil when there is none.
    public static func preferred(in response: SIPResponse) -> DigestChallenge? {
        let name: HeaderName = response.status == 407 ? .proxyAuthenticate : .wwwAuthenticate
        return response.headers.values(name).lazy
            .compactMap { try? DigestChallenge(parsing: $0) }
            .first { $0.algorithm != nil && ($0.qop.isEmpty || $0.qop.contains("auth")) }
    }

    /// The header value.
    public var description: String {
        var parts = ["realm=\(realm.quoted)", "nonce=\(nonce.quoted)"]
        if let opaque { parts.append("opaque=\(opaque.quoted)") }
        if isStale { parts.append("stale=true") }
        if let algorithm { parts.append("algorithm=\(algorithm.rawValue)") }
        if !qop.isEmpty { parts.append("qop=\(qop.joined(separator: ",").quoted)") }
        return "Digest " + parts.joined(separator: ", ")
    }
}
