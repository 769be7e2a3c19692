import SecureMedia
import Testing

@Suite("Replays, roll-over counters and the end of a key")
struct ReplayTests {
    @Test("Each packet passes once, in any order within the window", arguments: CryptoSuite.allCases)
    func once(_ suite: CryptoSuite) throws {
        var sender = try SRTPSender(sdesKey(suite))
        var receiver = try SRTPReceiver(sdesKey(suite))
        let wires = (0..<400).map { sender.wire(rtpPacket(UInt16(truncatingIfNeeded: 65_400 + $0))) }
        let newest = receiver.receive(wires[399])
        #expect(newest.packet != nil)
        for number in (0..<400).reversed() {
            let outcome = receiver.receive(wires[number])
            switch number {
            case 399: #expect(outcome.error == .replayed)
            case 144..<399: #expect(outcome.packet != nil, "number \(number)")
            default: #expect(outcome.error == .tooOld, "number \(number)")
            }
        }
        for number in 144..<400 {
            let outcome = receiver.receive(wires[number])
            #expect(outcome.error == .replayed)
        }
    }

    @Test("SRTCP packets pass once, too", arguments: CryptoSuite.allCases)
    func controlOnce(_ suite: CryptoSuite) throws {
        var sender = try SRTPSender(sdesKey(suite))
        var receiver = try SRTPReceiver(sdesKey(suite))
        let wires = (0..<300).compactMap { _ in sender.sendControl(rtcpPacket()).packet }
        let last = receiver.receiveControl(wires[299])
        let early = receiver.receiveControl(wires[100])
        let again = receiver.receiveControl(wires[100])
        let old = receiver.receiveControl(wires[0])
        #expect(last.packet != nil)
        #expect(early.packet != nil)
        #expect(again.error == .replayed)
        #expect(old.error == .tooOld)
    }

    @Test("A sender never uses a number twice, not even for the same packet")
    func senderOnce() throws {
        var sender = try SRTPSender(sdesKey(.galois128))
        let first = sender.send(rtpPacket(10))
        let second = sender.send(rtpPacket(10))
        #expect(first.packet != nil)
        #expect(second.error == .replayed)
        #expect(second == .refused(.replayed, rtpPacket(10) + [UInt8](repeating: 0, count: 16)))
    }

    @Test("A sender that began just before the wrap is heard, though nothing before the wrap arrived")
    func lateStart() throws {
        var sender = try SRTPSender(sdesKey(.counter128Tag80))
        var receiver = try SRTPReceiver(sdesKey(.counter128Tag80))
        _ = sender.send(rtpPacket(65_535))
        for sequence in 0..<10 as Range<UInt16> {
            let outcome = receiver.receive(sender.wire(rtpPacket(sequence)))
            #expect(outcome == .passed(rtpPacket(sequence)))
        }
    }

    @Test("Each source has a roll-over counter of its own")
    func sources() throws {
        var sender = try SRTPSender(sdesKey(.counter128Tag80))
        var receiver = try SRTPReceiver(sdesKey(.counter128Tag80))
        for step in 0..<5 {
            for ssrc in 1...3 as ClosedRange<UInt32> {
                let packet = rtpPacket(UInt16(truncatingIfNeeded: step * 30_000 * Int(ssrc) / 3), ssrc: ssrc)
                let outcome = receiver.receive(sender.wire(packet))
                #expect(outcome == .passed(packet))
            }
        }
    }

    struct Guess: Sendable { let sequence: UInt16, highest: UInt64, index: UInt64 }

    @Test(
        "The index is the nearest that ends in the sequence number (RFC 3711 appendix A)",
        arguments: [
            Guess(sequence: 5, highest: 3, index: 5), Guess(sequence: 3, highest: 5, index: 3),
            Guess(sequence: 0, highest: 65_535, index: 65_536), Guess(sequence: 65_535, highest: 65_536, index: 65_535),
            Guess(sequence: 60_000, highest: 10, index: 60_000),
            Guess(sequence: 0x8000, highest: 0x1_0000, index: 0x1_8000),
            Guess(sequence: 0x8001, highest: 0x1_0000, index: 0x8001),
            Guess(sequence: 0x0000, highest: 0x1_8000, index: 0x1_0000),
            Guess(sequence: 0x0000, highest: 0x1_8001, index: 0x2_0000),
            Guess(sequence: 0, highest: PacketIndex.end - 1, index: PacketIndex.end),
        ])
    func guess(_ row: Guess) {
        #expect(PacketIndex.guess(row.sequence, near: row.highest) == row.index)
    }

    @Test("An SRTCP index of 2^31 is never used")
    func controlExhausted() throws {
        let suite = CryptoSuite.galois256
        let material = material(suite)
        var sender = try SRTPSender(
            suite, media: SessionKeys(.media, suite, masterKey: material.key, masterSalt: material.salt),
            control: SessionKeys(.control, suite, masterKey: material.key, masterSalt: material.salt),
            controlIndex: 0x7FFF_FFFF)
        let last = sender.sendControl(rtcpPacket())
        let beyond = sender.sendControl(rtcpPacket())
        #expect(last.packet != nil)
        #expect(beyond.error == .keyExhausted)
    }

    @Test("A sender stops at the lifetime its own line states, a receiver says so and goes on")
    func lifetime() throws {
        let line = "1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|4"
        var sender = try SRTPSender(SDESKey(parsing: line))
        var unlimited = try SRTPSender(SDESKey(parsing: String(line.dropLast(2))))
        var receiver = try SRTPReceiver(SDESKey(parsing: line))
        for sequence in 0..<5 as Range<UInt16> {
            let sent = sender.send(rtpPacket(sequence))
            #expect((sent.error == .keyExhausted) == (sequence == 4))
            let isPast = receiver.isPastLifetime
            #expect(!isPast)
            let outcome = receiver.receive(unlimited.wire(rtpPacket(sequence)))
            #expect(outcome.packet != nil)
        }
        let isPast = receiver.isPastLifetime
        #expect(isPast)
    }
}
