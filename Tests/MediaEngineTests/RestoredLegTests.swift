import MediaCore
import MediaEngine
import SecureMedia
import Testing

@Suite("An encrypted stream that ends and comes back under its key", .serialized)
struct RestoredLegTests {
    /// How a stream goes and comes back.
    enum Return: CaseIterable {
        /// Port 0, then other ports.
        case removed
        /// Plain RTP for a while, at the same ports.
        case plain
        /// Every stream of the call was removed, so that the new leg may have another worker.
        case otherWorker
        /// The new leg begins before the former has ended.
        case overlapping
    }

    private struct Call {
        let engine: EngineHarness
        let peer = LoopbackSender()
        let stranger = LoopbackSender(fromOtherHost: true)
        let memory = KeyMemory()
        let key = SDESKey.fresh()
        let ours = SDESKey.fresh()
        var leg: MediaService.ReservedLeg

        init() throws {
            engine = try EngineHarness(ports: 27_100...27_199, workers: 2)
            leg = try #require(try engine.service.reserve(1, isIPv6: false).first)
            engine.service.start(leg, parameters, epoch: MediaClock.arrival, tap: nil)
        }

        var parameters: LegParameters {
            var parameters = EngineHarness.parameters(peer)
            parameters.receiving = key
            parameters.sending = ours
            parameters.keyMemory = memory
            return parameters
        }

        func handled(_ packets: UInt64) async throws {
            _ = try await engine.service.report(leg) { $0.statistics.packets >= packets }
        }

        mutating func restore(_ way: Return) async throws {
            var former = leg
            switch way {
            case .plain:
                var plain = parameters
                (plain.receiving, plain.sending, plain.keyMemory) = (nil, nil, nil)
                await engine.service.change(leg.id, to: plain)
                return await engine.service.change(leg.id, to: parameters)
            case .removed, .otherWorker:
                _ = await engine.finish([leg])
                // The worker with the fewest legs takes the next.
                if way == .otherWorker { _ = try engine.service.reserve(1, isIPv6: false) }
                leg = try #require(try engine.service.reserve(1, isIPv6: false).first)
            case .overlapping:
                leg = try #require(try engine.service.reserve(1, isIPv6: false, besides: leg.id).first)
            }
            engine.service.start(leg, parameters, epoch: MediaClock.arrival, tap: nil)
            if way == .overlapping {
                swap(&former, &leg)
                _ = await engine.finish([leg])
                leg = former
            }
        }
    }

    @Test("What was recorded of it is refused, and its counter goes on", arguments: Return.allCases, [0, 1, 3])
    func restored(_ way: Return, wraps: Int) async throws {
        var call = try Call()
        defer { call.engine.service.stop() }
        var sender = try SRTPSender(call.key)
        var recorded: [[UInt8]] = []
        for index in stride(from: 100, through: wraps * 65_536 + 200, by: wraps > 0 ? 16_384 : 5) {
            recorded.append(RTPPacket.voice(index).octets.protected(by: &sender))
        }
        for packet in recorded { call.peer.send(packet, to: call.leg.port) }
        try await call.handled(UInt64(recorded.count))
        try await call.restore(way)
        let before = way == .plain ? UInt64(recorded.count) : 0
        for packet in recorded { call.stranger.send(packet, to: call.leg.port) }
        _ = try await call.engine.service.report(call.leg) { $0.unauthenticated >= UInt64(recorded.count) }
        for index in 0..<20 {
            let packet = RTPPacket.voice(wraps * 65_536 + 201 + index).octets.protected(by: &sender)
            call.peer.send(packet, to: call.leg.port)
        }
        let report = try await call.engine.service.report(call.leg) { $0.statistics.packets >= before + 20 }
        #expect(report.statistics.packets == before + 20)
        #expect(report.unauthenticated == UInt64(recorded.count))
        _ = await call.engine.finish([call.leg])
    }

    @Test("Without a memory of the call the same packets are taken again: what the other tests would find")
    func forgotten() async throws {
        let call = try Call()
        defer { call.engine.service.stop() }
        var sender = try SRTPSender(call.key)
        let recorded = (0..<20).map { RTPPacket.voice($0).octets.protected(by: &sender) }
        for packet in recorded { call.peer.send(packet, to: call.leg.port) }
        try await call.handled(20)
        let leg = try #require(try call.engine.service.reserve(1, isIPv6: false).first)
        var parameters = call.parameters
        parameters.keyMemory = nil
        call.engine.service.start(leg, parameters, epoch: MediaClock.arrival, tap: nil)
        for packet in recorded { call.stranger.send(packet, to: leg.port) }
        let report = try await call.engine.service.report(leg) { $0.statistics.packets >= 20 }
        #expect(report.statistics.packets == 20)
    }
}
