/// The client side of Digest authentication: one user's name and password, and the count of uses of the last
/// nonce (RFC 7616 §3.4). The password never shows in descriptions or dumps.
public struct DigestClient: Sendable, CustomStringConvertible, CustomReflectable {
    /// The user's name.
    public let username: String
    private let password: String
    private var lastNonce = ""
    private var useCount: UInt32 = 0

    /// Makes a client.
    public init(username: String, password: String) {
        self.username = username
        self.password = password
    }

    /// Adds the answer to a 401 or 407 to a request, in place of an older one.
    ///
    /// The caller gives the request a new branch and the next CSeq number (RFC 3261 §22.2), and gives up when a
    /// second challenge is not stale.
    ///
    /// - Parameter generator: makes the cnonce.
    /// - Returns: false when the response has no challenge that can be answered.
    public mutating func authorize(
        _ request: inout SIPRequest, answering response: SIPResponse,
        using generator: inout some RandomNumberGenerator
    ) -> Bool {
        guard let challenge = DigestChallenge.preferred(in: response) else { return false }
        if challenge.nonce != lastNonce {
            lastNonce = challenge.nonce
            useCount = 0
        }
        useCount &+= 1
        let cnonce = String(generator.next(), radix: 16) + String(generator.next(), radix: 16)
        guard
            let value = challenge.authorization(
                username: username, password: password, method: request.method, uri: request.uri,
                body: request.body, cnonce: cnonce, nonceCount: useCount)
        else { return false }
        request.headers[response.status == 407 ? .proxyAuthorization : .authorization] = value
        return true
    }

    /// The name of the user only.
    public var description: String { "DigestClient(username: \(username))" }

    /// Keeps the password out of dumps.
    public var customMirror: Mirror { Mirror(self, children: ["username": username]) }
}

extension DigestChallenge {
    /// The Authorization value that answers this challenge; nil when its algorithm is not spoken.
    ///
    /// `auth` is taken when offered, else `auth-int`, else the RFC 2069 form.
    ///
    /// - Parameters:
    ///   - uri: the Request-URI, as it stands in the request.
    ///   - cnonce: random text, at least 64 bits.
    ///   - nonceCount: 1 for the first use of the nonce, then one more each time.
    public func authorization(
        username: String, password: String, method: SIPMethod, uri: String, body: [UInt8] = [],
        cnonce: String, nonceCount: UInt32
    ) -> String? {
        guard let algorithm else { return nil }
        var credentials = DigestCredentials(username: username, uri: uri, challenge: self)
        if let quality = ["auth", "auth-int"].first(where: qop.contains) {
            credentials.qop = quality
            credentials.cnonce = cnonce
            let digits = String(nonceCount, radix: 16)
            credentials.nonceCount = String(repeating: "0", count: 8 - digits.utf8.count) + digits
        }
        credentials.response = String(
            decoding: DigestComputation.response(
                for: credentials, password: password, algorithm: algorithm, method: method.rawValue, body: body),
            as: UTF8.self)
        return credentials.headerValue
    }
}
