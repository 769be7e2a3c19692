import Addressing
import SIP
import Testing

@testable import UserAgent

@Suite("TCP and TLS connections")
struct StreamTests {
    @Test("Two messages in one segment are two messages", arguments: [SIPTransport.tcp, .tls])
    func twoInOne(transport: SIPTransport) async throws {
        try await TestAgent.run { server in
            let peer = try await TestPeer.open(to: server.endpoint(transport))
            let first = TestCall(peer)
            let second = TestCall(peer)
            try await peer.send(first.request("OPTIONS") + second.request("OPTIONS"))
            let answered = [try await peer.finalResponse().callID, try await peer.finalResponse().callID]
            #expect(answered == [first.callID, second.callID])
            await peer.close()
        }
    }

    @Test("One message in many segments is one message")
    func oneInMany() async throws {
        try await TestAgent.run { server in
            let peer = try await TestPeer.open(to: server.endpoint(.tcp))
            let bytes = Array(TestCall(peer).invite().utf8)
            for start in stride(from: 0, to: bytes.count, by: 41) {
                try await peer.send(Array(bytes[start..<min(start + 41, bytes.count)]))
                try await Task.sleep(for: .milliseconds(1))
            }
            #expect(try await peer.finalResponse().status == 200)
            await peer.close()
        }
    }

    @Test("A double line end is answered with a single one")
    func keepAlive() async throws {
        try await TestAgent.run { server in
            let peer = try await TestPeer.open(to: server.endpoint(.tcp))
            try await peer.send("\r\n\r\n")
            #expect(await peer.next(within: .seconds(5)) == [13, 10])
            try await peer.send(TestCall(peer).request("OPTIONS"))
            #expect(try await peer.finalResponse().status == 200)
            await peer.close()
        }
    }

    @Test("A message over 64 kB gets 513 and the connection is closed")
    func tooLarge() async throws {
        try await TestAgent.run { server in
            let peer = try await TestPeer.open(to: server.endpoint(.tcp))
            let text = TestCall(peer).invite().replacing("Content-Length: 5", with: "Content-Length: 70000")
            try await peer.send(text)
            #expect(try await peer.finalResponse().status == 513)
            #expect(await peer.waitUntilClosed())
            #expect(await server.agent.counters.framingErrors == 1)
        }
    }

    @Test("The 513 is not lost in the reset when much of the message is still unread")
    func tooLargeAndUnread() async throws {
        try await TestAgent.run { server in
            let peer = try await TestPeer.open(to: server.endpoint(.tcp))
            let filler = (0..<200).map { "X-\($0): " + String(repeating: "x", count: 1_000) + "\r\n" }.joined()
            try await peer.send(TestCall(peer).invite().replacing("Content-Length:", with: filler + "Content-Length:"))
            #expect(try await peer.finalResponse().status == 513)
            #expect(await peer.waitUntilClosed())
        }
    }

    @Test("A stream that is no SIP is closed without an answer")
    func notSIP() async throws {
        try await TestAgent.run { server in
            let peer = try await TestPeer.open(to: server.endpoint(.tcp))
            try await peer.send("GET / HTTP/1.1\r\nHost: example\r\n\r\n")
            #expect(await peer.waitUntilClosed())
            #expect(await peer.next(within: .milliseconds(50)) == nil)
        }
    }

    @Test("A peer that does not finish its message is closed; one that is only idle is kept until the idle time")
    func slow() async throws {
        var configuration = TestAgent.configuration()
        configuration.messageTimeout = .milliseconds(800)
        configuration.connectionIdleTimeout = .milliseconds(3500)
        try await TestAgent.run(configuration: configuration) { server in
            let slow = try await TestPeer.open(to: server.endpoint(.tcp))
            let idle = try await TestPeer.open(to: server.endpoint(.tcp))
            try await idle.send(TestCall(idle).request("OPTIONS"))
            #expect(try await idle.finalResponse().status == 200)
            try await slow.send("OPTIONS sip:x SIP/2.0\r\n")
            #expect(await slow.waitUntilClosed(within: .milliseconds(2000)))
            #expect(!idle.isClosed)
            #expect(await idle.waitUntilClosed(within: .seconds(5)))
            #expect(await server.agent.counters.connectionsTimedOut == 2)
        }
    }

