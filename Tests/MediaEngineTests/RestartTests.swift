import MediaCore
import MediaEngine
import SecureMedia
import Testing

@Suite("A new recording at the ports of the former", .serialized)
struct RestartTests {
    @Test("Each tap has its own part, from sample 0 on, and each report its own figures")
    func parts() async throws {
        let engine = try EngineHarness(ports: 26_800...26_899)
        defer { engine.service.stop() }
        let (peer, stranger) = (LoopbackSender(), LoopbackSender(fromOtherHost: true))
        let taps = [CollectingTap(), CollectingTap()]
        let parameters = EngineHarness.parameters(peer)
        let leg = try #require(try engine.service.reserve(1, isIPv6: false).first)
        engine.service.start(leg, parameters, epoch: MediaClock.arrival, tap: taps[0])
        for index in 0..<10 { peer.send(RTPPacket.voice(index).octets, to: leg.port) }
        for _ in 0..<3 { stranger.send(RTPPacket.voice(0, octet: 0x55).octets, to: leg.port) }
        for _ in 0..<2 { stranger.send([UInt8](repeating: 0, count: 2_500), to: leg.port) }
        _ = try await engine.service.report(leg) { $0.statistics.packets == 10 && $0.truncated == 2 }
        let epoch = MediaClock.arrival
        let first = try #require(await engine.service.restart(leg.id, parameters, epoch: epoch, tap: taps[1]))
        #expect(first.statistics.packets == 10 && first.statistics.foreign == 3 && first.truncated == 2)
        #expect(taps[0].samples.count == Int(first.samples))
        #expect(taps[0].samples.count { $0 == G711.expandMuLaw(0x12) } == 1_600)
        for index in 10..<15 { peer.send(RTPPacket.voice(index, octet: 0x34).octets, to: leg.port) }
        stranger.send(RTPPacket.voice(0, octet: 0x55).octets, to: leg.port)
        _ = try await engine.service.report(leg) { $0.statistics.packets == 5 && $0.statistics.foreign == 1 }
        let second = try #require(await engine.finish([leg]).first)
        #expect(second.id == first.id && second.statistics.lost == 0 && second.truncated == 0)
        #expect(taps[1].samples.count == Int(second.samples))
        #expect(taps[1].samples.count { $0 == G711.expandMuLaw(0x34) } == 800)
        #expect(!taps[0].samples.contains(G711.expandMuLaw(0x34)))
        #expect(taps.map(\.events) == [[.mediaBegan], [.mediaBegan]])
        #expect(await engine.service.restart(leg.id, parameters, epoch: epoch, tap: nil) == nil)
    }

    @Test("Audio gives way to payloads, and a listener that came in mid-call stays")
    func format() async throws {
        let engine = try EngineHarness(ports: 26_800...26_899)
        defer { engine.service.stop() }
        let peer = LoopbackSender()
        var parameters = EngineHarness.parameters(peer)
        let leg = try #require(try engine.service.reserve(1, isIPv6: false).first)
        engine.service.start(leg, parameters, epoch: MediaClock.arrival, tap: CollectingTap())
        let listener = AudioQueue(capacity: 8_000)
        let id = try #require(await engine.service.attach(listener, to: leg.id))
        parameters.format = .verbatim
        parameters.payloads.map(97, encoding: "iLBC", clockRate: 8_000)
        let tap = PayloadTap()
        _ = await engine.service.restart(leg.id, parameters, epoch: MediaClock.arrival, tap: tap)
        let payload = [UInt8](repeating: 7, count: 38)
        for index in 0..<5 {
            var packet = RTPPacket.voice(index, payloadType: 97)
            packet.payload = payload
            peer.send(packet.octets, to: leg.port)
        }
        _ = try await engine.service.report(leg) { $0.statistics.packets == 5 }
        let report = try #require(await engine.finish([leg]).first)
        #expect(tap.payloads == Array(repeating: payload, count: 5))
        #expect(report.taps.contains { $0.id == id })
    }

    @Test("Keys, roll-over counters and replay lists go on: what was recorded before cannot be sent again")
    func security() async throws {
        let engine = try EngineHarness(ports: 26_800...26_899)
        defer { engine.service.stop() }
        let peer = LoopbackSender()
        let key = SDESKey.fresh()
        var sender = try SRTPSender(key)
        var parameters = EngineHarness.parameters(peer)
        parameters.receiving = key
        let leg = try #require(try engine.service.reserve(1, isIPv6: false).first)
        engine.service.start(leg, parameters, epoch: MediaClock.arrival, tap: nil)
        let before = (65_530..<65_540).map { RTPPacket.voice($0).octets.protected(by: &sender) }
        for packet in before { peer.send(packet, to: leg.port) }
        _ = try await engine.service.report(leg) { $0.statistics.packets == 10 }
        _ = await engine.service.restart(leg.id, parameters, epoch: MediaClock.arrival, tap: nil)
        for packet in before { peer.send(packet, to: leg.port) }
        for index in 65_540..<65_545 {
            peer.send(RTPPacket.voice(index).octets.protected(by: &sender), to: leg.port)
        }
        let report = try await engine.service.report(leg) { $0.statistics.packets == 5 }
        #expect(report.unauthenticated == 10)
        _ = await engine.finish([leg])
    }
}
