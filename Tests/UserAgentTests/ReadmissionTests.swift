import Addressing
import SIP
import Testing

@testable import UserAgent

@Suite("Requests inside a call that do not come the way of its INVITE")
struct ReadmissionTests {
    /// One connector for 127.0.0.1 and 127.0.0.2, over TLS only; another one that knows 127.0.0.9.
    private static func admission(tls: Bool) throws -> ConnectorAdmission {
        var rule = TestAgent.rule
        rule.allowed = [try CIDRBlock(parsing: "127.0.0.1/32"), try CIDRBlock(parsing: "127.0.0.2/32")]
        rule.requireEncryption = tls
        var other = TestAgent.rule
        other.connectorID = "vc2"
        other.hostName = "vc2.example.test"
        other.allowed = [try CIDRBlock(parsing: "127.0.0.9/32")]
        return ConnectorAdmission(rules: [rule, other])
    }

    /// A call over TLS to a connector that wants it, acknowledged.
    private static func secureCall(_ server: TestAgent, headers: [String] = []) async throws -> TestCall {
        let peer = try await TestPeer.open(to: server.endpoint(.tls))
        var call = TestCall(peer)
        try await peer.send(call.invite(headers: headers))
        let accepted = try await peer.finalResponse(to: call)
        #expect(accepted.status == 200)
        call.toTag = accepted.to?.tag
        try await peer.send(call.acknowledgement())
        #expect(await server.log.contains("ack"))
        return call
    }

    @Test(
        "Where TLS is required, nothing of a call can be done without it",
        arguments: ["UPDATE", "INVITE", "BYE", "OPTIONS", "INFO"], [SIPTransport.udp, .tcp])
    func plain(method: String, transport: SIPTransport) async throws {
        try await TestAgent.run(admission: Self.admission(tls: true)) { server in
            var call = try await Self.secureCall(server)
            let plain = try await TestPeer.open(to: server.endpoint(transport))
            var thief = call
            thief.peer = plain
            // A number this high would make all that the caller sends from now on old.
            thief.sequence = 900
            try await plain.send(thief.request(method, headers: ["Session-Expires: 90"], body: "v=0\r\n"))
            let refused = try await plain.finalResponse(to: thief)
            #expect(refused.status == 403)
            #expect(refused.reason == "TLS required")
            #expect(refused.body.isEmpty)
            #expect(refused.contact == nil)
            try await plain.send(thief.request("ACK", body: "v=0\r\n"))
            #expect(await server.agent.callCount == 1)
            #expect(await server.agent.counters.transactions <= 1)
            #expect(server.log.all == ["invite vc1 -", "ack"])
            call.sequence = 2
            try await call.peer.send(call.request("UPDATE"))
            let updated = try await call.peer.finalResponse(to: call)
            #expect(updated.status == 200)
            #expect(updated.headers[.sessionExpires] == nil)
            call.sequence = 3
            try await call.peer.send(call.request("BYE"))
            #expect(try await call.peer.finalResponse(to: call).status == 200)
            #expect(await server.log.contains("finished"))
            #expect(await server.agent.counters.refusedByStatus[403] == 1)
            await plain.close()
            await call.peer.close()
        }
    }

    @Test("A refused request does not become the place where our requests go")
    func target() async throws {
        try await TestAgent.run(admission: Self.admission(tls: true)) { server in
            let call = try await Self.secureCall(server)
            let before = await server.agent.firstNextHop
            let plain = try await TestPeer.open(to: server.endpoint(.udp))
            var thief = call
            thief.peer = plain
            thief.sequence = 2
            try await plain.send(thief.request("UPDATE"))
            #expect(try await plain.finalResponse(to: thief).status == 403)
            let after = await server.agent.firstNextHop
            #expect(before != nil && before == after)
            await plain.close()
            await call.peer.close()
        }
    }

