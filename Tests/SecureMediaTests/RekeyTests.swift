import SecureMedia
import Testing

@Suite("Re-INVITEs: new keys, and counters that begin anew")
struct RekeyTests {
    /// A sender whose counters have gone through some wraps, and a receiver that followed; the next number is 0.
    private struct Pair: ~Copyable {
        var sender: SRTPSender
        var receiver: SRTPReceiver

        init(_ suite: CryptoSuite, wraps: Int) throws {
            var sender = try SRTPSender(sdesKey(suite))
            var receiver = try SRTPReceiver(sdesKey(suite))
            for number in stride(from: 0, to: wraps * 65_536, by: 16_384) {
                let outcome = receiver.receive(sender.wire(rtpPacket(UInt16(truncatingIfNeeded: number))))
                #expect(outcome.packet != nil)
            }
            self.sender = sender
            self.receiver = receiver
        }
    }

    @Test(
        "A peer that begins again with counter 0 under the same key is followed",
        arguments: CryptoSuite.allCases, [20_000, 60_000] as [UInt16])
    func restart(_ suite: CryptoSuite, first: UInt16) throws {
        var pair = try Pair(suite, wraps: 3)
        try pair.receiver.rekey(sdesKey(suite))
        var restarted = try SRTPSender(sdesKey(suite))
        for sequence in first..<first + 400 {
            let outcome = pair.receiver.receive(restarted.wire(rtpPacket(sequence)))
            #expect(outcome == .passed(rtpPacket(sequence)))
        }
    }

    @Test("Without a re-INVITE a counter that begins again is not followed", arguments: CryptoSuite.allCases)
    func noRestart(_ suite: CryptoSuite) throws {
        var pair = try Pair(suite, wraps: 3)
        var restarted = try SRTPSender(sdesKey(suite))
        let newer = pair.receiver.receive(restarted.wire(rtpPacket(60_000)))
        #expect(newer.error == .authenticationFailed)
        restarted = try SRTPSender(sdesKey(suite))
        let older = pair.receiver.receive(restarted.wire(rtpPacket(20_000)))
        #expect(older.error == .tooOld)
    }

    @Test("Packets of the old count that are under way do not end the wait for a restart")
    func underWay() throws {
        var pair = try Pair(.counter128Tag80, wraps: 2)
        try pair.receiver.rekey(sdesKey(.counter128Tag80))
        for sequence in 0..<20 as Range<UInt16> {
            let outcome = pair.receiver.receive(pair.sender.wire(rtpPacket(sequence)))
            #expect(outcome.packet != nil)
        }
        var restarted = try SRTPSender(sdesKey(.counter128Tag80))
        let outcome = pair.receiver.receive(restarted.wire(rtpPacket(300)))
        #expect(outcome == .passed(rtpPacket(300)))
    }

    @Test("A recorded packet replayed after a re-INVITE cannot take the call away from its peer")
    func replayedStart() throws {
        let suite = CryptoSuite.galois128
        var recorded = try SRTPSender(sdesKey(suite))
        let old = [recorded.wire(rtpPacket(5000)), recorded.wire(rtpPacket(5001)), recorded.wire(rtpPacket(5002))]
        var pair = try Pair(suite, wraps: 2)
        try pair.receiver.rekey(sdesKey(suite))
        let replayed = pair.receiver.receive(old[0])
        #expect(replayed.packet != nil, "what the rule costs: until the peer's next packet")
        for sequence in 0..<500 as Range<UInt16> {
            let outcome = pair.receiver.receive(pair.sender.wire(rtpPacket(sequence)))
            #expect(outcome == .passed(rtpPacket(sequence)))
            let again = pair.receiver.receive(old[1 + Int(sequence) % 2])
            #expect(again.error != nil)
        }
    }

