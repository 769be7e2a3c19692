import SIP
import Testing

@testable import UserAgent

@Suite("Calls from a raw peer")
struct ServerCallTests {
    @Test("OPTIONS is answered with what the server can do", arguments: SIPTransport.allCases)
    func options(transport: SIPTransport) async throws {
        try await TestAgent.run { server in
            let peer = try await TestPeer.open(to: server.endpoint(transport))
            try await peer.send(TestCall(peer).request("OPTIONS"))
            let response = try await peer.response()
            #expect(response.status == 200)
            #expect(response.headers[.allow] == "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE")
            #expect(response.headers.listValues(.accept).contains("application/sdp"))
            #expect(response.headers.listValues(.accept).contains("application/rs-metadata+xml"))
            #expect(response.headers.listValues(.accept).contains("multipart/mixed"))
            #expect(response.headers.listValues(.supported) == ["siprec", "timer"])
            #expect(response.headers[.server] == "Earshot")
            #expect(response.to?.tag != nil)
            #expect(response.via?.rport == peer.port)
            #expect(response.via?.received == "127.0.0.1")
            await peer.close()
        }
    }

    @Test("A call is accepted, acknowledged and ended", arguments: SIPTransport.allCases, [false, true])
    func call(transport: SIPTransport, isV6: Bool) async throws {
        try await TestAgent.run { server in
            let endpoint = try server.endpoint(transport, isV6: isV6)
            let peer = try await TestPeer.open(to: endpoint)
            var call = TestCall(peer)
            try await peer.send(call.invite(headers: ["Record-Route: <sip:proxy.example.test;lr>"]))
            let accepted = try await peer.finalResponse(to: call)
            #expect(accepted.status == 200)
            #expect(String(decoding: accepted.body, as: UTF8.self) == "answer")
            #expect(accepted.headers[.contentType] == "application/sdp")
            #expect(accepted.headers[.recordRoute] == "<sip:proxy.example.test;lr>")
            let contact = try #require(accepted.contact)
            #expect(contact.parameters.contains(Parameter("+sip.srs")))
            #expect(contact.sipURI?.host == endpoint.ip)
            #expect(contact.sipURI?.port == endpoint.port)
            #expect(contact.sipURI?.transport == (transport == .udp ? nil : transport.rawValue))
            call.toTag = accepted.to?.tag
            try await peer.send(call.acknowledgement())
            #expect(await server.log.contains("ack"))
            call.sequence = 2
            try await peer.send(call.request("BYE"))
            let ended = try await peer.finalResponse(to: call)
            #expect(ended.status == 200)
            #expect(ended.cSeq?.method == .bye)
            #expect(await server.log.contains("finished"))
            #expect(
                server.log.all == [
                    "invite vc1 -", "ack", "request BYE", "ended the peer ended the call", "finished",
                ])
            #expect(await server.agent.callCount == 0)
            #expect(await server.agent.counters.dialogs == 0)
            await peer.close()
        }
    }

    @Test("A retransmitted INVITE is absorbed: one call, the same answer")
    func retransmittedInvite() async throws {
        try await TestAgent.run { invite, log in
            log.append("invite")
            try? await Task.sleep(for: .milliseconds(300))
            await invite.accept()
            for await _ in invite.events {}
        } _: { server in
            let peer = try await TestPeer.open(to: server.endpoint(.udp))
            let call = TestCall(peer)
            let text = call.invite(branch: "z9hG4bK-same")
            try await peer.send(text)
            try await Task.sleep(for: .milliseconds(20))
            try await peer.send(text)
            try await peer.send(text)
            let trying = try await peer.response()
            #expect(trying.status == 100)
            let accepted = try await peer.finalResponse()
            #expect(accepted.status == 200)
            #expect(server.log.all == ["invite"])
            #expect(await server.agent.counters.retransmissionsAbsorbed == 2)
            await peer.close()
        }
    }

    @Test("100 Trying is sent when no answer is given in time, and not otherwise")
    func trying() async throws {
        let configuration = TestAgent.configuration(timers: TestAgent.quick)
        try await TestAgent.run(configuration: configuration) { invite, _ in
            try? await Task.sleep(for: .milliseconds(250))
            await invite.provisional(180)
            await invite.reject(status: 486)
        } _: { server in
            let peer = try await TestPeer.open(to: server.endpoint(.tcp))
            try await peer.send(TestCall(peer).invite())
            let statuses = [
                try await peer.response().status, try await peer.response().status, try await peer.response().status,
            ]
            #expect(statuses == [100, 180, 486])
            await peer.close()
        }
    }

    @Test(
        "A lost ACK: the 2xx is repeated, over TCP too, then the server sends BYE", arguments: [SIPTransport.udp, .tcp])
    func lostAcknowledgement(transport: SIPTransport) async throws {
        let configuration = TestAgent.configuration(timers: TestAgent.quick)
        try await TestAgent.run(configuration: configuration) { server in
            let peer = try await TestPeer.open(to: server.endpoint(transport))
            let call = TestCall(peer)
            try await peer.send(call.invite())
            let first = try await peer.finalResponse()
            var copies = 0
            var goodbye: SIPRequest?
            while goodbye == nil {
                switch try await peer.receive() {
                case .response(let response):
                    #expect(response == first)
                    copies += 1
                case .request(let request):
                    goodbye = request
                }
            }
            // T1 20 ms doubling to T2 80 ms within 1.28 s.
            #expect((8...20).contains(copies), "\(copies) copies")
            let bye = try #require(goodbye)
            #expect(bye.method == .bye)
            #expect(bye.to?.tag == call.fromTag)
            #expect(bye.headers[.reason]?.contains("No ACK") == true)
            try await peer.send(bye.response(200).serialized())
            #expect(await server.log.contains("ended the peer never acknowledged the answer"))
            await peer.close()
        }
    }

    @Test("CANCEL gives 200 to itself and 487 to the INVITE")
    func cancel() async throws {
        try await TestAgent.run { invite, log in
            log.append("invite")
            await TestAgent.logEvents(invite.events, log)
            let accepted = await invite.accept()
            log.append("accepted \(accepted)")
        } _: { server in
            let peer = try await TestPeer.open(to: server.endpoint(.udp))
            var call = TestCall(peer)
            try await peer.send(call.invite(branch: "z9hG4bK-c1"))
            #expect(await server.log.contains("invite"))
            try await peer.send(call.request("CANCEL", branch: "z9hG4bK-c1"))
            var seen: [String] = []
            for _ in 0..<2 {
                let response = try await peer.finalResponse()
                seen.append("\(response.cSeq?.method.rawValue ?? "") \(response.status)")
                call.toTag = response.to?.tag
            }
            #expect(Set(seen) == ["CANCEL 200", "INVITE 487"])
            try await peer.send(call.request("ACK", branch: "z9hG4bK-c1"))
            #expect(await server.log.contains("accepted false"))
            #expect(server.log.all == ["invite", "ended the peer cancelled the call", "finished", "accepted false"])
            await peer.close()
        }
    }

    @Test("re-INVITE, UPDATE and OPTIONS inside a call are answered")
    func inDialog() async throws {
        try await TestAgent.run { server in
            let peer = try await TestPeer.open(to: server.endpoint(.tcp))
            var call = TestCall(peer)
            try await peer.send(call.invite())
            call.toTag = try await peer.finalResponse(to: call).to?.tag
            try await peer.send(call.acknowledgement())
            call.sequence = 2
            try await peer.send(call.invite())
            let again = try await peer.finalResponse(to: call)
            #expect(again.status == 200)
            #expect(String(decoding: again.body, as: UTF8.self) == "again")
            #expect(again.contact?.parameters.contains(Parameter("+sip.srs")) == true)
            try await peer.send(call.acknowledgement())
            call.sequence = 3
            try await peer.send(call.request("UPDATE"))
            let updated = try await peer.finalResponse(to: call)
            #expect(updated.status == 200)
            #expect(updated.contact != nil)
            call.sequence = 4
            try await peer.send(call.request("OPTIONS"))
            #expect(try await peer.finalResponse(to: call).status == 200)
            call.sequence = 3
            try await peer.send(call.request("UPDATE"))
            #expect(try await peer.finalResponse(to: call).status == 500)
            call.sequence = 5
            try await peer.send(call.request("INFO"))
            let info = try await peer.finalResponse(to: call)
            #expect(info.status == 405)
            #expect(info.headers[.allow] == "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE")
            call.sequence = 6
            try await peer.send(call.request("BYE"))
            #expect(try await peer.finalResponse(to: call).status == 200)
            #expect(await server.log.contains("finished"))
            #expect(server.log.all.filter { $0 == "ack" }.count == 2)
            await peer.close()
        }
    }

    @Test("The ACK of a delayed offer is handed on with its answer")
    func delayedOffer() async throws {
        try await TestAgent.run { server in
            let peer = try await TestPeer.open(to: server.endpoint(.udp))
            var call = TestCall(peer)
            try await peer.send(call.request("INVITE"))
            call.toTag = try await peer.finalResponse().to?.tag
            try await peer.send(call.request("ACK", body: "my answer"))
            #expect(await server.log.contains("ack my answer"))
            await peer.close()
        }
    }

    @Test("A session whose refresh never comes is ended with BYE", .timeLimit(.minutes(3)))
    func sessionExpiry() async throws {
        try await TestAgent.run { server in
            let peer = try await TestPeer.open(to: server.endpoint(.tcp))
            var call = TestCall(peer)
            try await peer.send(call.invite(headers: ["Supported: timer", "Session-Expires: 60"]))
            let small = try await peer.finalResponse(to: call)
            #expect(small.status == 422)
            #expect(small.headers[.minSE] == "90")
            try await peer.send(call.acknowledgement())
            call.sequence = 2
            try await peer.send(call.invite(headers: ["Supported: timer", "Session-Expires: 90"]))
            let accepted = try await peer.finalResponse(to: call)
            #expect(accepted.headers[.sessionExpires] == "90;refresher=uac")
            #expect(accepted.headers.listValues(.require) == ["timer"])
            call.toTag = accepted.to?.tag
            try await peer.send(call.acknowledgement())
            #expect(await server.log.contains("ack"))
            // Rather than wait for a minute, let the timer believe that it has passed.
            await server.agent.expireSessions(at: .now + .seconds(61))
            let bye = try await peer.request()
            #expect(bye.method == .bye)
            #expect(bye.headers[.reason]?.contains("Session expired") == true)
            try await peer.send(bye.response(200).serialized())
            #expect(await server.log.contains("ended the session timer expired"))
            await peer.close()
        }
    }

    @Test("A call that the consumer drops without an answer is refused with 500")
    func dropped() async throws {
        try await TestAgent.run { _, _ in
        } _: { server in
            let peer = try await TestPeer.open(to: server.endpoint(.tcp))
            try await peer.send(TestCall(peer).invite())
            #expect(try await peer.finalResponse().status == 500)
            await peer.close()
        }
    }

    @Test("BYE from the server waits for the ACK and carries the reason")
    func localBye() async throws {
        try await TestAgent.run { invite, log in
            await invite.accept()
            await invite.bye(reason: "Q.850;cause=16")
            await TestAgent.logEvents(invite.events, log)
        } _: { server in
            let peer = try await TestPeer.open(to: server.endpoint(.tcp))
            var call = TestCall(peer)
            try await peer.send(call.invite())
            call.toTag = try await peer.finalResponse().to?.tag
            #expect(await peer.next(within: .milliseconds(150)) == nil)
            try await peer.send(call.acknowledgement())
            let bye = try await peer.request()
            #expect(bye.method == .bye)
            #expect(bye.headers[.reason] == "Q.850;cause=16")
            try await peer.send(bye.response(200).serialized())
            #expect(await server.log.contains("ended ended here"))
            await peer.close()
        }
    }

    @Test("While it drains, new calls and OPTIONS get 503, calls in progress go on")
    func draining() async throws {
        try await TestAgent.run { server in
            let peer = try await TestPeer.open(to: server.endpoint(.udp))
            var call = TestCall(peer)
            try await peer.send(call.invite())
            call.toTag = try await peer.finalResponse(to: call).to?.tag
            try await peer.send(call.acknowledgement())
            #expect(await server.log.contains("ack"))
            await server.agent.beginDraining()
            let other = TestCall(peer)
            try await peer.send(other.invite())
            let refused = try await peer.finalResponse(to: other)
            #expect(refused.status == 503)
            #expect(refused.headers[.retryAfter] == "30")
            try await peer.send(other.request("OPTIONS"))
            #expect(try await peer.finalResponse(to: other).status == 503)
            call.sequence = 2
            try await peer.send(call.invite())
            #expect(try await peer.finalResponse(to: call).status == 200)
            await peer.close()
        }
    }
}

extension SIPAgent {
    /// Lets session timers act as if it were `now`.
    func expireSessions(at now: ContinuousClock.Instant) {
        for call in Array(calls.values) where call.expireOnce(at: now, in: self) { arm(call) }
    }
}