    @Test(
        "From an address that the connector does not allow, nothing of a call can be done",
        arguments: ["UPDATE", "INVITE", "BYE"], ["127.0.0.9", "127.0.0.77"])
    func address(method: String, source: String) async throws {
        for transport in [SIPTransport.udp, .tcp] {
            try await TestAgent.run(admission: Self.admission(tls: false)) { server in
                let peer = try await TestPeer.open(to: server.endpoint(transport))
                var call = TestCall(peer)
                try await peer.send(call.invite())
                call.toTag = try await peer.finalResponse(to: call).to?.tag
                try await peer.send(call.acknowledgement())
                #expect(await server.log.contains("ack"))
                let stranger = try await TestPeer.open(to: server.endpoint(transport), from: source)
                var thief = call
                thief.peer = stranger
                thief.sequence = 900
                try await stranger.send(thief.request(method, body: "v=0\r\n"))
                #expect(try await stranger.finalResponse(to: thief).status == 403)
                #expect(server.log.all == ["invite vc1 -", "ack"])
                call.sequence = 2
                try await peer.send(call.request("BYE"))
                #expect(try await peer.finalResponse(to: call).status == 200)
                await stranger.close()
                await peer.close()
            }
        }
    }

    @Test("Another address that the connector allows, and TLS where it is not asked for, go on as they did")
    func stillAllowed() async throws {
        for (transport, source, tls) in [
            (SIPTransport.udp, "127.0.0.2", false), (.tls, "127.0.0.1", false), (.tls, "127.0.0.2", true),
        ] {
            try await TestAgent.run(admission: Self.admission(tls: tls)) { server in
                let peer = try await TestPeer.open(to: server.endpoint(tls ? .tls : .udp))
                var call = TestCall(peer)
                try await peer.send(call.invite())
                call.toTag = try await peer.finalResponse(to: call).to?.tag
                try await peer.send(call.acknowledgement())
                let second = try await TestPeer.open(to: server.endpoint(transport), from: source)
                call.peer = second
                call.sequence = 2
                try await second.send(call.request("BYE"))
                #expect(try await second.finalResponse(to: call).status == 200)
                await second.close()
                await peer.close()
            }
        }
    }