    @Test("A whole call replayed after a re-INVITE does not let a packet of the peer pass twice")
    func replayedCall() throws {
        let suite = CryptoSuite.counter128Tag80
        var sender = try SRTPSender(sdesKey(suite))
        var receiver = try SRTPReceiver(sdesKey(suite))
        let call = stride(from: 0, through: 2 * 65_536, by: 16_384).map {
            sender.wire(rtpPacket(UInt16(truncatingIfNeeded: $0)))
        }
        for wire in call { _ = receiver.receive(wire) }
        try receiver.rekey(sdesKey(suite))
        for wire in call { _ = receiver.receive(wire) }
        for sequence in 1..<20 as Range<UInt16> {
            let wire = sender.wire(rtpPacket(sequence))
            let once = receiver.receive(wire)
            let twice = receiver.receive(wire)
            #expect(once == .passed(rtpPacket(sequence)))
            #expect(twice.error == .replayed)
        }
    }

    @Test("Many packets after a re-INVITE the restart is not believed any more")
    func allowanceEnds() throws {
        var pair = try Pair(.counter128Tag80, wraps: 2)
        try pair.receiver.rekey(sdesKey(.counter128Tag80))
        for sequence in 0..<250 as Range<UInt16> { _ = pair.receiver.receive(pair.sender.wire(rtpPacket(sequence))) }
        var restarted = try SRTPSender(sdesKey(.counter128Tag80))
        let outcome = pair.receiver.receive(restarted.wire(rtpPacket(20_000)))
        #expect(outcome.error == .authenticationFailed)
    }

    @Test("With a new key the counter may go on or begin with 0", arguments: CryptoSuite.allCases, [true, false])
    func newKey(_ suite: CryptoSuite, goesOn: Bool) throws {
        var pair = try Pair(suite, wraps: 2)
        try pair.receiver.rekey(sdesKey(suite, 1))
        if goesOn {
            try pair.sender.rekey(sdesKey(suite, 1))
        } else {
            pair.sender = try SRTPSender(sdesKey(suite, 1))
        }
        for sequence in 0..<300 as Range<UInt16> {
            let outcome = pair.receiver.receive(pair.sender.wire(rtpPacket(sequence)))
            #expect(outcome == .passed(rtpPacket(sequence)))
        }
    }

    @Test(
        "Packets of the old key that are under way pass, until the new key has settled", arguments: CryptoSuite.allCases
    )
    func grace(_ suite: CryptoSuite) throws {
        var pair = try Pair(suite, wraps: 1)
        let next = CryptoSuite.allCases.first { $0 != suite } ?? suite
        let underWay = (0..<4).map { pair.sender.wire(rtpPacket(UInt16($0))) }
        let control = try #require(pair.sender.sendControl(rtcpPacket()).packet)
        try pair.receiver.rekey(sdesKey(next, 1))
        var new = try SRTPSender(sdesKey(next, 1))
        let before = pair.receiver.receive(underWay[0])
        #expect(before.packet != nil)
        let first = pair.receiver.receive(new.wire(rtpPacket(4)))
        #expect(first.packet != nil)
        let between = pair.receiver.receive(underWay[1])
        let replayed = pair.receiver.receive(underWay[1])
        #expect(between == .passed(rtpPacket(1)))
        #expect(replayed.error != nil)
        let report = pair.receiver.receiveControl(control)
        #expect(report == .passed(rtcpPacket()))
        for sequence in 5..<140 as Range<UInt16> {
            let outcome = pair.receiver.receive(new.wire(rtpPacket(sequence)))
            #expect(outcome.packet != nil)
        }
        let late = pair.receiver.receive(underWay[2])
        #expect(late.error != nil)
    }

    @Test("A peer that goes back to the key before does not open the way for what it sent with it")
    func backAgain() throws {
        let suite = CryptoSuite.counter128Tag32
        var pair = try Pair(suite, wraps: 0)
        let wires = (0..<100).map { pair.sender.wire(rtpPacket(UInt16($0))) }
        for wire in wires {
            let outcome = pair.receiver.receive(wire)
            #expect(outcome.packet != nil)
        }
        try pair.receiver.rekey(sdesKey(suite, 1))
        var between = try SRTPSender(sdesKey(suite, 1))
        let other = pair.receiver.receive(between.wire(rtpPacket(100)))
        #expect(other.packet != nil)
        try pair.receiver.rekey(sdesKey(suite))
        let next = pair.receiver.receive(pair.sender.wire(rtpPacket(101)))
        #expect(next.packet != nil)
        let replayed = pair.receiver.receive(wires[99])
        #expect(replayed.error == .replayed)
        let underWay = pair.receiver.receive(between.wire(rtpPacket(102)))
        #expect(underWay.packet != nil)
    }

