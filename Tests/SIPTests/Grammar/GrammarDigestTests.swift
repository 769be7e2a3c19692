import SIP
import Testing

@Suite("Digest authentication (RFC 3261 §22, RFC 7616, RFC 8760)")
struct GrammarDigestTests {
    struct Vector: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var challenge: DigestChallenge
        var password: String
        var response: String
    }

    /// The request `GET /dir/index.html` of Mufasa, with the cnonce of each document.
    private static let vectors: [(Vector, cnonce: String)] = [
        (
            Vector(
                testDescription: "RFC 2617 §3.5, MD5",
                challenge: DigestChallenge(
                    realm: "testrealm@host.com", nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
                    opaque: "5ccc069c403ebaf9f0171e9517f40e41", qop: ["auth", "auth-int"]),
                password: "Circle Of Life", response: "6629fae49393a05397450978507c4ef1"), "0a4f113b"
        ),
        (
            Vector(
                testDescription: "RFC 7616 §3.9.1, MD5",
                challenge: DigestChallenge(
                    realm: "http-auth@example.org", nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"),
                password: "Circle of Life", response: "8ca523f5e9506fed4657c9700eebdbec"),
            "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
        ),
        (
            Vector(
                testDescription: "RFC 7616 §3.9.1, SHA-256",
                challenge: DigestChallenge(
                    realm: "http-auth@example.org", nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
                    algorithm: .sha256),
                password: "Circle of Life",
                response: "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
            "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
        ),
    ]

    @Test("the examples printed in the documents", arguments: 0..<3)
    func printedExamples(_ index: Int) throws {
        let (vector, cnonce) = Self.vectors[index]
        let value = try #require(
            vector.challenge.authorization(
                username: "Mufasa", password: vector.password, method: SIPMethod(rawValue: "GET"),
                uri: "/dir/index.html",
                cnonce: cnonce, nonceCount: 1))
        let credentials = try DigestCredentials(parsing: value)
        #expect(credentials.response == vector.response)
        #expect(credentials.nonceCount == "00000001")
        #expect(credentials.opaque == vector.challenge.opaque)
    }

    // MARK: Server

    private static let start = ContinuousClock.now
    private let passwords = ["sbc": "secret", "ünïcode \"q\"": "päss:word"]

    private func makeServer(_ adjust: (inout DigestAuthenticator.Policy) -> Void = { _ in }) -> DigestAuthenticator {
        var policy = DigestAuthenticator.Policy()
        adjust(&policy)
        return DigestAuthenticator(
            realm: "vc.example", secret: Array(repeating: 7, count: 32), start: Self.start, policy: policy)
    }

    private func makeRequest(_ uri: String = "sip:rec@vc.example") -> SIPRequest {
        SIPRequest(method: .invite, uri: uri, body: Array("v=0\r\n".utf8))
    }

    private func verify(
        _ server: inout DigestAuthenticator, _ request: SIPRequest, after seconds: Int = 0
    ) -> DigestAuthenticator.Verdict {
        server.verify(request, now: Self.start + .seconds(seconds)) { passwords[$0] }
    }

    private func challenge(
        _ server: inout DigestAuthenticator, _ algorithm: DigestAlgorithm = .sha256, after seconds: Int = 0
    ) throws -> DigestChallenge {
        guard case .challenge(let values, _) = verify(&server, makeRequest(), after: seconds) else {
            throw SIPParseError("no challenge", at: 0)
        }
        return try #require(try values.map { try DigestChallenge(parsing: $0) }.first { $0.algorithm == algorithm })
    }

    private func signed(
        _ challenge: DigestChallenge, user: String = "sbc", password: String = "secret", count: UInt32 = 1,
        request: SIPRequest? = nil
    ) -> SIPRequest {
        var request = request ?? makeRequest()
        request.headers[.authorization] = challenge.authorization(
            username: user, password: password, method: request.method, uri: request.uri, body: request.body,
            cnonce: "0a4f113b", nonceCount: count)
        return request
    }

    private func isChallenge(_ verdict: DigestAuthenticator.Verdict, stale: Bool) -> Bool {
        guard case .challenge(_, stale) = verdict else { return false }
        return true
    }

    @Test("without credentials there is a challenge for each algorithm, the stronger first (RFC 8760 §2.4)")
    func challenges() throws {
        var server = makeServer()
        guard case .challenge(let values, let stale) = verify(&server, makeRequest()) else {
            Issue.record("no challenge")
            return
        }
        let challenges = try values.map { try DigestChallenge(parsing: $0) }
        #expect(!stale)
        #expect(challenges.map(\.algorithm) == [.sha256, .md5])
        #expect(challenges.allSatisfy { $0.realm == "vc.example" && $0.qop == ["auth"] && !$0.isStale })
        var other = SIPRequest(method: .invite, uri: "sip:a")
        other.headers.append(.authorization, "NoOneKnowsThisScheme opaque-data=here")
        let verdict = verify(&server, other)
        #expect(isChallenge(verdict, stale: false))
    }

    @Test("the right password is let in, with each algorithm", arguments: DigestAlgorithm.allCases)
    func accepted(_ algorithm: DigestAlgorithm) throws {
        var server = makeServer()
        let challenge = try challenge(&server, algorithm)
        #expect(verify(&server, signed(challenge)) == .authenticated(username: "sbc"))
        let name = "ünïcode \"q\""
        #expect(
            verify(&server, signed(challenge, user: name, password: "päss:word", count: 2))
                == .authenticated(username: name))
    }

    @Test("the answers to an unknown user and to a wrong password are alike")
    func noEnumeration() throws {
        var server = makeServer()
        let challenge = try challenge(&server)
        let wrong = verify(&server, signed(challenge, password: "guess"))
        let unknown = verify(&server, signed(challenge, user: "nobody", password: "guess"))
        #expect(isChallenge(wrong, stale: false))
        #expect(isChallenge(unknown, stale: false))
        guard case .challenge(let first, _) = wrong, case .challenge(let second, _) = unknown else { return }
        #expect(first.map(\.utf8.count) == second.map(\.utf8.count))
    }

    @Test("a nonce expires: stale with the right password, not with a wrong one")
    func expiry() throws {
        var server = makeServer()
        let challenge = try challenge(&server)
        #expect(verify(&server, signed(challenge), after: 300) == .authenticated(username: "sbc"))
        let late = verify(&server, signed(challenge, count: 2), after: 301)
        #expect(isChallenge(late, stale: true))
        guard case .challenge(let values, _) = late else { return }
        #expect(values.allSatisfy { $0.contains("stale=true") })
        #expect(isChallenge(verify(&server, signed(challenge, password: "x", count: 3), after: 301), stale: false))
    }

    @Test("a nonce of another server or one that was changed is stale")
    func foreignNonce() throws {
        var server = makeServer()
        var challenge = try challenge(&server)
        let genuine = challenge.nonce
        for nonce in [
            String(genuine.dropLast()) + (genuine.last == "0" ? "1" : "0"), "x", "", "0" + genuine.dropFirst(),
        ] {
            challenge.nonce = nonce
            let verdict = verify(&server, signed(challenge))
            if nonce.isEmpty {
                #expect(verdict != .authenticated(username: "sbc"))
            } else if nonce != genuine {
                #expect(isChallenge(verdict, stale: true))
            }
        }
    }

    @Test("a nonce count is good once; late ones within 64 are let in (RFC 7616 §3.4.5)")
    func replay() throws {
        var server = makeServer()
        let challenge = try challenge(&server)
        let expected: [(UInt32, Bool)] = [
            (1, true), (1, false), (3, true), (2, true), (2, false), (100, true), (36, false), (37, true), (37, false),
            (.max, true), (.max, false), (100, false),
        ]
        for (count, isGood) in expected {
            let verdict = verify(&server, signed(challenge, count: count))
            #expect((verdict == .authenticated(username: "sbc")) == isGood, "count \(count)")
            if !isGood { #expect(isChallenge(verdict, stale: true)) }
        }
    }

    @Test("without qop (RFC 2069) a nonce is good once")
    func withoutQop() throws {
        var server = makeServer()
        var challenge = try challenge(&server, .md5)
        challenge.qop = []
        #expect(verify(&server, signed(challenge)) == .authenticated(username: "sbc"))
        #expect(isChallenge(verify(&server, signed(challenge)), stale: true))
    }

    @Test("auth-int covers the body (RFC 7616 §3.4.3)")
    func integrity() throws {
        var server = makeServer()
        var challenge = try challenge(&server)
        challenge.qop = ["auth-int"]
        #expect(verify(&server, signed(challenge)) == .authenticated(username: "sbc"))
        var changed = signed(challenge, count: 2)
        changed.body.append(0)
        #expect(isChallenge(verify(&server, changed), stale: false))
    }

    @Test("watched nonces are bounded: the oldest are forgotten and count as used up")
    func boundedMemory() throws {
        var server = makeServer { $0.watchedNonces = 8 }
        let first = try challenge(&server)
        #expect(verify(&server, signed(first)) == .authenticated(username: "sbc"))
        for _ in 0..<20 {
            let next = try challenge(&server)
            #expect(verify(&server, signed(next)) == .authenticated(username: "sbc"))
        }
        #expect(isChallenge(verify(&server, signed(first)), stale: true))
        #expect(isChallenge(verify(&server, signed(first, count: 2)), stale: true))
    }

    @Test("credentials for another URI are refused, changed URI parameters are not (RFC 7616 §3.4.6)")
    func otherURI() throws {
        var server = makeServer()
        let challenge = try challenge(&server)
        var request = signed(challenge)
        request.uri = "sip:rec@VC.example;transport=tcp"
        #expect(verify(&server, request) == .authenticated(username: "sbc"))
        request.uri = "sip:other@vc.example"
        guard case .rejected(let reason) = verify(&server, request) else {
            Issue.record("not refused")
            return
        }
        #expect(reason == "Bad Authorization header: uri differs from the Request-URI")
    }

    private static let whole =
        "Digest username=\"a\",realm=\"vc.example\",nonce=\"n\",uri=\"sip:rec@vc.example\",response=\"r\""

    @Test(
        "unreadable credentials are refused with the reason",
        arguments: [
            "Digest", "Digest ", "Digest username=\"a\"",
            "Digest realm=\"vc.example\", nonce=\"n\", uri=\"u\", response=\"r\"",
            "Digest username=\"a\", username=\"b\"", "Digest username=\"a", "Digest username a",
            whole + ",qop=auth",
            whole + ",qop=x,cnonce=c,nc=1",
            whole + ",qop=auth,cnonce=c,nc=x",
        ])
    func unreadable(_ value: String) {
        var server = makeServer()
        var request = makeRequest()
        request.headers.append(.authorization, value)
        guard case .rejected(let reason) = verify(&server, request) else {
            Issue.record("not refused")
            return
        }
        #expect(reason.hasPrefix("Bad Authorization header: "))
    }

    @Test("credentials for another realm or algorithm are passed over (RFC 3261 §22.3)")
    func otherRealm() throws {
        var server = makeServer()
        let challenge = try challenge(&server)
        var request = makeRequest()
        request.headers.append(
            .authorization,
            "Digest username=\"x\", realm=\"other\", nonce=\"n\", uri=\"sip:y\", response=\"00\"")
        let signedValue = try #require(signed(challenge).headers[.authorization])
        request.headers.append(.authorization, signedValue)
        #expect(verify(&server, request) == .authenticated(username: "sbc"))
        request.headers[.authorization] = signedValue.replacing("SHA-256", with: "SHA-512-256")
        #expect(isChallenge(verify(&server, request), stale: false))
    }

    // MARK: Client

    @Test("the client answers the first challenge it understands and counts the uses of a nonce")
    func client() throws {
        var server = makeServer()
        var client = DigestClient(username: "sbc", password: "secret")
        var generator = SeededGenerator(seed: 1)
        guard case .challenge(let values, _) = verify(&server, makeRequest()) else { return }
        var response = makeRequest().response(401)
        response.headers.append(.wwwAuthenticate, "Digest realm=\"x\", nonce=\"y\", algorithm=CHACHA123")
        for value in values { response.headers.append(.wwwAuthenticate, value) }
        for count in ["00000001", "00000002"] {
            var request = makeRequest()
            #expect(client.authorize(&request, answering: response, using: &generator))
            let credentials = try DigestCredentials(parsing: request.headers[.authorization] ?? "")
            #expect(credentials.nonceCount == count)
            #expect(credentials.algorithm == "SHA-256")
            #expect(verify(&server, request) == .authenticated(username: "sbc"))
        }
        var request = makeRequest()
        response.headers.removeAll(.wwwAuthenticate)
        #expect(!client.authorize(&request, answering: response, using: &generator))
    }

    @Test("no description or dump shows a secret")
    func secrets() throws {
        let client = DigestClient(username: "sbc", password: "secret")
        let server = makeServer()
        var text = "\(client) \(String(reflecting: client)) \(server) \(String(reflecting: server))"
        dump(client, to: &text)
        dump(server, to: &text)
        #expect(!text.contains("secret"))
        #expect(!text.contains("7, 7"))
        let credentials = try DigestCredentials(
            parsing: "Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"u\", response=\"5ec\"")
        #expect(!credentials.description.contains("5ec"))
        #expect(credentials.headerValue.contains("5ec"))
    }
}
