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
        try await Task.sleep(for: .milliseconds(20))
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
        try await Task.sleep(for: .milliseconds(20))
        let reports = await engine.finish(legs)
        #expect(reports[0].relayed == 3 && reports[1].relayed == 1)
        #expect(reports[0].relayRefused == 1)
        #expect(reports[0].statistics.foreign == 2 && reports[0].statistics.malformed == 1)
    }
}