    @Test("SRTCP that begins again with index 0 under the same key is followed after a re-INVITE")
    func controlRestart() throws {
        var sender = try SRTPSender(sdesKey(.counter256Tag32))
        var receiver = try SRTPReceiver(sdesKey(.counter256Tag32))
        for _ in 0..<400 { _ = try receiver.receiveControl(#require(sender.sendControl(rtcpPacket()).packet)) }
        var restarted = try SRTPSender(sdesKey(.counter256Tag32))
        let first = try #require(restarted.sendControl(rtcpPacket(words: 9)).packet)
        let refused = receiver.receiveControl(first)
        #expect(refused.error == .tooOld)
        try receiver.rekey(sdesKey(.counter256Tag32))
        let followed = receiver.receiveControl(first)
        #expect(followed.packet != nil)
    }

    @Test(
        "Recorded SRTCP sent again after a re-INVITE is refused, also after the peer itself has begun anew",
        arguments: CryptoSuite.allCases)
    func replayedControl(_ suite: CryptoSuite) throws {
        var sender = try SRTPSender(sdesKey(suite))
        var receiver = try SRTPReceiver(sdesKey(suite))
        let recorded = try (7..<27).map { try #require(sender.sendControl(rtcpPacket(words: $0)).packet) }
        for report in recorded {
            let outcome = receiver.receiveControl(report)
            #expect(outcome.packet != nil)
        }
        try receiver.rekey(sdesKey(suite))
        for report in recorded {
            let outcome = receiver.receiveControl(report)
            #expect(outcome.packet == nil)
        }
        var restarted = try SRTPSender(sdesKey(suite))
        for words in 40..<43 {
            let report = try #require(restarted.sendControl(rtcpPacket(words: words)).packet)
            let outcome3 = receiver.receiveControl(report)
            #expect(outcome3.packet != nil)
            let outcome4 = receiver.receiveControl(report)
            #expect(outcome4.packet == nil)
        }
        for report in recorded {
            let outcome = receiver.receiveControl(report)
            #expect(outcome.packet == nil)
        }
    }

    @Test("A counter that begins anew below all that was received is followed from any address, and nothing else is")
    func restartElsewhere() throws {
        let suite = CryptoSuite.counter128Tag80
        var sender = try SRTPSender(sdesKey(suite))
        var receiver = try SRTPReceiver(sdesKey(suite))
        // The second comes late, and is the lowest.
        let numbers = [65_500, 65_499] + Array(65_501..<65_600)
        let recorded = numbers.map { sender.wire(rtpPacket(UInt16(truncatingIfNeeded: $0))) }
        for packet in recorded {
            let outcome = receiver.receive(packet)
            #expect(outcome.packet != nil)
        }
        func elsewhere(_ packet: [UInt8], _ receiver: inout SRTPReceiver, isTried: Bool = true) -> Outcome {
            receiver.receive(packet, mayRestart: false, mayBeginElsewhere: isTried)
        }
        var restarted = try SRTPSender(sdesKey(suite))
        let first = restarted.wire(rtpPacket(20_000))
        let outcome7 = elsewhere(first, &receiver)
        #expect(outcome7.error != nil, "no re-INVITE")
        try receiver.rekey(sdesKey(suite))
        for packet in recorded {
            let outcome = elsewhere(packet, &receiver)
            #expect(outcome.error != nil)
        }
        let outcome9 = elsewhere(first, &receiver, isTried: false)
        #expect(outcome9.error != nil, "the attempts are used up")
        let outcome10 = elsewhere(first, &receiver)
        #expect(outcome10 == .passed(rtpPacket(20_000)))
        let outcome11 = elsewhere(first, &receiver)
        #expect(outcome11.error == .replayed)
        for sequence in 20_001..<20_100 as Range<UInt16> {
            let outcome12 = elsewhere(restarted.wire(rtpPacket(sequence)), &receiver)
            #expect(outcome12 == .passed(rtpPacket(sequence)))
        }
        // Once more: the restart itself is no restart.
        try receiver.rekey(sdesKey(suite))
        let again = elsewhere(first, &receiver)
        #expect(again.error != nil)
    }
}
