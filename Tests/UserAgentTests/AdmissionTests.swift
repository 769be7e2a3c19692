import Addressing
import SIP
import Testing

@testable import UserAgent

@Suite("Admission")
struct AdmissionTests {
    static func rules(credentials: [String: String] = [:], cpsLimit: Int = 1000, tls: Bool = false)
        -> ConnectorAdmission
    {
        var rule = TestAgent.rule
        rule.credentials = credentials
        rule.cpsLimit = cpsLimit
        rule.requireEncryption = tls
        return ConnectorAdmission(rules: [rule], ownHosts: ["node.example.test"])
    }

    @Test(
        "The host of the Request-URI names the connector",
        arguments: [
            ("sip:x@vc.example.test", 200), ("sip:x@VC.Example.Test", 200), ("sip:other.example.test", 404),
            ("sip:x@127.0.0.1", 200), ("sip:x@node.example.test", 200), ("sip:x@192.0.2.9", 404),
        ])
    func hosts(uri: String, status: Int) async throws {
        try await TestAgent.run(admission: Self.rules()) { server in
            let peer = try await TestPeer.open(to: server.endpoint(.udp))
            try await peer.send(TestCall(peer, uri: uri).request("OPTIONS"))
            #expect(try await peer.finalResponse().status == status)
            await peer.close()
        }
    }

    @Test("An address of ours names no connector when two would do")
    func ambiguous() async throws {
        var second = TestAgent.rule
        second.connectorID = "vc2"
        second.hostName = "vc2.example.test"
        try await TestAgent.run(admission: ConnectorAdmission(rules: [TestAgent.rule, second])) { server in
            let peer = try await TestPeer.open(to: server.endpoint(.udp))
            try await peer.send(TestCall(peer, uri: "sip:127.0.0.1").request("OPTIONS"))
            #expect(try await peer.finalResponse().status == 404)
            try await peer.send(TestCall(peer, uri: "sip:vc2.example.test").invite())
            _ = try await peer.finalResponse()
            #expect(server.log.all.first == "invite vc2 -")
            await peer.close()
        }
    }

    @Test("A source that the connector does not allow gets 403")
    func notAllowed() async throws {
        var closed = TestAgent.rule
        closed.allowed = [try CIDRBlock(parsing: "192.0.2.0/24")]
        var open = TestAgent.rule
        open.connectorID = "vc2"
        open.hostName = "vc2.example.test"
        try await TestAgent.run(admission: ConnectorAdmission(rules: [closed, open])) { server in
            let peer = try await TestPeer.open(to: server.endpoint(.tcp))
            try await peer.send(TestCall(peer).invite())
            #expect(try await peer.finalResponse().status == 403)
            #expect(server.log.all.isEmpty)
            await peer.close()
        }
    }

    @Test("A stranger gets ten answers a second and then none; rubbish gets none")
    func strangers() async throws {
        var rule = TestAgent.rule
        rule.allowed = [try CIDRBlock(parsing: "192.0.2.0/24")]
        try await TestAgent.run(admission: ConnectorAdmission(rules: [rule])) { server in
            let peer = try await TestPeer.open(to: server.endpoint(.udp))
            try await peer.send("what is this?\r\n\r\n")
            try await peer.send([0xFF, 0x00, 0xC3, 0x28, 0x41])
            #expect(await peer.next(within: .milliseconds(100)) == nil)
            let start = ContinuousClock.now
            for _ in 0..<30 { try await peer.send(TestCall(peer).request("OPTIONS")) }
            var answers = 0
            // Each request is answered or counted; on a busy machine that takes its time.
            for _ in 0..<100 {
                while let bytes = await peer.next(within: .milliseconds(100)) {
                    guard case .response(let response) = try SIPMessage(parsingDatagram: bytes) else { continue }
                    #expect(response.status == 403)
                    answers += 1
                }
                if await server.agent.counters.droppedRequests + UInt64(answers) >= 30 { break }
            }
            // Ten at once, and ten more each second that the test takes.
            let seconds = start.duration(to: .now) / .seconds(1)
            #expect(answers >= 10 && Double(answers) <= 11 + 10 * seconds, "\(answers) answers")
            let counters = await server.agent.counters
            #expect(counters.unreadable == 2)
            #expect(counters.droppedRequests == UInt64(30 - answers))
            await peer.close()
        }
    }

