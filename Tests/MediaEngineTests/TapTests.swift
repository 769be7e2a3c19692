import CMediaSockets
import Glibc
import MediaCore
import SecureMedia
import Testing

@testable import MediaEngine

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
        let listener = AudioQueue(capacity: 160_000)
        let id = try #require(await engine.service.attach(listener, to: leg.id))
        try await talk(0x22, 10..<20)
        _ = try await engine.service.report(leg) { $0.statistics.packets == 20 }
        let gone = try #require(await engine.service.detach(id))
        #expect(gone.dropped == 0)
        try await talk(0x33, 20..<30)
        let reports = await engine.finish([leg])
        let heard = listener.read(atMost: .max)
        #expect(heard.count { $0 == G711.expandMuLaw(0x22) } == 1_600)
        #expect(!heard.contains(G711.expandMuLaw(0x33)))
        for octet in [0x11, 0x22, 0x33] as [UInt8] {
            #expect(recorder.samples.count { $0 == G711.expandMuLaw(octet) } == 1_600)
        }
        #expect(reports[0].taps.contains { $0.id == id && $0.dropped == 0 })
        #expect(await engine.service.detach(id) == nil)
    }

    @Test("A live listener has a sample within 60 ms of its packet", arguments: 0..<8)
    func liveLatency(phase: Int) throws {
        // The worker's own clock, so that it does not matter how busy this machine is.
        let peer = MediaAddress(ipv4: 0x7F00_0001, port: 4_000)
        let mailbox = WorkerMailbox()
        defer { close(mailbox.wake) }
        var worker = MediaWorker(
            mailbox: mailbox, ports: PortPool(range: 25_950...25_989, receiveBuffer: 0),
            policy: TimelinePolicy(), notice: { _ in }, backEnd: ScriptedBackEnd(BackEndConfiguration()))
        let sockets = LegSockets(rtp: media_wake_open(), rtcp: media_wake_open(), port: 25_950, isIPv6: false)
        let parameters = LegParameters(payloads: PayloadMap(), remote: peer, signalling: nil)
        worker.carryOut(
            .add(LegSetup(id: 1, group: 1, sockets: sockets, parameters: parameters, epoch: 0, tap: nil, ssrc: 1)),
            now: 0)
        let listener = AudioQueue(capacity: 80_000)
        worker.carryOut(.attach(TapID(leg: 1, number: 1), listener) {}, now: 0)
        for tick in 0..<phase { worker.visit(now: Int64(tick)) }
        var now: Int64 = 0
        var longest: Int64 = 0
        for index in 0..<60 {
            let octet = UInt8(0x20 + index % 40)
            worker.deliver(
                worker.backEnd.datagram(RTPPacket.voice(index, octet: octet).octets, token: 0, from: peer), now: now)
            let sent = now
            // The worker visits every 10 ms; a packet comes every 20.
            var heard = false
            while !heard, now < sent + 1_000_000_000 {
                now += 10_000_000
                worker.visit(now: now)
                heard = listener.read(atMost: .max).contains(G711.expandMuLaw(octet))
            }
            longest = max(longest, now - sent)
            now = max(now, sent + 20_000_000)
        }
        #expect(longest <= 60_000_000)
    }

    @Test("A live listener has what was sent while the call goes on")
    func live() async throws {
        let engine = try EngineHarness(ports: 25_700...25_799)
        defer { engine.service.stop() }
        let peer = LoopbackSender()
        let leg = try #require(try engine.service.reserve(1, isIPv6: false).first)
        engine.service.start(leg, EngineHarness.parameters(peer), epoch: MediaClock.arrival, tap: nil)
        let listener = AudioQueue(capacity: 800_000)
        _ = await engine.service.attach(listener, to: leg.id)
        for index in 0..<10 {
            let octet = UInt8(0x20 + index)
            peer.send(RTPPacket.voice(index, octet: octet).octets, to: leg.port)
            try await eventually { listener.read(atMost: .max).contains(G711.expandMuLaw(octet)) }
        }
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
