import MediaCore
import MediaEngine
import SecureMedia
import Testing

@Suite("Taps and forks", .serialized)
struct TapTests {
    @Test("A listener that comes late hears from then on, and nothing after it went")
    func comingAndGoing() async throws {
        let engine = try EngineHarness(ports: 25_700...25_799)
        defer { engine.service.stop() }
        let peer = LoopbackSender()
        let recorder = CollectingTap()
        let leg = try #require(try engine.service.reserve(1, isIPv6: false).first)
        engine.service.start(leg, EngineHarness.parameters(peer), epoch: MediaClock.arrival, tap: recorder)
        func talk(_ octet: UInt8, _ numbers: Range<Int>) async throws {
            for index in numbers {
                peer.send(RTPPacket.voice(index, octet: octet).octets, to: leg.port)
                try await Task.sleep(for: .milliseconds(20))
            }
        }
        try await talk(0x11, 0..<10)
        let listener = AudioQueue(capacity: 16_000)
        let id = try #require(await engine.service.attach(listener, to: leg.id))
        try await talk(0x22, 10..<20)
        let gone = try #require(await engine.service.detach(id))
        #expect(gone.dropped == 0)
        try await talk(0x33, 20..<30)
        let reports = await engine.finish([leg])
        let heard = listener.read(atMost: .max)
        #expect(heard.count { $0 == G711.expandMuLaw(0x22) } >= 9 * 160)
        #expect(!heard.contains(G711.expandMuLaw(0x33)))
        for octet in [0x11, 0x22, 0x33] as [UInt8] {
            #expect(recorder.samples.count { $0 == G711.expandMuLaw(octet) } == 1_600)
        }
        #expect(reports[0].taps.contains { $0.id == id && $0.dropped == 0 })
        #expect(await engine.service.detach(id) == nil)
    }

    @Test("A live listener has a sample within 60 ms of its packet")
    func liveLatency() async throws {
        let engine = try EngineHarness(ports: 25_700...25_799)
        defer { engine.service.stop() }
        let peer = LoopbackSender()
        let leg = try #require(try engine.service.reserve(1, isIPv6: false).first)
        engine.service.start(leg, EngineHarness.parameters(peer), epoch: MediaClock.arrival, tap: nil)
        let listener = AudioQueue(capacity: 80_000)
        _ = await engine.service.attach(listener, to: leg.id)
        for index in 0..<20 {
            peer.send(RTPPacket.voice(index, octet: 0x44).octets, to: leg.port)
            try await Task.sleep(for: .milliseconds(20))
        }
        _ = listener.read(atMost: .max)
        var waits: [Int64] = []
        for index in 20..<40 {
            peer.send(RTPPacket.voice(index, octet: UInt8(index)).octets, to: leg.port)
            let sent = MediaClock.arrival
            while !listener.read(atMost: .max).contains(G711.expandMuLaw(UInt8(index))) {
                guard MediaClock.arrival - sent < 1_000_000_000 else { break }
                try await Task.sleep(for: .milliseconds(1))
            }
            waits.append(MediaClock.arrival - sent)
        }
        #expect(waits.sorted()[waits.count / 2] < 60_000_000)
        _ = await engine.finish([leg])
    }

    @Test("A fork sends every packet as it came, decrypted, and protected with a key of its own where it has one")
    func forks() async throws {
        let engine = try EngineHarness(ports: 25_700...25_799)
        defer { engine.service.stop() }
        let peer = LoopbackSender()
        let recorders = [LoopbackSender(), LoopbackSender()]
        let (theirs, forked) = (SDESKey.fresh(), SDESKey.fresh(.galois128))
        var parameters = EngineHarness.parameters(peer)
        parameters.receiving = theirs
        let leg = try #require(try engine.service.reserve(1, isIPv6: false).first)
        engine.service.start(leg, parameters, epoch: MediaClock.arrival, tap: nil)
        let plain = try #require(try await engine.service.fork(leg.id, to: recorders[0].address, isIPv6: false))
        _ = try await engine.service.fork(leg.id, to: recorders[1].address, isIPv6: false, protectedBy: forked)
        // Nobody listens there: the copies are refused by the far end and the leg goes on.
        let nowhere = MediaAddress(ipv4: 0x7F00_0001, port: 9)
        _ = try await engine.service.fork(leg.id, to: nowhere, isIPv6: false)
        var sender = try SRTPSender(theirs)
        var receiver = try SRTPReceiver(forked)
        for index in 0..<10 {
            let packet = RTPPacket.voice(index).octets
            peer.send(packet.protected(by: &sender), to: leg.port)
            #expect(recorders[0].receive() == packet)
            #expect(recorders[1].receive()?.unprotected(by: &receiver) == packet)
        }
        #expect(await engine.service.detach(plain)?.sent == 10)
        let reports = await engine.finish([leg])
        #expect(reports[0].taps.count == 3 && reports[0].taps.map(\.sent).reduce(0, +) >= 20)
    }

    @Test("A queue hands out what was put in, in order, and counts what had no room")
    func queue() {
        let queue = AudioQueue(capacity: 10)
        queue.append([1, 2, 3, 4, 5, 6].span)
        #expect(queue.read(atMost: 4) == [1, 2, 3, 4])
        queue.append([7, 8, 9, 10, 11, 12, 13, 14, 15].span)
        #expect(queue.count == 10 && queue.dropped == 1)
        #expect(queue.read(atMost: .max) == [5, 6, 7, 8, 9, 10, 11, 12, 13, 14])
        #expect(queue.read(atMost: 1).isEmpty)
    }
}
