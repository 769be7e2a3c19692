import MediaCore
import MediaEngine
import SecureMedia
import Testing

@Suite("Bridges over loopback", .serialized)
struct BridgeTests {
    private static let g711: (mu: PayloadMap, a: PayloadMap) = {
        var mu = PayloadMap()
        mu.map(0, encoding: "PCMU", clockRate: 8000)
        mu.map(101, encoding: "telephone-event", clockRate: 8000)
        var a = PayloadMap()
        a.map(8, encoding: "PCMA", clockRate: 8000)
        a.map(96, encoding: "telephone-event", clockRate: 8000)
        return (mu, a)
    }()

    @Test(
        "What one leg sends arrives on the other octet for octet, both ways",
        arguments: [MediaBackEndChoice.ioUring, .epoll])
    func untouched(backEnd: MediaBackEndChoice) async throws {
        let engine = try EngineHarness(backEnd, ports: 25_000...25_099)
        defer { engine.service.stop() }
        let peers = [LoopbackSender(), LoopbackSender()]
        let legs = try await engine.bridgedPair(
            EngineHarness.parameters(peers[0], format: .statistics, payloads: Self.g711.mu),
            EngineHarness.parameters(peers[1], format: .statistics, payloads: Self.g711.mu))
        for index in 0..<20 {
            for side in 0..<2 {
                let packet = RTPPacket.voice(index, octet: UInt8(index), ssrc: UInt32(side + 1)).octets
                peers[side].send(packet, to: legs[side].port)
                #expect(peers[1 - side].receive() == packet)
            }
        }
        let reports = await engine.finish(legs)
        #expect(reports.map(\.relayed) == [20, 20] && reports.map(\.relayRefused) == [0, 0])
        #expect(reports.map(\.statistics.packets) == [20, 20])
    }

    @Test("Between µ-law and A-law samples are transcoded and events keep their digits")
    func transcoding() async throws {
        let engine = try EngineHarness(ports: 25_100...25_199)
        defer { engine.service.stop() }
        let peers = [LoopbackSender(), LoopbackSender()]
        let legs = try await engine.bridgedPair(
            EngineHarness.parameters(peers[0], payloads: Self.g711.mu),
            EngineHarness.parameters(peers[1], payloads: Self.g711.a))
        let voice = RTPPacket.voice(1, octet: 0x25)
        peers[0].send(voice.octets, to: legs[0].port)
        let heard = try #require(peers[1].receive().flatMap { RTPPacket($0) })
        #expect(heard.payloadType == 8 && heard.sequence == 1 && heard.timestamp == voice.timestamp)
        let sample = G711.expandALaw(heard.payload.first ?? 0)
        #expect(abs(Int(sample) - Int(G711.expandMuLaw(0x25))) < 600)
        peers[0].send(RTPPacket(payloadType: 101, sequence: 2, payload: [5, 10, 0, 160]).octets, to: legs[0].port)
        let event = try #require(peers[1].receive().flatMap { RTPPacket($0) })
        #expect(event.payloadType == 96 && event.payload == [5, 10, 0, 160])
        _ = await engine.finish(legs)
    }

    @Test("A bridge between an encrypted and a plain leg encrypts one way and decrypts the other")
    func mixedSecurity() async throws {
        let engine = try EngineHarness(ports: 25_200...25_299)
        defer { engine.service.stop() }
        let peers = [LoopbackSender(), LoopbackSender()]
        let (theirs, ours) = (SDESKey.fresh(), SDESKey.fresh())
        var secure = EngineHarness.parameters(peers[0])
        secure.receiving = theirs
        secure.sending = ours
        let legs = try await engine.bridgedPair(secure, EngineHarness.parameters(peers[1]))
        var sender = try SRTPSender(theirs)
        var receiver = try SRTPReceiver(ours)
        for index in 0..<5 {
            let packet = RTPPacket.voice(index).octets
            peers[0].send(packet.protected(by: &sender), to: legs[0].port)
            #expect(peers[1].receive() == packet)
            peers[1].send(packet, to: legs[1].port)
            let received = try #require(peers[0].receive())
            #expect(received != packet)
            #expect(received.unprotected(by: &receiver) == packet)
        }
        // Plain RTP on the encrypted leg goes nowhere.
        peers[0].send(RTPPacket.voice(6).octets, to: legs[0].port)
        let reports = await engine.finish(legs)
        #expect(reports[0].unauthenticated == 1 && reports[0].relayed == 5)
    }

    @Test("A leg that takes over a bridge goes on with the stream that its peer knows")
    func transfer() async throws {
        let engine = try EngineHarness(ports: 25_300...25_399)
        defer { engine.service.stop() }
        let peers = [LoopbackSender(), LoopbackSender(), LoopbackSender()]
        let legs = try engine.service.reserve(3, isIPv6: false)
        for index in 0..<3 {
            engine.service.start(
                legs[index], EngineHarness.parameters(peers[index]), epoch: MediaClock.arrival, tap: nil)
        }
        await engine.service.bridge(legs[0].id, legs[1].id)
        let began = MediaClock.arrival
        peers[1].send(RTPPacket.voice(100, ssrc: 77).octets, to: legs[1].port)
        let before = try #require(peers[0].receive().flatMap { RTPPacket($0) })
        await engine.service.bridge(legs[0].id, legs[2].id)
        // The least that passes; more does no harm.
        try await Task.sleep(for: .milliseconds(20))
        peers[2].send(RTPPacket.voice(5_000, ssrc: 12).octets, to: legs[2].port)
        let after = try #require(peers[0].receive().flatMap { RTPPacket($0) })
        #expect(after.ssrc == before.ssrc && after.sequence == before.sequence &+ 1)
        let step = after.timestamp &- before.timestamp
        // As much media time as has passed, and a packet at least.
        let passed = (MediaClock.arrival - began) / 125_000
        #expect(step >= 160 && Int64(step) <= passed + 320)
        peers[2].send(RTPPacket.voice(5_001, ssrc: 12).octets, to: legs[2].port)
        let next = try #require(peers[0].receive().flatMap { RTPPacket($0) })
        #expect(next.sequence == after.sequence &+ 1 && next.timestamp == after.timestamp &+ 160)
        _ = await engine.finish(legs)
    }

    @Test("A tap that never returns its audio delays neither the bridge nor another tap")
    func stuckTap() async throws {
        let engine = try EngineHarness(ports: 25_400...25_499)
        defer { engine.service.stop() }
        let peers = [LoopbackSender(), LoopbackSender()]
        let legs = try await engine.bridgedPair(
            EngineHarness.parameters(peers[0]), EngineHarness.parameters(peers[1]))
        let stuck = AudioQueue(capacity: 1_600)
        let reader = AudioQueue(capacity: 800_000)
        _ = await engine.service.attach(stuck, to: legs[0].id)
        _ = await engine.service.attach(reader, to: legs[0].id)
        for index in 0..<50 {
            let packet = RTPPacket.voice(index).octets
            peers[0].send(packet, to: legs[0].port)
            #expect(peers[1].receive() == packet)
            try await Task.sleep(for: .milliseconds(10))
        }
        let reports = await engine.finish(legs)
        #expect(reports[0].relayed == 50)
        #expect(stuck.count == 1_600 && stuck.dropped > 4_000)
        #expect(reader.dropped == 0 && reader.read(atMost: .max).count { $0 == G711.expandMuLaw(0x12) } == 50 * 160)
        #expect(reports[0].taps.map(\.dropped).sorted() == [0, stuck.dropped])
    }
}
