import MediaCore
import Testing

@Suite("Another sender goes on where the last one stopped")
struct RelayAnchorTests {
    static let millisecond: Int64 = 1_000_000

    struct Sent: Equatable {
        var ssrc: UInt32
        var sequence: UInt16
        var timestamp: UInt32
        var marker: Bool
    }

    private func send(
        _ rewriter: inout RelayRewriter, _ sequence: UInt16, _ timestamp: UInt32, ssrc: UInt8, at now: Int64,
        type: UInt8 = 0
    ) -> Sent? {
        let bytes = packet(sequence: sequence, timestamp: timestamp, type: type, ssrc: ssrc)
        guard let out = relayed(&rewriter, bytes, at: now), let read = try? header(out).get() else { return nil }
        #expect(Array(out[12...]) == Array(bytes[12...]))
        return Sent(
            ssrc: read.ssrc, sequence: read.sequenceNumber, timestamp: read.timestamp, marker: read.marker)
    }

    private func rewriter() -> RelayRewriter {
        let map = RelayRewriterTests.muLaw
        return RelayRewriter(from: map, to: map)
    }

    @Test("Source stays, the number goes on by one, the timestamp by the time that went by, across both wraps")
    func anchored() {
        var rewriter = rewriter()
        #expect(
            send(&rewriter, 65_535, .max - 79, ssrc: 1, at: 0)
                == Sent(ssrc: 1, sequence: 65_535, timestamp: .max - 79, marker: false))
        rewriter.reanchor()
        // 250 ms later: 2,000 ticks.
        let first = send(&rewriter, 700, 90_000, ssrc: 2, at: 250 * Self.millisecond)
        #expect(first == Sent(ssrc: 1, sequence: 0, timestamp: 1_920, marker: true))
        let second = send(&rewriter, 701, 90_160, ssrc: 2, at: 270 * Self.millisecond)
        #expect(second == Sent(ssrc: 1, sequence: 1, timestamp: 2_080, marker: false))
        // A loss stays one, so that the receiver sees it.
        let third = send(&rewriter, 705, 90_800, ssrc: 2, at: 350 * Self.millisecond)
        #expect(third == Sent(ssrc: 1, sequence: 5, timestamp: 2_720, marker: false))
        #expect(rewriter.counters.anchors == 1)
        #expect(rewriter.sentMedia(at: 350 * Self.millisecond)?.packets == 4)
    }

    @Test("Nothing is anchored before anything was sent")
    func firstPacket() {
        var rewriter = rewriter()
        rewriter.reanchor()
        #expect(send(&rewriter, 5, 6, ssrc: 7, at: 0) == Sent(ssrc: 7, sequence: 5, timestamp: 6, marker: false))
        #expect(rewriter.counters.anchors == 0 && rewriter.counters.rewritten == 0)
    }

    @Test("What was sent before the anchor's first packet is dropped: its number is taken")
    func latePackets() {
        var rewriter = rewriter()
        _ = send(&rewriter, 100, 16_000, ssrc: 1, at: 0)
        rewriter.reanchor()
        _ = send(&rewriter, 50, 8_000, ssrc: 2, at: 20 * Self.millisecond)
        #expect(send(&rewriter, 49, 7_840, ssrc: 2, at: 21 * Self.millisecond) == nil)
        // The sender before has a packet under way.
        #expect(send(&rewriter, 101, 16_160, ssrc: 1, at: 22 * Self.millisecond) == nil)
        #expect(rewriter.counters.late == 2)
        #expect(send(&rewriter, 51, 8_160, ssrc: 2, at: 40 * Self.millisecond)?.sequence == 102)
        // Half a second later it may have the stream back.
        let back = send(&rewriter, 130, 20_800, ssrc: 1, at: 600 * Self.millisecond)
        #expect(back?.ssrc == 1 && back?.sequence == 103 && back?.marker == true)
    }

    @Test("Without an anchor a new source passes as it is; with one the stream is kept together")
    func newSources() {
        var rewriter = rewriter()
        _ = send(&rewriter, 1, 1, ssrc: 1, at: 0)
        #expect(send(&rewriter, 900, 9, ssrc: 2, at: 0)?.ssrc == 2)
        rewriter.reanchor()
        #expect(send(&rewriter, 3, 3, ssrc: 3, at: Self.millisecond)?.ssrc == 2)
        let next = send(&rewriter, 40_000, 4, ssrc: 4, at: 2 * Self.millisecond)
        #expect(next?.ssrc == 2 && next?.sequence == 902 && next?.timestamp == 25)
        // The one between is the sender before, no longer the first.
        #expect(send(&rewriter, 4, 163, ssrc: 3, at: 3 * Self.millisecond) == nil)
    }

    @Test("Two senders at the same instant never share a timestamp, and an event keeps its marker")
    func sameInstant() {
        var rewriter = rewriter()
        _ = send(&rewriter, 1, 500, ssrc: 1, at: 0)
        rewriter.reanchor()
        let event = send(&rewriter, 9, 9, ssrc: 2, at: 0, type: 101)
        #expect(event == Sent(ssrc: 1, sequence: 2, timestamp: 501, marker: false))
    }

    @Test("An event that lasts does not hold the time back")
    func longEvent() {
        var rewriter = rewriter()
        for step in 0..<50 as Range<UInt16> {
            _ = send(&rewriter, step, 8_000, ssrc: 1, at: Int64(step) * 20 * Self.millisecond, type: 101)
        }
        rewriter.reanchor()
        #expect(send(&rewriter, 1, 1, ssrc: 2, at: 1_000 * Self.millisecond)?.timestamp == 16_000)
    }

    @Test(
        "Hostile datagrams: none traps, a refused one is as it came, others keep length and everything behind the header",
        arguments: [21, 22, 23])
    func hostile(seed: UInt64) {
        var random = SeededOctets(seed: seed)
        var maps = [PayloadMap(), RelayRewriterTests.muLaw, RelayRewriterTests.aLaw, RelayRewriterTests.both]
        var strange = PayloadMap()
        for type in 0...255 as ClosedRange<UInt8> {
            let names = ["PCMU", "PCMA", "opus", "CN", "telephone-event", "x"]
            let rate = [0, 1, 8_000, 48_000, .max][Int(random.next() % 5)] as UInt32
            strange.map(type, encoding: names[Int(random.next() % 6)], clockRate: rate)
        }
        maps.append(strange)
        var rewriter = RelayRewriter(from: strange, to: strange)
        var relayedCount = 0
        for round in 0..<20_000 {
            if round % 200 == 0 {
                rewriter = RelayRewriter(
                    from: maps[Int(random.next() % 5)], to: maps[Int(random.next() % 5)])
            }
            if random.next() % 16 == 0 { rewriter.reanchor() }
            var bytes = random.datagram()
            if !bytes.isEmpty, random.next() % 8 != 0 { bytes[0] = bytes[0] & 0x3F | 0x80 }
            if bytes.count > 11, random.next() % 2 == 0 { bytes.replaceSubrange(8..<11, with: [0, 0, 0]) }
            let now = Int64(bitPattern: random.next() >> UInt64(random.next() % 64))
            _ = rewriter.sentMedia(at: now)
            guard let read = try? header(bytes).get() else { continue }
            let before = bytes
            var span = bytes.mutableSpan
            var octets = span.mutableBytes
            let isSent = rewriter.rewrite(read, &octets, at: now)
            if isSent {
                relayedCount += 1
                let again = try? header(bytes).get()
                #expect(bytes.count == before.count && again?.payload == read.payload && bytes[0] == before[0])
                #expect(bytes[12..<read.payload.lowerBound] == before[12..<read.payload.lowerBound])
                #expect(bytes[read.payload.upperBound...] == before[read.payload.upperBound...])
            } else {
                #expect(bytes == before)
            }
        }
        #expect(relayedCount > 100)
    }
}
