import MediaCore
import MediaEngine
import Testing

/// ES2025-01 / CVE-2025-53399: a stranger who sprays the port range must neither be heard nor change where media goes.
@Suite("Strangers at the media ports", .serialized)
struct LatchingTests {
    enum Moment: CaseIterable { case beforeMedia, duringMedia, duringSilence, afterReoffer }

    @Test(
        "Spraying changes nothing: not the recording, not where the bridge sends",
        arguments: Moment.allCases, [true, false])
    func spray(at moment: Moment, isStrict: Bool) async throws {
        let engine = try EngineHarness(ports: 25_800...25_899)
        defer { engine.service.stop() }
        let peers = [LoopbackSender(), LoopbackSender()]
        let stranger = LoopbackSender(fromOtherHost: true)
        let tap = CollectingTap()
        var parameters = EngineHarness.parameters(peers[0])
        parameters.isStrict = isStrict
        let legs = try engine.service.reserve(2, isIPv6: false)
        let epoch = MediaClock.arrival
        engine.service.start(legs[0], parameters, epoch: epoch, tap: tap)
        engine.service.start(legs[1], EngineHarness.parameters(peers[1]), epoch: epoch, tap: nil)
        await engine.service.bridge(legs[0].id, legs[1].id)
        func spray() {
            for index in 0..<20 {
                for port in 25_800...25_899 as ClosedRange<UInt16> {
                    stranger.send(RTPPacket.voice(index, octet: 0x55, ssrc: 666).octets, to: port)
                }
            }
        }
        if moment == .beforeMedia { spray() }
        for index in 0..<10 {
            if moment == .duringMedia, index == 5 { spray() }
            peers[0].send(RTPPacket.voice(index).octets, to: legs[0].port)
            #expect(peers[1].receive() == RTPPacket.voice(index).octets)
        }
        if moment == .duringSilence {
            try await Task.sleep(for: .milliseconds(2_200))
            spray()
        }
        if moment == .afterReoffer {
            await engine.service.change(legs[0].id, to: parameters)
            spray()
        }
        // What the other side sends still goes to the peer, and to nobody else.
        for index in 0..<5 {
            let packet = RTPPacket.voice(index, octet: 0x77).octets
            peers[1].send(packet, to: legs[1].port)
            #expect(peers[0].receive() == packet)
        }
        // Twenty rounds at the RTP port and at the RTCP port.
        _ = try await engine.service.report(legs[0]) { $0.statistics.foreign >= 40 }
        let reports = await engine.finish(legs)
        #expect(reports[0].statistics.packets == 10 && reports[0].statistics.foreign == 40)
        #expect(reports[0].relayed == 10 && reports[1].relayed == 5)
        #expect(!tap.samples.contains(G711.expandMuLaw(0x55)))
        var buffer = [UInt8](repeating: 0, count: 2_048)
        #expect(stranger.receiveNow(into: &buffer) == false)
    }

    @Test("Behind NAT the signalling's host teaches the port once; a later change needs a new offer")
    func learning() async throws {
        let engine = try EngineHarness(ports: 25_800...25_899)
        defer { engine.service.stop() }
        let (first, second) = (LoopbackSender(), LoopbackSender())
        let tap = CollectingTap()
        // The offer names an address that cannot be reached from here.
        var parameters = LegParameters(
            payloads: PayloadMap(), remote: MediaAddress(ipv4: 0x0A00_0001, port: 4_000), signalling: first.host)
        let leg = try #require(try engine.service.reserve(1, isIPv6: false).first)
        engine.service.start(leg, parameters, epoch: MediaClock.arrival, tap: tap)
        for index in 0..<10 { first.send(RTPPacket.voice(index).octets, to: leg.port) }
        for index in 10..<15 { second.send(RTPPacket.voice(index, octet: 0x33).octets, to: leg.port) }
        var report = try await engine.service.report(leg) { $0.statistics.packets + $0.statistics.foreign >= 15 }
        #expect(report.statistics.packets == 10 && report.statistics.foreign == 5)
        parameters.remote = second.address
        await engine.service.change(leg.id, to: parameters)
        for index in 15..<20 { second.send(RTPPacket.voice(index, octet: 0x33).octets, to: leg.port) }
        report = try #require(await engine.finish([leg]).first)
        #expect(report.statistics.packets == 15)
        #expect(tap.samples.count { $0 == G711.expandMuLaw(0x33) } == 800)
    }

    @Test("Strict legs take the offer's own address and port and nothing else")
    func strict() async throws {
        let engine = try EngineHarness(ports: 25_800...25_899)
        defer { engine.service.stop() }
        let (peer, neighbour) = (LoopbackSender(), LoopbackSender())
        var parameters = LegParameters(payloads: PayloadMap(), remote: peer.address, signalling: peer.host)
        parameters.isStrict = true
        let leg = try #require(try engine.service.reserve(1, isIPv6: false).first)
        engine.service.start(leg, parameters, epoch: MediaClock.arrival, tap: nil)
        for index in 0..<10 {
            neighbour.send(RTPPacket.voice(index).octets, to: leg.port)
            peer.send(RTPPacket.voice(index).octets, to: leg.port)
        }
        let report = try #require(await engine.finish([leg]).first)
        #expect(report.statistics.packets == 10 && report.statistics.foreign == 10)
    }

    @Test("Ports are even, taken at random, and rest before they are used again")
    func ports() throws {
        let engine = try EngineHarness(ports: 25_800...25_899)
        defer { engine.service.stop() }
        var seen: [UInt16] = []
        for _ in 0..<10 {
            let leg = try #require(try engine.service.reserve(1, isIPv6: false).first)
            engine.service.release(leg)
            seen.append(leg.port)
        }
        #expect(Set(seen).count == 10 && seen.allSatisfy { $0 % 2 == 0 })
        #expect(seen != seen.sorted() || Set(zip(seen, seen.dropFirst()).map { $1 &- $0 }).count > 1)
    }

    @Test("A pair that has just been released is not taken, even when no other is left")
    func resting() throws {
        let engine = try EngineHarness(ports: freePorts(pairs: 4))
        defer { engine.service.stop() }
        let first = try engine.service.reserve(2, isIPv6: false)
        for leg in first { engine.service.release(leg) }
        let second = try engine.service.reserve(2, isIPv6: false)
        #expect(Set(first.map(\.port)).isDisjoint(with: second.map(\.port)))
        // The last packets of the first call may still be under way.
        #expect(throws: MediaEngineError.self) { try engine.service.reserve(2, isIPv6: false) }
        for leg in second { engine.service.release(leg) }
    }
}
