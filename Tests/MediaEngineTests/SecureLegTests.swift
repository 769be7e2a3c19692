import MediaCore
import MediaEngine
import SecureMedia
import Testing

@Suite("Encrypted legs over loopback", .serialized)
struct SecureLegTests {
    /// A started leg whose peer protects with the first key.
    private struct SecureLeg {
        let engine: EngineHarness
        let peer = LoopbackSender()
        let tap = CollectingTap()
        let leg: MediaService.ReservedLeg
        var parameters: LegParameters

        init(ports: ClosedRange<UInt16>, theirs: SDESKey) throws {
            engine = try EngineHarness(ports: ports)
            leg = try #require(try engine.service.reserve(1, isIPv6: false).first)
            parameters = EngineHarness.parameters(peer)
            parameters.receiving = theirs
            parameters.sending = .fresh()
            engine.service.start(leg, parameters, epoch: MediaClock.arrival, tap: tap)
        }

        func finish() async throws -> LegReport {
            let report = await engine.finish([leg]).first
            engine.service.stop()
            return try #require(report)
        }

        /// The worker has handled so many packets.
        func handled(_ packets: UInt64, refused: UInt64 = 0) async throws {
            _ = try await engine.service.report(leg) {
                $0.statistics.packets >= packets && $0.unauthenticated >= refused
            }
        }

        func heard(_ octet: UInt8) -> Int { tap.samples.count { $0 == G711.expandMuLaw(octet) } }
    }

    @Test("Every suite is decrypted and recorded sample for sample", arguments: CryptoSuite.allCases)
    func suites(suite: CryptoSuite) async throws {
        let key = SDESKey.fresh(suite)
        let leg = try SecureLeg(ports: 25_600...25_699, theirs: key)
        var sender = try SRTPSender(key)
        for index in 0..<10 {
            leg.peer.send(RTPPacket.voice(index).octets.protected(by: &sender), to: leg.leg.port)
        }
        let report = try await leg.finish()
        #expect(report.statistics.packets == 10 && report.unauthenticated == 0 && leg.heard(0x12) == 1_600)
    }

    @Test("Plain RTP, a wrong key, a replay and a changed octet are counted and never heard, and teach nothing")
    func refused() async throws {
        let key = SDESKey.fresh()
        let leg = try SecureLeg(ports: 25_600...25_699, theirs: key)
        var sender = try SRTPSender(key)
        var wrong = try SRTPSender(.fresh())
        let other = LoopbackSender(fromOtherHost: true)
        let packets = (0..<5).map { RTPPacket.voice($0).octets.protected(by: &sender) }
        for index in 0..<50 {
            other.send(RTPPacket.voice(index, octet: 0x55).octets, to: leg.leg.port)
            other.send(RTPPacket.voice(index, octet: 0x55).octets.protected(by: &wrong), to: leg.leg.port)
        }
        for packet in packets {
            var changed = packet
            changed[20] ^= 1
            leg.peer.send(changed, to: leg.leg.port)
            leg.peer.send(packet, to: leg.leg.port)
            other.send(packet, to: leg.leg.port)
        }
        let report = try await leg.finish()
        #expect(report.statistics.packets == 5 && report.unauthenticated == 110 && report.statistics.lost == 0)
        #expect(leg.heard(0x12) == 800 && leg.heard(0x55) == 0)
    }

    @Test("An authentic packet from another address is followed at once")
    func moved() async throws {
        let key = SDESKey.fresh()
        let leg = try SecureLeg(ports: 25_600...25_699, theirs: key)
        var sender = try SRTPSender(key)
        let elsewhere = LoopbackSender(fromOtherHost: true)
        leg.peer.send(RTPPacket.voice(0).octets.protected(by: &sender), to: leg.leg.port)
        elsewhere.send(RTPPacket.voice(1).octets.protected(by: &sender), to: leg.leg.port)
        leg.peer.send(RTPPacket.voice(2).octets.protected(by: &sender), to: leg.leg.port)
        let report = try await leg.finish()
        #expect(report.statistics.packets == 3 && report.statistics.foreign == 0)
    }

    @Test("A new key in mid-call, and the same key with counters that begin anew, go on without a gap")
    func rekeyed() async throws {
        let first = SDESKey.fresh()
        var leg = try SecureLeg(ports: 25_600...25_699, theirs: first)
        var sender = try SRTPSender(first)
        for index in 65_530..<65_541 {
            leg.peer.send(RTPPacket.voice(index).octets.protected(by: &sender), to: leg.leg.port)
        }
        try await leg.handled(11)
        // The peer offers the same key again and forgets how often its numbers came round.
        await leg.engine.service.change(leg.leg.id, to: leg.parameters)
        var again = try SRTPSender(first)
        for index in 65_541..<65_546 {
            leg.peer.send(RTPPacket.voice(index).octets.protected(by: &again), to: leg.leg.port)
        }
        try await leg.handled(16)
        let second = SDESKey.fresh(.galois256)
        leg.parameters.receiving = second
        await leg.engine.service.change(leg.leg.id, to: leg.parameters)
        var third = try SRTPSender(second)
        for index in 65_546..<65_551 {
            leg.peer.send(RTPPacket.voice(index).octets.protected(by: &third), to: leg.leg.port)
        }
        let report = try await leg.finish()
        #expect(report.statistics.packets == 21 && report.unauthenticated == 0 && report.statistics.lost == 0)
        #expect(leg.heard(0x12) == 21 * 160)
    }