    @Test("Rubbish from a source that is allowed is not answered either")
    func rubbish() async throws {
        try await TestAgent.run { server in
            let peer = try await TestPeer.open(to: server.endpoint(.udp))
            try await peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            try await peer.send("\r\n\r\n")
            try await peer.send([0, 0, 0, 0])
            #expect(await peer.next(within: .milliseconds(150)) == nil)
            let counters = await server.agent.counters
            #expect(counters.unreadable == 1)
            #expect(counters.keepAlives == 2)
            await peer.close()
        }
    }

    @Test("A connector that requires encryption takes TLS only")
    func encryption() async throws {
        try await TestAgent.run(admission: Self.rules(tls: true)) { server in
            for (transport, status) in [(SIPTransport.udp, 403), (.tcp, 403), (.tls, 200)] {
                let peer = try await TestPeer.open(to: server.endpoint(transport))
                try await peer.send(TestCall(peer).request("OPTIONS"))
                #expect(try await peer.finalResponse().status == status)
                await peer.close()
            }
        }
    }

    @Test("A source in no allow list has four connections at most, and an allowed one takes no notice of them")
    func strangersConnections() async throws {
        var stranger = TestAgent.rule
        stranger.allowed = [try CIDRBlock(parsing: "192.0.2.0/24")]
        try await TestAgent.run(admission: ConnectorAdmission(rules: [stranger])) { server in
            var peers: [TestPeer] = []
            for _ in 0..<8 { peers.append(try await TestPeer.open(to: server.endpoint(.tcp))) }
            var closed = 0
            for peer in peers.suffix(4) where await peer.waitUntilClosed() { closed += 1 }
            #expect(closed == 4)
            #expect(await server.agent.counters.connections == 4)
            for peer in peers { await peer.close() }
        }
        try await TestAgent.run(admission: Self.rules()) { server in
            var peers: [TestPeer] = []
            for _ in 0..<8 { peers.append(try await TestPeer.open(to: server.endpoint(.tcp))) }
            let last = try #require(peers.last)
            try await last.send(TestCall(last).request("OPTIONS"))
            #expect(try await last.finalResponse().status == 200)
            for peer in peers { await peer.close() }
        }
    }

    @Test("Calls over the limit get 503 with Retry-After, OPTIONS are not counted")
    func callsPerSecond() async throws {
        try await TestAgent.run(admission: Self.rules(cpsLimit: 2)) { server in
            let peer = try await TestPeer.open(to: server.endpoint(.tcp))
            var statuses: [Int] = []
            // More than enough for a machine so busy that the budget refills in between.
            for _ in 0..<40 where !statuses.contains(503) {
                let call = TestCall(peer)
                try await peer.send(call.invite())
                let response = try await peer.finalResponse(to: call)
                statuses.append(response.status)
                if response.status == 503 { #expect(response.headers[.retryAfter] == "1") }
            }
            #expect(statuses.prefix(2) == [200, 200])
            #expect(statuses.contains(503))
            try await peer.send(TestCall(peer).request("OPTIONS"))
            var status = 0
            repeat { status = try await peer.finalResponse().cSeq?.method == .options ? 1 : 0 } while status == 0
            await peer.close()
        }
    }

    @Test("Digest: challenge, right answer, wrong password, unknown user, stale", arguments: ["SHA-256", "MD5"])
    func digest(algorithm: String) async throws {
        try await TestAgent.run(admission: Self.rules(credentials: ["sbc": "secret"])) { server in
            let peer = try await TestPeer.open(to: server.endpoint(.tcp))
            var call = TestCall(peer)
            try await peer.send(call.invite())
            let challenged = try await peer.finalResponse()
            #expect(challenged.status == 401)
            try await peer.send(call.acknowledgement())
            let challenges = try challenged.headers.values(.wwwAuthenticate).map { try DigestChallenge(parsing: $0) }
            #expect(challenges.map(\.algorithm) == [.sha256, .md5])
            let challenge = try #require(
                challenges.first { $0.algorithm == DigestAlgorithm(parameter: algorithm) })
            func authorization(_ user: String, _ password: String, count: UInt32) throws -> String {
                let value = challenge.authorization(
                    username: user, password: password, method: .invite, uri: call.uri, cnonce: "0123456789abcdef",
                    nonceCount: count)
                return "Authorization: \(try #require(value))"
            }
            var answers: [SIPResponse] = []
            for (user, password) in [("sbc", "wrong"), ("nobody", "secret")] {
                call.sequence += 1
                try await peer.send(call.invite(headers: [try authorization(user, password, count: 1)]))
                answers.append(try await peer.finalResponse(to: call))
            }
            #expect(answers.map(\.status) == [401, 401])
            // A wrong password and an unknown user look the same.
            let shapes = answers.map { answer in answer.headers.fields.map(\.name.spelling) }
            #expect(shapes[0] == shapes[1])
            #expect(answers.allSatisfy { $0.headers[.wwwAuthenticate]?.contains("stale") == false })
            call.sequence += 1
            try await peer.send(call.invite(headers: [try authorization("sbc", "secret", count: 1)]))
            let accepted = try await peer.finalResponse()
            #expect(accepted.status == 200)
            #expect(await server.log.contains("invite vc1 sbc"))
            // The same nonce count again is a replay: right password, stale nonce.
            var replay = TestCall(peer)
            replay.sequence = 1
            try await peer.send(replay.invite(headers: [try authorization("sbc", "secret", count: 1)]))
            let stale = try await peer.finalResponse(to: replay)
            #expect(stale.status == 401)
            #expect(stale.headers[.wwwAuthenticate]?.lowercased().contains("stale=true") == true)
            await peer.close()
        }
    }

