import MediaCore
import MediaEngine
import SecureMedia
import Testing

@Suite("An encrypted leg that follows another after a change of codec", .serialized)
struct FollowingLegTests {
    /// Two legs of one call with the same keys; the second follows the first. The peer's counter has come round twice.
    private struct Succession {
        let engine: EngineHarness
        let peer = LoopbackSender()
        let taps = [CollectingTap(), CollectingTap()]
        let key = SDESKey.fresh()
        let ours = SDESKey.fresh()
        let legs: [MediaService.ReservedLeg]

        init(followed: SDESKey? = nil, isFollowing: Bool = true) async throws {
            engine = try EngineHarness(ports: 25_700...25_799)
            legs = try engine.service.reserve(2, isIPv6: false)
            self.followed = followed
            self.isFollowing = isFollowing
        }
        private let followed: SDESKey?
        private let isFollowing: Bool

        func start(_ index: Int) {
            var parameters = EngineHarness.parameters(peer)
            parameters.receiving = index == 1 ? followed ?? key : key
            parameters.sending = ours
            if index == 1, isFollowing { parameters.follows = legs[0].id }
            engine.service.start(legs[index], parameters, epoch: MediaClock.arrival, tap: taps[index])
        }

        /// Packets whose numbers have come round twice, all under `sender`.
        func speak(_ sender: inout SRTPSender, to leg: Int) async throws -> [[UInt8]] {
            var sent: [[UInt8]] = []
            for index in stride(from: 0, to: 2 * 65_536 + 100, by: 16_384) {
                sent.append(RTPPacket.voice(index).octets.protected(by: &sender))
            }
            for packet in sent { peer.send(packet, to: legs[leg].port) }
            try await Task.sleep(for: .milliseconds(40))
            return sent
        }

        func finish() async throws -> [LegReport] {
            try await Task.sleep(for: .milliseconds(40))
            let reports = await engine.finish(legs)
            engine.service.stop()
            return reports
        }
    }

    @Test("The roll-over counter goes on, under the same key and under the next one", arguments: [false, true])
    func rollOver(isRekeyed: Bool) async throws {
        let next = SDESKey.fresh(.galois256)
        let call = try await Succession(followed: isRekeyed ? next : nil)
        var sender = try SRTPSender(call.key)
        call.start(0)
        _ = try await call.speak(&sender, to: 0)
        call.start(1)
        let underWay = RTPPacket.voice(2 * 65_536 + 1).octets.protected(by: &sender)
        if isRekeyed { try sender.rekey(next) }
        for index in 2..<22 {
            call.peer.send(RTPPacket.voice(2 * 65_536 + index).octets.protected(by: &sender), to: call.legs[1].port)
        }
        call.peer.send(underWay, to: call.legs[0].port)
        let reports = try await call.finish()
        #expect(reports.map(\.unauthenticated) == [0, 0])
        #expect(reports.map(\.statistics.packets) == [10, 20])
    }

    @Test("What the former leg received is refused on the new one, and the other way round")
    func replay() async throws {
        let call = try await Succession()
        var sender = try SRTPSender(call.key)
        call.start(0)
        let former = try await call.speak(&sender, to: 0)
        call.start(1)
        let stranger = LoopbackSender(fromOtherHost: true)
        for packet in former { stranger.send(packet, to: call.legs[1].port) }
        let new = (1..<21).map { RTPPacket.voice(2 * 65_536 + $0).octets.protected(by: &sender) }
        for packet in new { call.peer.send(packet, to: call.legs[1].port) }
        try await Task.sleep(for: .milliseconds(40))
        for packet in new { call.peer.send(packet, to: call.legs[0].port) }
        let reports = try await call.finish()
        #expect(reports.map(\.statistics.packets) == [UInt64(former.count), 20])
        #expect(reports.map(\.unauthenticated) == [20, UInt64(former.count)])
    }

    @Test("It lives on when the former leg has ended")
    func outlives() async throws {
        let call = try await Succession()
        var sender = try SRTPSender(call.key)
        call.start(0)
        _ = try await call.speak(&sender, to: 0)
        call.start(1)
        try await Task.sleep(for: .milliseconds(20))
        _ = await call.engine.finish([call.legs[0]])
        for index in 1..<21 {
            call.peer.send(RTPPacket.voice(2 * 65_536 + index).octets.protected(by: &sender), to: call.legs[1].port)
        }
        try await Task.sleep(for: .milliseconds(40))
        let report = try #require(await call.engine.finish([call.legs[1]]).first)
        call.engine.service.stop()
        #expect(report.statistics.packets == 20 && report.unauthenticated == 0)
    }

    @Test("More sources than a leg follows at a time are heard and counted")
    func evictions() async throws {
        let call = try await Succession(isFollowing: false)
        var sender = try SRTPSender(call.key, maximumSources: 1_000)
        call.start(0)
        for ssrc in 1...100 as ClosedRange<UInt32> {
            call.peer.send(RTPPacket.voice(5, ssrc: ssrc).octets.protected(by: &sender), to: call.legs[0].port)
        }
        try await Task.sleep(for: .milliseconds(60))
        let report = try #require(await call.engine.finish([call.legs[0]]).first)
        call.engine.service.stop()
        #expect(report.unauthenticated == 0 && report.evictedSources == 36)
    }
}