    @Test("A recorded call played back after a re-INVITE with the same key is refused, and teaches nothing")
    func replayAfterReoffer() async throws {
        let key = SDESKey.fresh()
        let leg = try SecureLeg(ports: 25_600...25_699, theirs: key)
        var sender = try SRTPSender(key)
        let stranger = LoopbackSender(fromOtherHost: true)
        let first = (0..<20).map { RTPPacket.voice($0).octets.protected(by: &sender) }
        let later = (3_000..<3_020).map { RTPPacket.voice($0, octet: 0x22).octets.protected(by: &sender) }
        for packet in first + later { leg.peer.send(packet, to: leg.leg.port) }
        try await leg.handled(40)
        await leg.engine.service.change(leg.leg.id, to: leg.parameters)
        for packet in first { stranger.send(packet, to: leg.leg.port) }
        for packet in first { leg.peer.send(packet, to: leg.leg.port) }
        let report = try await leg.finish()
        #expect(report.statistics.packets == 40 && report.unauthenticated == 40)
    }

    @Test("After the counters came round, a restart is believed from where the media comes from, and from nowhere else")
    func restartFromElsewhere() async throws {
        let key = SDESKey.fresh()
        let leg = try SecureLeg(ports: 25_600...25_699, theirs: key)
        var sender = try SRTPSender(key)
        let stranger = LoopbackSender(fromOtherHost: true)
        let first = (65_500..<65_530).map { RTPPacket.voice($0).octets.protected(by: &sender) }
        let later = (65_530..<65_560).map { RTPPacket.voice($0).octets.protected(by: &sender) }
        for packet in first + later { leg.peer.send(packet, to: leg.leg.port) }
        try await leg.handled(60)
        await leg.engine.service.change(leg.leg.id, to: leg.parameters)
        for packet in first { stranger.send(packet, to: leg.leg.port) }
        let report = try await leg.finish()
        #expect(report.statistics.packets == 60 && report.unauthenticated == 30)
    }

    @Test("A peer behind NAT whose counter begins anew and whose port changes at a re-INVITE is followed")
    func restartBehindNAT() async throws {
        let key = SDESKey.fresh()
        var leg = try SecureLeg(ports: 25_600...25_699, theirs: key)
        var sender = try SRTPSender(key)
        for index in 65_520..<65_560 {
            leg.peer.send(RTPPacket.voice(index).octets.protected(by: &sender), to: leg.leg.port)
        }
        try await leg.handled(40)
        // The description names an address that nothing comes from.
        leg.parameters.remote?.port &+= 7
        await leg.engine.service.change(leg.leg.id, to: leg.parameters)
        let elsewhere = LoopbackSender(fromOtherHost: true)
        var forger = try SRTPSender(.fresh())
        for index in 0..<20 {
            elsewhere.send(RTPPacket.voice(index).octets.protected(by: &forger), to: leg.leg.port)
        }
        var again = try SRTPSender(key)
        for index in 20_000..<20_020 {
            elsewhere.send(RTPPacket.voice(index, octet: 0x22).octets.protected(by: &again), to: leg.leg.port)
        }
        let report = try await leg.finish()
        #expect(report.statistics.packets >= 59 && report.unauthenticated == 20 && !report.isDeaf)
    }

    @Test("Reports of an encrypted leg are SRTCP under our key")
    func control() async throws {
        let (rtp, rtcp) = try #require(LoopbackSender.pair())
        let engine = try EngineHarness(ports: 25_600...25_699)
        defer { engine.service.stop() }
        let (theirs, ours) = (SDESKey.fresh(), SDESKey.fresh())
        var parameters = EngineHarness.parameters(rtp)
        parameters.receiving = theirs
        parameters.sending = ours
        let leg = try #require(try engine.service.reserve(1, isIPv6: false).first)
        engine.service.start(leg, parameters, epoch: MediaClock.arrival, tap: nil)
        var sender = try SRTPSender(theirs)
        rtp.send(RTPPacket.voice(1).octets.protected(by: &sender), to: leg.port)
        let reports = await engine.finish([leg])
        #expect(reports.first?.statistics.packets == 1)
        // The end of the leg sends BYE at the latest.
        var bytes = try #require(rtcp.receive())
        var receiver = try SRTPReceiver(ours)
        let length = bytes.withUnsafeMutableBytes { try? receiver.unprotectControl($0) }
        #expect(length != nil && (200...203).contains(bytes[1]))
    }
}