    @Test("A response whose connection was lost goes over a new one to the sent-by port")
    func lostConnection() async throws {
        try await TestAgent.run { invite, log in
            log.append("invite")
            try? await Task.sleep(for: .milliseconds(200))
            await invite.accept()
            await TestAgent.logEvents(invite.events, log)
        } _: { server in
            // Another user agent stands in for the listener of the peer.
            try await TestAgent.run(admission: OpenAdmission()) { peerAgent in
                let listener = try peerAgent.endpoint(.tcp)
                let peer = try await TestPeer.open(to: server.endpoint(.tcp))
                let text = TestCall(peer).invite()
                    .replacing("\(peer.host):\(peer.port);rport", with: "127.0.0.1:\(listener.port)")
                try await peer.send(text)
                #expect(await server.log.contains("invite"))
                await peer.close()
                var strays: UInt64 = 0
                let end = ContinuousClock.now + .seconds(5)
                while strays == 0, ContinuousClock.now < end {
                    strays = await peerAgent.agent.counters.strayResponses
                    try await Task.sleep(for: .milliseconds(5))
                }
                #expect(strays > 0)
            }
        }
    }

    @Test("A peer that never finishes the TLS handshake is closed")
    func handshake() async throws {
        var configuration = TestAgent.configuration()
        configuration.messageTimeout = .milliseconds(200)
        try await TestAgent.run(configuration: configuration) { server in
            var endpoint = try server.endpoint(.tls)
            endpoint.transport = .tcp
            let peer = try await TestPeer.open(to: endpoint)
            #expect(await peer.waitUntilClosed(within: .seconds(5)))
        }
    }

    @Test("More connections than the limit are closed and counted")
    func tooManyConnections() async throws {
        var configuration = TestAgent.configuration()
        configuration.maximumConnections = 2
        try await TestAgent.run(configuration: configuration) { server in
            var peers: [TestPeer] = []
            for _ in 0..<2 {
                let peer = try await TestPeer.open(to: server.endpoint(.tcp))
                try await peer.send(TestCall(peer).request("OPTIONS"))
                #expect(try await peer.finalResponse().status == 200)
                peers.append(peer)
            }
            let extra = try await TestPeer.open(to: server.endpoint(.tcp))
            #expect(await extra.waitUntilClosed())
            #expect(await server.agent.counters.connectionsRefused == 1)
            #expect(await server.agent.counters.connections == 2)
            for peer in peers { await peer.close() }
        }
    }

    @Test("The wildcard address also listens on IPv6, with the same port")
    func wildcard() async throws {
        let configuration = TestAgent.configuration([
            .init(.udp, host: "0.0.0.0", port: 0), .init(.tcp, host: "0.0.0.0", port: 0),
        ])
        try await TestAgent.run(configuration: configuration) { server in
            for transport in [SIPTransport.udp, .tcp] {
                let v4 = try server.endpoint(transport)
                let v6 = try server.endpoint(transport, isV6: true)
                #expect(v4.port == v6.port)
                for target in ["127.0.0.1", "::1"] {
                    let endpoint = try #require(SIPEndpoint(ip: target, port: v4.port, transport: transport))
                    let peer = try await TestPeer.open(to: endpoint)
                    try await peer.send(TestCall(peer, uri: "sip:x@\(endpoint.address.hostText)").invite())
                    let response = try await peer.finalResponse()
                    #expect(response.status == 200)
                    // On a wildcard socket, too, the Contact names the address that the call came to.
                    #expect(response.contact?.sipURI?.host == target)
                    await peer.close()
                }
            }
        }
    }

    @Test("A port in use is named in the error")
    func portInUse() async throws {
        try await TestAgent.run { server in
            let port = try server.endpoint(.tcp).port
            let configuration = TestAgent.configuration([.init(.tcp, host: "127.0.0.1", port: port)])
            let error = await #expect(throws: UserAgentError.self) {
                try await TestAgent.run(configuration: configuration) { _ in }
            }
            #expect("\(try #require(error))".contains("cannot listen on tcp 127.0.0.1:\(port)"))
        }
    }
}