    @Test("An ACK over plain UDP is no ACK, whether its branch is its own or the INVITE's", arguments: [true, false])
    func acknowledgement(ownBranch: Bool) async throws {
        try await TestAgent.run(admission: Self.admission(tls: true)) { server in
            let peer = try await TestPeer.open(to: server.endpoint(.tls))
            var call = TestCall(peer)
            try await peer.send(call.invite(branch: "z9hG4bK-first"))
            call.toTag = try await peer.finalResponse(to: call).to?.tag
            let plain = try await TestPeer.open(to: server.endpoint(.udp))
            // The Via of the caller, so that it would match the transaction.
            try await plain.send(
                call.request("ACK", branch: ownBranch ? nil : "z9hG4bK-first", body: "stolen"))
            for _ in 0..<200 where await server.agent.counters.droppedRequests == 0 {
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(await server.agent.counters.droppedRequests == 1)
            #expect(await plain.next(within: .milliseconds(150)) == nil)
            #expect(server.log.all == ["invite vc1 -"])
            try await peer.send(call.acknowledgement())
            #expect(await server.log.contains("ack"))
            await plain.close()
            await peer.close()
        }
    }

    @Test("A CANCEL over plain UDP ends no INVITE")
    func cancel() async throws {
        try await TestAgent.run(admission: Self.admission(tls: true)) { invite, log in
            log.append("invite")
            try? await Task.sleep(for: .milliseconds(400))
            await invite.accept()
            for await _ in invite.events {}
        } _: { server in
            let peer = try await TestPeer.open(to: server.endpoint(.tls))
            let call = TestCall(peer)
            try await peer.send(call.invite(branch: "z9hG4bK-cancelled"))
            #expect(await server.log.contains("invite"))
            let plain = try await TestPeer.open(to: server.endpoint(.udp))
            try await plain.send(call.request("CANCEL", branch: "z9hG4bK-cancelled"))
            #expect(try await plain.finalResponse().status == 403)
            #expect(try await peer.finalResponse(to: call).status == 200)
            await plain.close()
            await peer.close()
        }
    }

    @Test("A copy of a request over plain UDP gets no copy of its answer")
    func copies() async throws {
        try await TestAgent.run(admission: Self.admission(tls: true)) { server in
            var call = try await Self.secureCall(server)
            call.sequence = 2
            let update = call.request("UPDATE", branch: "z9hG4bK-copied", body: "v=0\r\n")
            try await call.peer.send(update)
            #expect(try await call.peer.finalResponse(to: call).status == 200)
            let plain = try await TestPeer.open(to: server.endpoint(.udp))
            try await plain.send(update)
            let refused = try await plain.finalResponse()
            #expect(refused.status == 403)
            #expect(refused.body.isEmpty)
            await plain.close()
            await call.peer.close()
        }
    }

    @Test("A stranger who knows the tags gets ten answers a second, as without them")
    func strangers() async throws {
        try await TestAgent.run(admission: Self.admission(tls: false)) { server in
            let peer = try await TestPeer.open(to: server.endpoint(.udp))
            var call = TestCall(peer)
            try await peer.send(call.invite())
            call.toTag = try await peer.finalResponse(to: call).to?.tag
            try await peer.send(call.acknowledgement())
            let stranger = try await TestPeer.open(to: server.endpoint(.udp), from: "127.0.0.77")
            let start = ContinuousClock.now
            for number in 2..<42 { try await stranger.send(call.request("UPDATE", sequence: number)) }
            var answers = 0
            for _ in 0..<100 {
                while await stranger.next(within: .milliseconds(50)) != nil { answers += 1 }
                if await server.agent.counters.droppedRequests + UInt64(answers) >= 40 { break }
            }
            let seconds = start.duration(to: .now) / .seconds(1)
            #expect(answers >= 1 && Double(answers) <= 11 + 10 * seconds, "\(answers) answers")
            await stranger.close()
            await peer.close()
        }
    }

    @Test("Calls that came by rules which are gone can still be ended from where they came")
    func replacedRules() async throws {
        let admission = try Self.admission(tls: false)
        try await TestAgent.run(admission: admission) { server in
            let peer = try await TestPeer.open(to: server.endpoint(.udp))
            var call = TestCall(peer)
            try await peer.send(call.invite())
            call.toTag = try await peer.finalResponse(to: call).to?.tag
            try await peer.send(call.acknowledgement())
            admission.replaceRules([])
            let other = try await TestPeer.open(to: server.endpoint(.udp), from: "127.0.0.2")
            call.sequence = 2
            try await other.send(call.request("BYE"))
            #expect(try await other.finalResponse().status == 403)
            try await peer.send(call.request("BYE"))
            #expect(try await peer.finalResponse(to: call).status == 200)
            await other.close()
            await peer.close()
        }
    }

    @Test("A call that we placed takes what its far end sends, from wherever")
    func placedCalls() async throws {
        try await TestAgent.run(admission: Self.admission(tls: true)) { client in
            try await TestAgent.run { server in
                let endpoint = try server.endpoint(.udp)
                let call = try await client.agent.invite(ClientCallTests.invitation(endpoint))
                let plain = try await TestPeer.open(to: client.endpoint(.tcp), from: "127.0.0.77")
                var far = TestCall(plain)
                far.callID = call.dialogID.callID
                far.fromTag = call.dialogID.remoteTag
                far.toTag = call.dialogID.localTag
                try await plain.send(far.request("BYE"))
                #expect(try await plain.finalResponse().status == 200)
                await plain.close()
            }
        }
    }
}

extension SIPAgent {
    fileprivate var firstNextHop: String? { calls.values.first?.dialog.nextHop.description }
}
