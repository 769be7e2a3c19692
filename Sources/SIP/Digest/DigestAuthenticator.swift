/// The server side of Digest authentication for one realm (RFC 3261 §22, RFC 7616, RFC 8760).
///
/// Owned by whoever admits requests; not for use from several threads. It reads no clock: time is an argument.
/// An unknown user costs the same computation and gets the same answer as a wrong password.
public struct DigestAuthenticator: Sendable {
    /// What to do with a request.
    public enum Verdict: Sendable, Equatable {
        /// The credentials are right and were not used before.
        case authenticated(username: String)
        /// Answer 401 with each of these as a WWW-Authenticate field (407 and Proxy-Authenticate at a proxy).
        /// `stale`: the password was right, only the nonce was not.
        case challenge([String], stale: Bool)
        /// Answer 400: the credentials are unreadable or were made for another URI.
        case rejected(reason: String)
    }

    /// Settings.
    public struct Policy: Sendable {
        /// Offered algorithms, the preferred first.
        public var algorithms: [DigestAlgorithm] = [.sha256, .md5]
        /// Offered qualities of protection; `auth-int` is understood whether offered or not.
        public var qop = ["auth"]
        /// How long a nonce is good.
        public var nonceLifetime = Duration.seconds(300)
        /// How many nonces are watched for replay at a time.
        public var watchedNonces = 4096
        /// Where the credentials are looked for.
        public var credentialsHeader = HeaderName.authorization

        /// SHA-256 and MD5, `auth`, five minutes, 4,096 nonces.
        public init() {}
    }

    private let realm: String
    private let policy: Policy
    private let dummyPassword: String
    private var issuer: NonceIssuer
    private var counts: NonceCounts

    /// - Parameters:
    ///   - realm: shown to users; the domain by custom.
    ///   - secret: at least 16 octets of randomness, new in each process; keys the nonces.
    ///   - start: any instant before the first use.
    public init(realm: String, secret: [UInt8], start: ContinuousClock.Instant, policy: Policy = Policy()) {
        self.realm = realm
        self.policy = policy
        issuer = NonceIssuer(secret: secret, realm: realm, start: start, lifetime: policy.nonceLifetime)
        counts = NonceCounts(capacity: policy.watchedNonces)
        dummyPassword = String(decoding: DigestAlgorithm.sha256.hexHash(secret + [0]), as: UTF8.self)
    }

    /// Judges a request.
    ///
    /// Call it once a transaction, not for retransmissions, and never for ACK or CANCEL, which cannot be
    /// challenged (RFC 3261 §22.1).
    ///
    /// - Parameter passwordFor: the password of a user, nil for an unknown one.
    public mutating func verify(
        _ request: SIPRequest, now: ContinuousClock.Instant, passwordFor: (String) -> String?
    ) -> Verdict {
        let presented = request.headers.values(policy.credentialsHeader).filter(DigestParameters.isDigest)
        guard !presented.isEmpty else { return challenge(now: now) }
        for text in presented {
            let credentials: DigestCredentials
            do throws(SIPParseError) { credentials = try DigestCredentials(parsing: text) } catch {
                return .rejected(reason: "Bad \(policy.credentialsHeader) header: \(error.reason)")
            }
            // Credentials for other realms are for other elements (RFC 3261 §22.3).
            guard credentials.realm == realm, let algorithm = DigestAlgorithm(parameter: credentials.algorithm),
                policy.algorithms.contains(algorithm)
            else { continue }
            return judge(credentials, algorithm, request, now: now, passwordFor: passwordFor)
        }
        return challenge(now: now)
    }

    /// New challenges, one for each algorithm.
    public mutating func challenge(stale: Bool = false, now: ContinuousClock.Instant) -> Verdict {
        let nonce = issuer.issue(at: now)
        return .challenge(
            policy.algorithms.map { algorithm in
                DigestChallenge(realm: realm, nonce: nonce, algorithm: algorithm, qop: policy.qop, isStale: stale)
                    .description
            }, stale: stale)
    }

    private mutating func judge(
        _ credentials: DigestCredentials, _ algorithm: DigestAlgorithm, _ request: SIPRequest,
        now: ContinuousClock.Instant, passwordFor: (String) -> String?
    ) -> Verdict {
        let qop = credentials.qop?.lowercasedASCII
        guard qop == nil || qop == "auth" || qop == "auth-int", qop == nil || credentials.count != nil else {
            return .rejected(reason: "Bad \(policy.credentialsHeader) header: unknown qop or unreadable nc")
        }
        guard Self.names(credentials.uri, request.uri) else {
            return .rejected(reason: "Bad \(policy.credentialsHeader) header: uri differs from the Request-URI")
        }
        // Against user enumeration: an unknown user takes the same steps with a password that nobody knows.
        let password = passwordFor(credentials.username)
        let expected = DigestComputation.response(
            for: credentials, password: password ?? dummyPassword, algorithm: algorithm,
            method: request.method.rawValue, body: request.body)
        let matches = DigestComputation.areEqual(
            credentials.response.utf8.map(\.lowercasedASCII), expected)
        guard matches, password != nil else { return challenge(now: now) }
        // Only now: nobody without the password can learn about nonces or use up their counts.
        guard let stamp = issuer.read(credentials.nonce, at: now), !stamp.isExpired,
            counts.take(qop == nil ? nil : credentials.count, ofNonce: stamp.serial)
        else { return challenge(stale: true, now: now) }
        return .authenticated(username: credentials.username)
    }

    /// RFC 7616 §3.4.6: the uri must name what the request asks for. URI parameters may have been changed by a
    /// proxy on the way and are not compared.
    private static func names(_ claimed: String, _ actual: String) -> Bool {
        if claimed == actual { return true }
        guard let claimed = try? SIPURI(parsing: claimed), let actual = try? SIPURI(parsing: actual) else {
            return false
        }
        return claimed.isSameResource(as: actual)
    }
}

extension DigestAuthenticator: CustomStringConvertible, CustomReflectable {
    /// The realm only.
    public var description: String { "DigestAuthenticator(realm: \(realm))" }

    /// Keeps the key material out of dumps.
    public var customMirror: Mirror { Mirror(self, children: ["realm": realm]) }
}
