import NIOPosix
import SIP
import Synchronization
import Testing

@testable import UserAgent

@Suite("Calls between two user agents")
struct ClientCallTests {
    static func target(_ endpoint: SIPEndpoint) -> SIPURI {
        SIPURI(
            user: "call", host: endpoint.ip, port: endpoint.port,
            parameters: endpoint.transport == .udp ? [] : [Parameter("transport", endpoint.transport.rawValue)])
    }

    static func invitation(_ endpoint: SIPEndpoint) -> OutgoingInvite {
        OutgoingInvite(
            target: target(endpoint), contentType: "application/sdp", body: Array("offer".utf8), verification: .none)
    }

    static func withClient(
        admission: (any Admission)? = nil, timers: TransactionTimers = TransactionTimers(),
        onInvite: (@Sendable (IncomingInvite, EventLog) async -> Void)? = nil,
        _ body: (TestAgent, TestAgent) async throws -> Void
    ) async throws {
        let configuration = TestAgent.configuration(timers: timers)
        try await TestAgent.run(configuration: configuration, admission: admission, onInvite: onInvite) { server in
            try await TestAgent.run(configuration: configuration, admission: OpenAdmission()) { client in
                try await body(client, server)
            }
        }
    }

    @Test(
        "A call is placed, changed, refreshed and ended", arguments: SIPTransport.allCases, [false, true])
    func wholeCall(transport: SIPTransport, isV6: Bool) async throws {
        try await Self.withClient { client, server in
            let endpoint = try server.endpoint(transport, isV6: isV6)
            var invitation = Self.invitation(endpoint)
            invitation.sessionInterval = 1800
            invitation.contactParameters = [Parameter("+sip.src")]
            let call = try await client.agent.invite(invitation)
            #expect(call.response.status == 200)
            #expect(String(decoding: call.response.body, as: UTF8.self) == "answer")
            #expect(call.response.headers[.sessionExpires] == "1800;refresher=uac")
            #expect(call.source.transport == transport)
            #expect(await server.log.contains("ack"))
            let again = try await call.reinvite(contentType: "application/sdp", body: Array("new offer".utf8))
            #expect(String(decoding: again.body, as: UTF8.self) == "again")
            let refreshed = try await call.update()
            #expect(refreshed.headers[.sessionExpires] == "1800;refresher=uac")
            #expect(try await call.options().status == 200)
            try await call.bye(contentType: "text/plain", body: Array("goodbye".utf8))
            #expect(await server.log.contains("finished"))
            #expect(
                server.log.all == [
                    "invite vc1 -", "ack", "request INVITE", "ack", "request UPDATE", "request BYE",
                    "ended the peer ended the call", "finished",
                ])
            var end: DialogEnd?
            for await event in call.events {
                if case .ended(let reason) = event { end = reason }
            }
            #expect(end == .localBye)
            #expect(await client.agent.callCount == 0)
            #expect(await server.agent.callCount == 0)
            await #expect(throws: UserAgentError.self) { try await call.update() }
        }
    }

    @Test("The server ends the call, and may ask for a change before", arguments: SIPTransport.allCases)
    func serverSide(transport: SIPTransport) async throws {
        try await Self.withClient { invite, log in
            await invite.accept(body: Array("answer".utf8))
            for await event in invite.events {
                switch event {
                case .acknowledged where !log.all.contains("asked"):
                    log.append("asked")
                    let response = try? await invite.update(headers: [("X-Please", "snapshot")])
                    log.append("updated \(response?.status ?? 0)")
                    await invite.bye(reason: "SIP;cause=200", body: Array("metadata".utf8))
                case .ended(let end):
                    log.append("ended \(end)")
                case .request, .acknowledged:
                    break
                }
            }
        } _: { client, server in
            let call = try await client.agent.invite(Self.invitation(try server.endpoint(transport)))
            await TestAgent.logEvents(call.events, client.log)
            #expect(client.log.all == ["request UPDATE", "request BYE", "ended the peer ended the call", "finished"])
            #expect(await server.log.contains("ended ended here"))
            #expect(server.log.all == ["asked", "updated 200", "ended ended here"])
        }
    }

    @Test("Credentials are given when they are asked for; wrong ones are refused", arguments: SIPTransport.allCases)
    func credentials(transport: SIPTransport) async throws {
        try await Self.withClient(admission: AdmissionTests.rules(credentials: ["sbc": "secret"])) { client, server in
            var invitation = Self.invitation(try server.endpoint(transport))
            await Self.expectRefusal(401) { try await client.agent.invite(invitation) }
            invitation.credentials = .init(username: "sbc", password: "wrong")
            await Self.expectRefusal(401) { try await client.agent.invite(invitation) }
            invitation.credentials = .init(username: "sbc", password: "secret")
            let call = try await client.agent.invite(invitation)
            #expect(await server.log.contains("invite vc1 sbc"))
            try await call.bye()
        }
    }

    static func expectRefusal(_ status: Int, _ body: () async throws -> OutgoingCall) async {
        do {
            _ = try await body()
            Issue.record("accepted")
        } catch UserAgentError.refused(let response) {
            #expect(response.status == status)
        } catch {
            Issue.record("\(error)")
        }
    }

    @Test("A refusal carries its response", arguments: SIPTransport.allCases)
    func refusal(transport: SIPTransport) async throws {
        try await Self.withClient { invite, _ in
            await invite.reject(status: 488, reason: "No codec", headers: [(.warning, "304 x \"media\"")])
        } _: { client, server in
            let endpoint = try server.endpoint(transport)
            do {
                _ = try await client.agent.invite(Self.invitation(endpoint))
                Issue.record("accepted")
            } catch UserAgentError.refused(let response) {
                #expect(response.status == 488)
                #expect(response.reason == "No codec")
                #expect(response.headers[.warning] == "304 x \"media\"")
            }
        }
    }

    @Test("Cancelling the task cancels the call", arguments: [SIPTransport.udp, .tcp])
    func cancellation(transport: SIPTransport) async throws {
        try await Self.withClient { invite, log in
            log.append("invite")
            await invite.provisional(180)
            await TestAgent.logEvents(invite.events, log)
        } _: { client, server in
            let invitation = Self.invitation(try server.endpoint(transport))
            let agent = client.agent
            let task = Task { try await agent.invite(invitation) }
            #expect(await server.log.contains("invite"))
            task.cancel()
            await #expect(throws: UserAgentError.self) { try await task.value }
            #expect(await server.log.contains("ended the peer cancelled the call"))
        }
    }

    @Test("A peer that does not answer: time-out over UDP, a refused connection over TCP")
    func nobodyThere() async throws {
        try await TestAgent.run(configuration: TestAgent.configuration(timers: TestAgent.quick)) { client in
            // A socket that reads nothing.
            let silent = try await TestPeer.open(to: client.endpoint(.udp))
            let udp = try #require(SIPEndpoint(ip: "127.0.0.1", port: silent.port, transport: .udp))
            let timedOut = await #expect(throws: UserAgentError.self) {
                try await client.agent.invite(Self.invitation(udp))
            }
            #expect("\(try #require(timedOut))" == "no final answer came in time")
            let tcp = try #require(SIPEndpoint(ip: "127.0.0.1", port: silent.port, transport: .tcp))
            let refused = await #expect(throws: UserAgentError.self) {
                try await client.agent.invite(Self.invitation(tcp))
            }
            #expect("\(try #require(refused))".hasPrefix("cannot connect to tcp 127.0.0.1:\(silent.port)"))
            await silent.close()
        }
    }

    @Test("A certificate that nobody vouches for is refused unless it is trusted by name")
    func verification() async throws {
        try await Self.withClient { client, server in
            let endpoint = try server.endpoint(.tls)
            var invitation = Self.invitation(endpoint)
            invitation.verification = .full
            let refused = await #expect(throws: UserAgentError.self) { try await client.agent.invite(invitation) }
            #expect("\(try #require(refused))".hasPrefix("cannot connect to \(endpoint): "))
            #expect("\(try #require(refused))".contains("CERTIFICATE_VERIFY_FAILED"))
            #expect(await client.agent.counters.handshakeFailures == 1)
            invitation.verification = .trusting(certificatePath: TestAgent.certificateDirectory + "/certificate.pem")
            let call = try await client.agent.invite(invitation)
            try await call.bye()
            // By name as well, which the certificate holds.
            invitation.target.host = "localhost"
            invitation.destination = endpoint
            // The connector is reached by address only, so the call is refused, but over a verified connection.
            await Self.expectRefusal(404) { try await client.agent.invite(invitation) }
            invitation.target.host = "other.example.test"
            await #expect(throws: UserAgentError.self) { try await client.agent.invite(invitation) }
        }
    }

    @Test("A delayed offer: the 2xx makes the offer, the ACK carries the answer")
    func delayedOffer() async throws {
        try await Self.withClient { client, server in
            var invitation = Self.invitation(try server.endpoint(.udp))
            invitation.contentType = nil
            invitation.body = []
            invitation.answer = { response in
                ("application/sdp", Array("answer to \(String(decoding: response.body, as: UTF8.self))".utf8))
            }
            let call = try await client.agent.invite(invitation)
            #expect(await server.log.contains("ack answer to answer"))
            try await call.bye()
        }
    }

    @Test("Many calls at once share one connection and leave nothing behind", arguments: SIPTransport.allCases)
    func manyCalls(transport: SIPTransport) async throws {
        try await Self.withClient { client, server in
            let invitation = Self.invitation(try server.endpoint(transport))
            let agent = client.agent
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        let call = try await agent.invite(invitation)
                        _ = try await call.update()
                        try await call.bye()
                    }
                }
                try await group.waitForAll()
            }
            #expect(await agent.counters.connections == (transport == .udp ? 0 : 1))
            #expect(await agent.callCount == 0)
            #expect(await server.agent.callCount == 0)
            #expect(server.log.all.filter { $0 == "request BYE" }.count == 100)
            #expect(server.log.all.filter { $0 == "invite vc1 -" }.count == 100)
        }
    }

    @Test("The capture hook sees every message in both directions")
    func capture() async throws {
        let seen = CaptureLog()
        var configuration = TestAgent.configuration()
        configuration.capture = { message in
            let line = String(decoding: message.bytes.prefix { $0 != 13 }, as: UTF8.self)
            seen.lines.withLock { $0.append("\(message.direction.rawValue) \(line)") }
        }
        try await TestAgent.run(configuration: configuration) { server in
            let peer = try await TestPeer.open(to: server.endpoint(.tls))
            try await peer.send(TestCall(peer).request("OPTIONS"))
            _ = try await peer.finalResponse()
            await peer.close()
        }
        let lines = seen.lines.withLock { $0 }
        #expect(lines == ["received OPTIONS sip:call@vc.example.test SIP/2.0", "sent SIP/2.0 200 OK"])
    }

    private final class CaptureLog: Sendable {
        let lines = Mutex<[String]>([])
    }

    @Test("A user agent that is stopped answers nothing and cannot be started again")
    func stopped() async throws {
        try await Self.withClient { client, server in
            let call = try await client.agent.invite(Self.invitation(try server.endpoint(.tcp)))
            await client.agent.stop()
            var end: DialogEnd?
            for await event in call.events {
                if case .ended(let reason) = event { end = reason }
            }
            #expect(end == .transportFailed("the user agent was stopped"))
            await #expect(throws: UserAgentError.self) { try await client.agent.start { _ in } }
            await #expect(throws: UserAgentError.self) {
                try await client.agent.invite(Self.invitation(try server.endpoint(.tcp)))
            }
        }
    }
}
