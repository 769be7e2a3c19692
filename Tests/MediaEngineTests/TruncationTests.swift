import MediaCore
import MediaEngine
import Testing

@Suite("Datagrams that are too long", .serialized)
struct TruncationTests {
    @Test(
        "They are counted on the leg they were sent to, and the leg goes on",
        arguments: [MediaBackEndChoice.ioUring, .epoll])
    func counted(backEnd: MediaBackEndChoice) async throws {
        let engine = try EngineHarness(backEnd, ports: 26_700...26_799)
        defer { engine.service.stop() }
        let peer = LoopbackSender()
        let legs = try engine.service.reserve(2, isIPv6: false)
        for leg in legs {
            engine.service.start(leg, EngineHarness.parameters(peer), epoch: MediaClock.arrival, tap: nil)
        }
        for index in 0..<4 {
            peer.send(RTPPacket.voice(index).octets, to: legs[0].port)
            var long = RTPPacket.voice(index)
            long.payload = [UInt8](repeating: 1, count: 2_037 + 1_000 * index)
            peer.send(long.octets, to: legs[0].port)
        }
        // RTCP has the same limit; 2,048 octets is not too long.
        peer.send([UInt8](repeating: 0x81, count: 3_000), to: legs[0].port + 1)
        peer.send([0x80, 0] + [UInt8](repeating: 0, count: 2_046), to: legs[1].port)
        let running = try await engine.service.report(legs[0]) { $0.truncated == 5 && $0.statistics.packets == 4 }
        #expect(running.statistics.malformed == 0 && running.statistics.lost == 0)
        peer.send([UInt8](repeating: 2, count: 4_000), to: legs[0].port)
        let reports = await engine.finish(legs)
        #expect(reports.map(\.truncated) == [6, 0] && reports[0].statistics.packets == 4)
        #expect(await engine.service.workerReports().map(\.truncated) == [6])
    }
}
