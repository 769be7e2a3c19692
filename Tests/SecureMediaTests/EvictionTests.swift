import SecureMedia
import Testing

/// What `SRTPReceiver` remembers of sources that had to make room: a bound of the code, which these tests go beyond.
private let remembered = 256

@Suite("More sources under one key than are followed at a time")
struct EvictionTests {
    /// A sender with room for all, a receiver with room for four.
    private struct Pair: ~Copyable {
        var sender: SRTPSender
        var receiver: SRTPReceiver

        init(_ suite: CryptoSuite = .counter128Tag80) throws {
            let sender = try SRTPSender(sdesKey(suite), maximumSources: 10_000)
            let receiver = try SRTPReceiver(sdesKey(suite), maximumSources: 4)
            self.sender = sender
            self.receiver = receiver
        }

        /// What comes of the next packet of a source.
        mutating func pass(_ sequence: UInt16, _ ssrc: UInt32) -> Outcome {
            receiver.receive(sender.wire(rtpPacket(sequence, ssrc: ssrc, payload: 20)))
        }
    }

    @Test("A thousand sources after one another are all heard, and counted", arguments: CryptoSuite.allCases)
    func many(_ suite: CryptoSuite) throws {
        var pair = try Pair(suite)
        for ssrc in 1...1000 as ClosedRange<UInt32> {
            for sequence in 10..<13 as Range<UInt16> {
                let outcome = pair.pass(sequence, ssrc)
                #expect(outcome == .passed(rtpPacket(sequence, ssrc: ssrc, payload: 20)), "source \(ssrc)")
            }
        }
        #expect(pair.receiver.evictedSources == 996)
    }

