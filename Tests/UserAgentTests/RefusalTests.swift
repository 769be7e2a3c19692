import SIP
import Testing

@testable import UserAgent

@Suite("Requests that are refused")
struct RefusalTests {
    @Test(
        "Methods and dialogs that do not exist",
        arguments: [
            ("REGISTER", false, 405), ("INFO", false, 405), ("SUBSCRIBE", false, 405), ("FROBNICATE", false, 405),
            ("UPDATE", false, 405), ("BYE", false, 481), ("CANCEL", false, 481), ("BYE", true, 481),
            ("UPDATE", true, 481),
            ("INVITE", true, 481), ("OPTIONS", true, 481),
        ])
    func methods(method: String, hasTag: Bool, status: Int) async throws {
        try await TestAgent.run { server in
            let peer = try await TestPeer.open(to: server.endpoint(.udp))
            var call = TestCall(peer)
            if hasTag { call.toTag = "unknown" }
            try await peer.send(call.request(method))
            let response = try await peer.finalResponse()
            #expect(response.status == status)
            if status == 405 { #expect(response.headers[.allow] == "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE") }
            #expect(server.log.all.isEmpty)
            await peer.close()
        }
    }

    @Test("An ACK for nothing is never answered")
    func strayAcknowledgement() async throws {
        try await TestAgent.run { server in
            let peer = try await TestPeer.open(to: server.endpoint(.udp))
            var call = TestCall(peer)
            call.toTag = "unknown"
            try await peer.send(call.acknowledgement())
            #expect(await peer.next(within: .milliseconds(150)) == nil)
            #expect(await server.agent.counters.strayAcknowledgements == 1)
            await peer.close()
        }
    }

    @Test("An extension that is not supported is named in 420; siprec and timer are supported")
    func extensions() async throws {
        try await TestAgent.run { server in
            let peer = try await TestPeer.open(to: server.endpoint(.udp))
            try await peer.send(TestCall(peer).invite(headers: ["Require: siprec, 100rel, timer"]))
            let response = try await peer.finalResponse()
            #expect(response.status == 420)
            #expect(response.headers[.unsupported] == "100rel")
            try await peer.send(TestCall(peer).invite(headers: ["Require: siprec"]))
            #expect(try await peer.finalResponse().status == 200)
            await peer.close()
        }
    }

    @Test("A missing header is named", arguments: ["Call-ID", "CSeq", "To", "From", "Contact"])
    func missingHeader(name: String) async throws {
        try await TestAgent.run { server in
            let peer = try await TestPeer.open(to: server.endpoint(.udp))
            let text = TestCall(peer).invite()
            let cut = text.components(separatedByLine: "\r\n").filter { !$0.hasPrefix("\(name):") }
            try await peer.send(cut.joined(separator: "\r\n"))
            let response = try await peer.finalResponse()
            #expect(response.status == 400)
            #expect(response.reason.contains(name), "\(response.reason)")
            #expect(server.log.all.isEmpty)
            await peer.close()
        }
    }

    @Test("A request that comes twice over different paths is refused with 482")
    func merged() async throws {
        try await TestAgent.run { server in
            let peer = try await TestPeer.open(to: server.endpoint(.tcp))
            let call = TestCall(peer)
            try await peer.send(call.invite(branch: "z9hG4bK-1"))
            #expect(try await peer.finalResponse().status == 200)
            try await peer.send(call.invite(branch: "z9hG4bK-2"))
            var second = try await peer.finalResponse()
            while second.via?.branch != "z9hG4bK-2" { second = try await peer.finalResponse() }
            #expect(second.status == 482)
            await peer.close()
        }
    }

    @Test("A response goes to the Via port of a client that does not ask for rport")
    func viaPort() async throws {
        try await TestAgent.run { server in
            let listener = try await TestPeer.open(to: server.endpoint(.udp))
            let sender = try await TestPeer.open(to: server.endpoint(.udp))
            let text = TestCall(sender).request("OPTIONS")
                .replacing("\(sender.host):\(sender.port);rport", with: "client.example.test:\(listener.port)")
            try await sender.send(text)
            let response = try await listener.finalResponse()
            #expect(response.status == 200)
            #expect(response.via?.received == "127.0.0.1")
            await listener.close()
            await sender.close()
        }
    }

    @Test("When there are too many transactions, further calls get 503")
    func tooMany() async throws {
        var configuration = TestAgent.configuration()
        configuration.maximumTransactions = 2
        try await TestAgent.run(configuration: configuration) { server in
            let peer = try await TestPeer.open(to: server.endpoint(.tcp))
            var statuses: [Int] = []
            for _ in 0..<3 {
                let call = TestCall(peer)
                try await peer.send(call.invite())
                statuses.append(try await peer.finalResponse(to: call).status)
            }
            #expect(statuses == [200, 200, 503])
            await peer.close()
        }
    }
}

extension String {
    fileprivate func components(separatedByLine separator: String) -> [String] {
        split(separator: separator, omittingEmptySubsequences: false).map(String.init)
    }
}