    @Test("ACK and CANCEL are never challenged, and a challenge makes no state")
    func stateless() async throws {
        try await TestAgent.run(admission: Self.rules(credentials: ["sbc": "secret"])) { server in
            let peer = try await TestPeer.open(to: server.endpoint(.udp))
            var call = TestCall(peer)
            try await peer.send(call.invite(branch: "z9hG4bK-x"))
            let first = try await peer.finalResponse()
            try await peer.send(call.invite(branch: "z9hG4bK-x"))
            let second = try await peer.finalResponse()
            #expect(first.to?.tag == second.to?.tag)
            #expect(await server.agent.counters.transactions == 0)
            call.toTag = first.to?.tag
            try await peer.send(call.request("ACK", branch: "z9hG4bK-x"))
            #expect(await peer.next(within: .milliseconds(100)) == nil)
            call.toTag = nil
            try await peer.send(call.request("CANCEL", branch: "z9hG4bK-x"))
            #expect(try await peer.finalResponse().status == 481)
            await peer.close()
        }
    }

    @Test("Rules can be replaced while it runs; a connector that stays keeps its call budget")
    func replace() {
        let source = RequestSource(
            remote: SIPEndpoint(address: IPAddress(ipv4: 0x7F00_0001), port: 5060, transport: .udp),
            local: SIPEndpoint(address: IPAddress(ipv4: 0x7F00_0001), port: 5060, transport: .udp))
        let request = SIPRequest(method: .invite, uri: "sip:vc.example.test")
        let admission = Self.rules(cpsLimit: 1)
        let now = ContinuousClock.now
        func status() -> Int {
            switch admission.admit(request, from: source, now: now) {
            case .admitted: 200
            case .refused(let status, _, _): status
            case .drop: 0
            }
        }
        #expect([status(), status()] == [200, 503])
        var rule = TestAgent.rule
        rule.cpsLimit = 1
        admission.replaceRules([rule])
        #expect(status() == 503)
        rule.cpsLimit = 2
        admission.replaceRules([rule])
        #expect(status() == 200)
        admission.replaceRules([])
        #expect(status() == 404)
        #expect(admission.screen(source.remote, now: now) == .refuse)
    }

    @Test("A rule says nothing about its passwords")
    func secrets() {
        var rule = TestAgent.rule
        rule.credentials = ["sbc": "opensesame"]
        #expect(!"\(rule)".contains("opensesame"))
        #expect(!"\(OutgoingInvite.Credentials(username: "a", password: "opensesame"))".contains("opensesame"))
    }
}
