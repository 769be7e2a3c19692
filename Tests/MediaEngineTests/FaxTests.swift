import MediaCore
import MediaEngine
import SecureMedia
import Testing

@Suite("Fax over loopback", .serialized)
struct FaxTests {
    /// UDPTL with one primary packet and redundancy of none (T.38 §9.1).
    private func udptl(_ sequence: UInt16, _ primary: [UInt8], redundancy: [[UInt8]] = []) -> [UInt8] {
        var octets = [UInt8(sequence >> 8), UInt8(sequence & 255), UInt8(primary.count)] + primary
        octets += [0, UInt8(redundancy.count)]
        for older in redundancy { octets += [UInt8(older.count)] + older }
        return octets
    }

    @Test("After a re-INVITE to T.38 datagrams pass untouched, and what is no UDPTL teaches and passes nothing")
    func switchover() async throws {
        let engine = try EngineHarness(ports: 25_500...25_599)
        defer { engine.service.stop() }
        let peers = [LoopbackSender(), LoopbackSender()]
        let stranger = LoopbackSender(fromOtherHost: true)
        let parameters = peers.map { EngineHarness.parameters($0) }
        let legs = try await engine.bridgedPair(parameters[0], parameters[1])
        peers[0].send(RTPPacket.voice(0).octets, to: legs[0].port)
        #expect(peers[1].receive() != nil)
        for (leg, old) in zip(legs, parameters) {
            var fax = old
            fax.transport = .udptl(maximumDatagram: 200)
            // Keys of the audio do not make fax authentic: a stranger must not become the peer by them.
            fax.receiving = .fresh()
            await engine.service.change(leg.id, to: fax)
        }
        let first = udptl(0, [6, 1])
        let second = udptl(1, [0x80, 2, 3], redundancy: [[6, 1]])
        for datagram in [first, second] {
            stranger.send(datagram, to: legs[0].port)
            peers[0].send(datagram, to: legs[0].port)
            #expect(peers[1].receive() == datagram)
        }
        // Larger than the receiver takes, and not UDPTL at all.
        peers[0].send(
            udptl(2, [UInt8](repeating: 1, count: 100), redundancy: [[UInt8](repeating: 2, count: 100)]),
            to: legs[0].port)
        peers[0].send([1, 2], to: legs[0].port)
        peers[1].send(first, to: legs[1].port)
        #expect(peers[0].receive() == first)
        let reports = await engine.finish(legs)
        #expect(reports[0].relayed == 3 && reports[1].relayed == 1)
        #expect(reports[0].relayRefused == 1)
        #expect(reports[0].statistics.foreign == 2 && reports[0].statistics.malformed == 1)
        let fax = try #require(reports[0].fax)
        #expect(fax.packets == 2 && fax.oversized == 1 && fax.malformed == 1 && fax.lost == 0)
        #expect(fax.octets == UInt64(first.count + second.count) && fax.redundancyPackets == 2)
        #expect(reports[1].fax?.packets == 1)
    }

    /// What a gateway with large redundancy sends.
    private func udptl(_ sequence: UInt16, octets: Int) -> [UInt8] {
        let fields = octets - 8
        let head = [UInt8(sequence >> 8), UInt8(sequence & 255), 1, 6, 0, 1]
        return head + [0x80 | UInt8(fields >> 8), UInt8(fields & 255)] + [UInt8](repeating: 3, count: fields)
    }

    /// A limit of the far gateway, what passes under it, and what does not.
    static let boundaries: [(limit: Int?, passes: [Int], refused: [Int])] = [
        (nil, [300, 1_472], [1_473, 2_048]), (400, [400], [401, 2_048]), (1_800, [1_472, 1_800], [1_801]),
        (60_000, [2_048], []),
    ]

    @Test(
        "The far gateway's T38FaxMaxDatagram is honoured to the octet, and whatever is larger is counted on the leg",
        arguments: [MediaBackEndChoice.ioUring, .epoll], boundaries.indices)
    func limits(backEnd: MediaBackEndChoice, row: Int) async throws {
        let (limit, passes, refused) = Self.boundaries[row]
        let engine = try EngineHarness(backEnd, ports: 25_500...25_599)
        defer { engine.service.stop() }
        let peers = [LoopbackSender(), LoopbackSender()]
        var parameters = peers.map { EngineHarness.parameters($0) }
        parameters[0].transport = .udptl(maximumDatagram: 300)
        parameters[1].transport = .udptl(maximumDatagram: limit)
        let legs = try await engine.bridgedPair(parameters[0], parameters[1])
        // Both sides have been heard from.
        let hello = udptl(9_000, [6, 1])
        for side in [0, 1, 0] { peers[side].send(hello, to: legs[side].port) }
        #expect(peers[0].receive() == hello && peers[1].receive() == hello)
        var number: UInt16 = 9_001
        for octets in refused + [2_049, 9_000] + passes {
            peers[0].send(udptl(number, octets: octets), to: legs[0].port)
            number += 1
        }
        var received: [Int] = []
        while received.count < passes.count, let datagram = peers[1].receive() {
            if datagram != hello { received.append(datagram.count) }
        }
        #expect(received == passes)
        let reports = await engine.finish(legs)
        #expect(reports[0].truncated == 2 && reports[1].truncated == 0)
        #expect(reports[0].fax?.oversized == UInt64(refused.count))
    }

    @Test("A session that is refreshed, and one that goes back to audio, keep their fax figures")
    func figuresStay() async throws {
        let engine = try EngineHarness(ports: 25_500...25_599)
        defer { engine.service.stop() }
        let peers = [LoopbackSender(), LoopbackSender()]
        var parameters = peers.map { EngineHarness.parameters($0) }
        for side in 0..<2 { parameters[side].transport = .udptl(maximumDatagram: 400) }
        let legs = try await engine.bridgedPair(parameters[0], parameters[1])
        for number in 0..<6 as Range<UInt16> {
            // The third refresh is one to audio, and the fourth one back.
            parameters[0].transport = number == 3 ? .rtp : .udptl(maximumDatagram: 400)
            await engine.service.change(legs[0].id, to: parameters[0])
            if number == 3 { continue }
            peers[0].send(udptl(number, [6, 1]), to: legs[0].port)
            // The far end is told on which port to be heard by what it hears.
            #expect(peers[1].receive() == udptl(number, [6, 1]))
        }
        let reports = await engine.finish(legs)
        #expect(reports[0].fax?.packets == 5 && reports[0].fax?.lost == 1 && reports[0].fax?.restarts == 0)
    }
}
