import SecureMedia
import Testing

@Suite("What is known of a key outlives the stream that had it")
struct KeyHistoryTests {
    private static let suite = CryptoSuite.counter128Tag80

    /// A stream whose counter has come round `wraps` times, and what is known when it has ended.
    private struct Ended {
        var packets: [[UInt8]] = []
        var reports: [[UInt8]] = []
        var history = KeyHistory()

        init(_ sender: inout SRTPSender, _ suite: CryptoSuite, wraps: Int) throws {
            var receiver = try SRTPReceiver(sdesKey(suite))
            for number in stride(from: 0, through: wraps * 65_536 + 100, by: wraps > 0 ? 16_384 : 1) {
                packets.append(sender.wire(rtpPacket(UInt16(truncatingIfNeeded: number))))
            }
            for words in 7..<12 { reports.append(sender.sendControl(rtcpPacket(words: words)).packet ?? []) }
            for packet in packets {
                let outcome = receiver.receive(packet)
                #expect(outcome.packet != nil)
            }
            for report in reports {
                let outcome = receiver.receiveControl(report)
                #expect(outcome.packet != nil)
            }
            receiver.remember(in: &history)
        }
    }

    @Test("What the former stream received is refused", arguments: CryptoSuite.allCases, [0, 1, 3])
    func replay(_ suite: CryptoSuite, wraps: Int) throws {
        var sender = try SRTPSender(sdesKey(suite))
        let ended = try Ended(&sender, suite, wraps: wraps)
        var restored = try SRTPReceiver(sdesKey(suite), history: ended.history)
        for packet in ended.packets {
            let outcome = restored.receive(packet, mayRestart: false, mayBeginElsewhere: true)
            #expect(outcome.error != nil)
        }
        for report in ended.reports {
            let outcome = restored.receiveControl(report)
            #expect(outcome.error != nil)
        }
    }

    @Test("The counter goes on where it was", arguments: CryptoSuite.allCases, [0, 1, 3])
    func continuation(_ suite: CryptoSuite, wraps: Int) throws {
        var sender = try SRTPSender(sdesKey(suite))
        let ended = try Ended(&sender, suite, wraps: wraps)
        var restored = try SRTPReceiver(sdesKey(suite), history: ended.history)
        for sequence in 101..<400 as Range<UInt16> {
            let outcome = restored.receive(sender.wire(rtpPacket(sequence)), mayRestart: false)
            #expect(outcome == .passed(rtpPacket(sequence)))
        }
        let report = try #require(sender.sendControl(rtcpPacket()).packet)
        let outcome = restored.receiveControl(report)
        #expect(outcome == .passed(rtcpPacket()))
    }

    @Test("A counter that begins anew with the restored stream is followed")
    func restart() throws {
        var sender = try SRTPSender(sdesKey(Self.suite))
        let ended = try Ended(&sender, Self.suite, wraps: 2)
        var restored = try SRTPReceiver(sdesKey(Self.suite), history: ended.history)
        var again = try SRTPSender(sdesKey(Self.suite))
        let outcome = restored.receive(again.wire(rtpPacket(20_000)))
        #expect(outcome == .passed(rtpPacket(20_000)))
    }

    @Test("A key that comes back after others is known, however long ago it was")
    func keyBeforeOthers() throws {
        var receiver = try SRTPReceiver(sdesKey(Self.suite))
        var first = try SRTPSender(sdesKey(Self.suite))
        let recorded = (0..<100).map { first.wire(rtpPacket(UInt16($0))) }
        for packet in recorded {
            let outcome = receiver.receive(packet)
            #expect(outcome.packet != nil)
        }
        for variant in 1...3 as ClosedRange<UInt8> {
            try receiver.rekey(sdesKey(Self.suite, variant))
            var other = try SRTPSender(sdesKey(Self.suite, variant))
            for number in 0..<200 as Range<UInt16> { _ = receiver.receive(other.wire(rtpPacket(200 + number))) }
        }
        try receiver.rekey(sdesKey(Self.suite))
        for packet in recorded {
            let outcome = receiver.receive(packet)
            #expect(outcome.packet == nil)
        }
        let next = receiver.receive(first.wire(rtpPacket(100)))
        #expect(next == .passed(rtpPacket(100)))
    }

    @Test("Two streams that had the same key both tell, in either order", arguments: [false, true])
    func union(isReversed: Bool) throws {
        var receivers = [KeyHistory(), KeyHistory()]
        var sender = try SRTPSender(sdesKey(Self.suite))
        var recorded: [[UInt8]] = []
        var all = KeyHistory()
        for stream in isReversed ? [1, 0] : [0, 1] {
            var receiver = try SRTPReceiver(sdesKey(Self.suite))
            for number in 0..<20 as Range<UInt16> {
                recorded.append(sender.wire(rtpPacket(number, ssrc: 10 + UInt32(stream))))
                let outcome5 = receiver.receive(recorded[recorded.count - 1])
                #expect(outcome5.packet != nil)
            }
            receiver.remember(in: &receivers[stream])
            receiver.remember(in: &all)
            receiver.remember(in: &all)
        }
        var restored = try SRTPReceiver(sdesKey(Self.suite), history: all)
        for packet in recorded {
            let outcome = restored.receive(packet)
            #expect(outcome.error == .replayed)
        }
    }

    @Test("A sender never uses a number again: not with a new stream, and not with a key that comes back")
    func sender() throws {
        var sender = try SRTPSender(sdesKey(Self.suite))
        var oracle = try SRTPReceiver(sdesKey(Self.suite))
        for number in 0..<10 as Range<UInt16> {
            let outcome = oracle.receive(sender.wire(rtpPacket(number)))
            #expect(outcome.packet != nil)
        }
        for _ in 0..<10 {
            let outcome = oracle.receiveControl(sender.sendControl(rtcpPacket()).packet ?? [])
            #expect(outcome.packet != nil)
        }
        var history = KeyHistory()
        sender.remember(in: &history)
        var restored = try SRTPSender(sdesKey(Self.suite), history: history)
        let outcome9 = restored.send(rtpPacket(9))
        #expect(outcome9.error == .replayed)
        let next = oracle.receive(restored.wire(rtpPacket(10)))
        #expect(next == .passed(rtpPacket(10)))
        let report = try #require(restored.sendControl(rtcpPacket()).packet)
        let outcome10 = oracle.receiveControl(report)
        #expect(outcome10.packet != nil, "an index that was not used")
        try restored.rekey(sdesKey(Self.suite, 1))
        try restored.rekey(sdesKey(Self.suite))
        let outcome11 = restored.send(rtpPacket(10))
        #expect(outcome11.error == .replayed)
        let later = try #require(restored.sendControl(rtcpPacket()).packet)
        let outcome12 = oracle.receiveControl(later)
        #expect(outcome12.packet != nil, "an index that was not used")
    }

    @Test("It is bounded, and says nothing of its keys")
    func bounds() throws {
        var history = KeyHistory()
        for variant in 0..<100 as Range<UInt8> {
            try SRTPReceiver(sdesKey(Self.suite, variant)).remember(in: &history)
        }
        #expect(history.description == "32 keys received with, 0 sent with")
        #expect("\(Mirror(reflecting: history).children.map { $0.value })" == "[32, 0]")
    }
}