    @Test("The source that was silent longest makes room, not the one that came first")
    func silentLongest() throws {
        var pair = try Pair()
        var held: [UInt32: [UInt8]] = [:]
        for ssrc in 1...4 as ClosedRange<UInt32> {
            held[ssrc] = pair.sender.wire(rtpPacket(99, ssrc: ssrc))
            for sequence in 100..<(ssrc == 4 ? 110 : 102) as Range<UInt16> { _ = pair.pass(sequence, ssrc) }
        }
        _ = pair.pass(102, 1)
        _ = pair.pass(100, 5)
        // Who has kept its window still takes what is late.
        for (ssrc, isThere) in [(1, true), (2, false), (3, true), (4, true)] as [(UInt32, Bool)] {
            let late = try pair.receiver.receive(#require(held[ssrc]))
            #expect((late.packet != nil) == isThere, "source \(ssrc)")
        }
        #expect(pair.receiver.evictedSources == 1)
    }

    @Test("The source that talks keeps its place and its window, whatever comes between its packets")
    func talker() throws {
        var pair = try Pair()
        var late: [[UInt8]] = []
        var wires: [[UInt8]] = []
        var stranger: UInt32 = 100
        for sequence in 65_500..<65_560 {
            let number = UInt16(truncatingIfNeeded: sequence)
            let wire = pair.sender.wire(rtpPacket(number, ssrc: 1))
            guard sequence % 3 != 0 || sequence < 65_506 else {
                late.append(wire)
                continue
            }
            wires.append(wire)
            let outcome = pair.receiver.receive(wire)
            #expect(outcome == .passed(rtpPacket(number, ssrc: 1)))
            for _ in 0..<50 {
                stranger += 1
                let other = pair.pass(7, stranger)
                #expect(other.packet != nil)
            }
        }
        for wire in wires {
            let again = pair.receiver.receive(wire)
            #expect(again.error == .replayed)
        }
        for wire in late {
            let outcome = pair.receiver.receive(wire)
            #expect(outcome.packet != nil)
        }
    }

    @Test("A source that comes back goes on with its roll-over counter, and nothing of it is heard twice")
    func comesBack() throws {
        var pair = try Pair()
        var wires: [[UInt8]] = []
        for number in stride(from: 0, to: 3 * 65_536, by: 16_384) {
            let wire = pair.sender.wire(rtpPacket(UInt16(truncatingIfNeeded: number), ssrc: 1))
            wires.append(wire)
            let outcome = pair.receiver.receive(wire)
            #expect(outcome.packet != nil)
        }
        // Each of these has more packets than the first one, so that it talks no more.
        for ssrc in 2...9 as ClosedRange<UInt32> {
            for sequence in 0..<20 as Range<UInt16> { _ = pair.pass(sequence, ssrc) }
        }
        #expect(pair.receiver.evictedSources == 5)
        for wire in wires {
            let replayed = pair.receiver.receive(wire)
            #expect(replayed.error != nil)
        }
        let next = pair.pass(0, 1)
        #expect(next == .passed(rtpPacket(0, ssrc: 1, payload: 20)))
        for wire in wires {
            let replayed = pair.receiver.receive(wire)
            #expect(replayed.error != nil)
        }
    }

    @Test("A stranger takes nobody's place", arguments: CryptoSuite.allCases)
    func forged(_ suite: CryptoSuite) throws {
        var pair = try Pair(suite)
        for ssrc in 1...4 as ClosedRange<UInt32> { _ = pair.pass(500, ssrc) }
        for ssrc in 10...3000 as ClosedRange<UInt32> {
            let outcome = pair.receiver.receive(rtpPacket(1, ssrc: ssrc, payload: 60))
            #expect(outcome.error != nil)
        }
        #expect(pair.receiver.evictedSources == 0)
        for ssrc in 1...4 as ClosedRange<UInt32> {
            let late = pair.pass(499, ssrc)
            #expect(late.packet != nil)
        }
    }

    @Test("A source that was forgotten altogether is heard from the peer's address, and replayed from nowhere else")
    func forgotten() throws {
        var pair = try Pair()
        let first = pair.sender.wire(rtpPacket(10, ssrc: 1))
        _ = pair.receiver.receive(first)
        for ssrc in 2...UInt32(4 + remembered) {
            for sequence in 0..<2 as Range<UInt16> { _ = pair.pass(sequence, ssrc) }
        }
        let known = pair.receiver.receive(first, mayRestart: true)
        #expect(known.error == .tooOld)
        let new = pair.receiver.receive(pair.sender.wire(rtpPacket(1, ssrc: 8_000)), mayRestart: false)
        #expect(new.packet != nil, "nobody has been forgotten so far")
        for ssrc in 1000..<1010 as Range<UInt32> {
            for sequence in 0..<2 as Range<UInt16> { _ = pair.pass(sequence, ssrc) }
        }
        let replayed = pair.receiver.receive(first, mayRestart: false)
        #expect(replayed.error == .tooManySources(limit: 4))
        let goesOn = pair.receiver.receive(pair.sender.wire(rtpPacket(11, ssrc: 1)), mayRestart: true)
        #expect(goesOn.packet != nil)
        // A new key: nothing that was recorded is authentic any more.
        try pair.receiver.rekey(sdesKey(.counter128Tag80, 1))
        var next = try SRTPSender(sdesKey(.counter128Tag80, 1))
        let another = pair.receiver.receive(next.wire(rtpPacket(5, ssrc: 9000)), mayRestart: false)
        #expect(another.packet != nil)
    }

    @Test("The counter of a source that had to make room goes on under the next key", arguments: [true, false])
    func newKey(goesOn: Bool) throws {
        var pair = try Pair()
        for number in stride(from: 0, to: 2 * 65_536, by: 16_384) {
            _ = pair.pass(UInt16(truncatingIfNeeded: number), 1)
        }
        for ssrc in 2...6 as ClosedRange<UInt32> {
            for sequence in 0..<20 as Range<UInt16> { _ = pair.pass(sequence, ssrc) }
        }
        try pair.receiver.rekey(sdesKey(.galois128, 1))
        if goesOn {
            try pair.sender.rekey(sdesKey(.galois128, 1))
        } else {
            pair.sender = try SRTPSender(sdesKey(.galois128, 1))
        }
        for sequence in 100..<110 as Range<UInt16> {
            let outcome = pair.pass(sequence, 1)
            #expect(outcome.packet != nil)
        }
        // Those of the key before are counted, too.
        #expect(pair.receiver.evictedSources == 3)
    }

    @Test("Reports of a thousand sources pass, each once")
    func control() throws {
        var pair = try Pair()
        var wires: [[UInt8]] = []
        for ssrc in 1...UInt32(remembered) {
            let wire = try #require(pair.sender.sendControl(rtcpPacket(ssrc: ssrc)).packet)
            wires.append(wire)
            let outcome = pair.receiver.receiveControl(wire)
            #expect(outcome.packet != nil, "source \(ssrc)")
        }
        #expect(pair.receiver.evictedSources == UInt64(remembered - 4))
        for wire in wires {
            let replayed = pair.receiver.receiveControl(wire)
            #expect(replayed.error != nil)
        }
        let goesOn = try pair.receiver.receiveControl(#require(pair.sender.sendControl(rtcpPacket(ssrc: 1)).packet))
        #expect(goesOn.packet != nil)
        // Beyond what is remembered, a source that is not known must have media.
        for ssrc in 1000..<1010 as Range<UInt32> {
            _ = try pair.receiver.receiveControl(#require(pair.sender.sendControl(rtcpPacket(ssrc: ssrc)).packet))
        }
        let report = try #require(pair.sender.sendControl(rtcpPacket(ssrc: 5000)).packet)
        let unknown = pair.receiver.receiveControl(report)
        #expect(unknown.error == .tooManySources(limit: 4))
        _ = pair.pass(1, 5000)
        let heard = pair.receiver.receiveControl(report)
        #expect(heard.packet != nil)
    }

    @Test("A sender that makes room for a source never uses a number of another twice")
    func sender() throws {
        let suite = CryptoSuite.galois128
        var sender = try SRTPSender(sdesKey(suite), maximumSources: 2)
        for ssrc in 1...UInt32(2 + remembered) {
            let sent = sender.send(rtpPacket(100, ssrc: ssrc))
            #expect(sent.packet != nil)
        }
        for ssrc in 1...UInt32(2 + remembered) {
            let again = sender.send(rtpPacket(100, ssrc: ssrc))
            #expect(again.error == .replayed || again.error == .tooOld, "source \(ssrc)")
        }
        let next = sender.send(rtpPacket(101, ssrc: 1))
        #expect(next.packet != nil)
        let oneMore = sender.send(rtpPacket(100, ssrc: 5000))
        #expect(oneMore.error == .tooManySources(limit: 2 + remembered))
        try sender.rekey(sdesKey(suite, 1))
        let underTheNext = sender.send(rtpPacket(100, ssrc: 5000))
        #expect(underTheNext.packet != nil)
    }

    @Test("A key that comes back goes on counting towards its lifetime")
    func lifetime() throws {
        let line = "1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|6"
        var receiver = try SRTPReceiver(SDESKey(parsing: line))
        var sender = try SRTPSender(SDESKey(parsing: String(line.dropLast(2))))
        for sequence in 0..<4 as Range<UInt16> { _ = receiver.receive(sender.wire(rtpPacket(sequence))) }
        try receiver.rekey(sdesKey(.galois256))
        try receiver.rekey(SDESKey(parsing: line))
        for sequence in 4..<6 as Range<UInt16> { _ = receiver.receive(sender.wire(rtpPacket(sequence))) }
        let atTheEnd = receiver.isPastLifetime
        #expect(!atTheEnd)
        _ = receiver.receive(sender.wire(rtpPacket(6)))
        let beyond = receiver.isPastLifetime
        #expect(beyond)
    }
}
