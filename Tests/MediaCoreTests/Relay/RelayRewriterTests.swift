import MediaCore
import Testing

/// What a rewriter made of a datagram; nil where it is not to be sent.
func relayed(_ rewriter: inout RelayRewriter, _ bytes: [UInt8], at now: Int64 = 0) -> [UInt8]? {
    var result = bytes
    guard let read = try? header(bytes).get() else { return nil }
    var span = result.mutableSpan
    var octets = span.mutableBytes
    return rewriter.rewrite(read, &octets, at: now) ? result : nil
}

@Suite("The relay of a bridge changes what it must and nothing else")
struct RelayRewriterTests {
    static func map(_ entries: [(UInt8, String, UInt32)]) -> PayloadMap {
        var result = PayloadMap()
        for (type, encoding, clockRate) in entries { result.map(type, encoding: encoding, clockRate: clockRate) }
        return result
    }

    static let muLaw = map([(0, "PCMU", 8_000), (101, "telephone-event", 8_000), (13, "CN", 8_000)])
    static let aLaw = map([(8, "PCMA", 8_000), (96, "telephone-event", 8_000), (13, "CN", 8_000)])
    static let both = map([(0, "PCMU", 8_000), (8, "PCMA", 8_000), (101, "telephone-event", 8_000)])

    @Test("Where both legs agree, every octet stays, with extension, sources and padding")
    func untouched() {
        var rewriter = RelayRewriter(from: Self.muLaw, to: Self.muLaw)
        let bytes: [UInt8] =
            [0xB2, 0x80, 0x12, 0x34, 1, 2, 3, 4, 5, 6, 7, 8] + [9, 9, 9, 9, 8, 8, 8, 8] + [
                0xBE, 0xDE, 0, 1, 1, 2, 3, 4,
            ]
            + Array(0..<160) + [0, 0, 0, 4]
        #expect(relayed(&rewriter, bytes) == bytes)
        #expect(relayed(&rewriter, packet(sequence: 9, timestamp: 8, type: 0x80 | 101)) != nil)
        #expect(relayed(&rewriter, packet(sequence: 9, timestamp: 8, type: 13, payload: [60])) != nil)
        #expect(rewriter.counters.relayed == 3 && rewriter.counters.rewritten == 0)
        #expect(rewriter.passesPayloadUntouched(0))
    }

    @Test(
        "Another number for the same codec changes seven bits, and the marker stays", arguments: [0, 0x80] as [UInt8])
    func payloadType(marker: UInt8) {
        var rewriter = RelayRewriter(from: Self.muLaw, to: Self.aLaw)
        let bytes = packet(sequence: 1, timestamp: 160, type: marker | 101, payload: [5, 10, 0, 160])
        var expected = bytes
        expected[1] = marker | 96
        #expect(relayed(&rewriter, bytes) == expected)
        #expect(rewriter.counters.rewritten == 1 && rewriter.counters.transcoded == 0)
    }

    @Test("G.711 goes over into the other law within the payload only")
    func transcoding() {
        for (from, to, type, other, convert) in [
            (Self.muLaw, Self.aLaw, 0, 8, G711Conversion.aLaw(fromMuLaw:)),
            (Self.aLaw, Self.muLaw, 8, 0, G711Conversion.muLaw(fromALaw:)),
        ] as [(PayloadMap, PayloadMap, UInt8, UInt8, (UInt8) -> UInt8)] {
            var rewriter = RelayRewriter(from: from, to: to)
            let head: [UInt8] = [
                0xB1, type, 0x12, 0x34, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9, 0xBE, 0xDE, 0, 1, 1, 2, 3, 4,
            ]
            let octets = Array(0...255) as [UInt8]
            let padding: [UInt8] = [0x11, 0x22, 3]
            var expected = head + octets.map(convert) + padding
            expected[1] = other
            #expect(relayed(&rewriter, head + octets + padding) == expected)
            #expect(!rewriter.passesPayloadUntouched(type) && rewriter.counters.transcoded == 1)
        }
    }

    @Test("The tables are decoding and encoding by the reference, and there and back is nearly the same")
    func tables() {
        for octet in 0...255 as ClosedRange<UInt8> {
            #expect(G711Conversion.aLaw(fromMuLaw: octet) == G711.compressALaw(G711.expandMuLaw(octet)))
            #expect(G711Conversion.muLaw(fromALaw: octet) == G711.compressMuLaw(G711.expandALaw(octet)))
            let sample = Int(G711.expandMuLaw(octet))
            let back = Int(G711.expandMuLaw(G711Conversion.muLaw(fromALaw: G711Conversion.aLaw(fromMuLaw: octet))))
            #expect(abs(back - sample) <= max(16, abs(sample) / 14), "\(sample) came back as \(back)")
        }
    }

    @Test(
        "What the receiver does not know is dropped and counted; a codec nobody knows passes where both negotiated it",
        arguments: [
            ([], [], 0, 0),  // nothing negotiated: the static types
            ([], [], 8, 8),
            ([], [], 13, 13),
            ([], [], 96, nil),
            ([(0, "PCMU", 8_000)], [(0, "PCMU", 8_000)], 8, 0),  // a peer that switches the law without asking
            ([(97, "iLBC", 8_000)], [(97, "iLBC", 8_000)], 97, 97),
            ([(97, "iLBC", 8_000)], [(98, "ilbc", 8_000)], 97, 98),
            ([(97, "iLBC", 8_000)], [(97, "AMR", 8_000)], 97, nil),
            ([(97, "iLBC", 8_000)], [(0, "PCMU", 8_000)], 97, nil),
            ([(97, "L16", 8_000)], [(97, "L16", 16_000)], 97, nil),
            ([(111, "opus", 48_000)], [(96, "opus", 48_000)], 111, 96),
            ([(9, "G722", 8_000)], [(0, "PCMU", 8_000)], 9, nil),
            ([(101, "telephone-event", 48_000)], [(101, "telephone-event", 8_000)], 101, nil),
        ] as [([(UInt8, String, UInt32)], [(UInt8, String, UInt32)], UInt8, UInt8?)])
    func mapping(
        from: [(UInt8, String, UInt32)], to: [(UInt8, String, UInt32)], type: UInt8, expected: UInt8?
    ) {
        var rewriter = RelayRewriter(from: Self.map(from), to: Self.map(to))
        let bytes = packet(sequence: 1, timestamp: 2, type: type)
        #expect(relayed(&rewriter, bytes).map { $0[1] } == expected)
        #expect(rewriter.counters.unmapped == (expected == nil ? 1 : 0))
    }

    @Test("A header that does not fit its datagram is refused")
    func foreignHeader() {
        var rewriter = RelayRewriter(from: Self.muLaw, to: Self.aLaw)
        var bytes = packet(sequence: 1, timestamp: 2, payload: [1, 2, 3])
        let before = bytes
        var read = RTPHeader(
            marker: false, payloadType: 0, sequenceNumber: 1, timestamp: 2, ssrc: 9, payload: 12..<16)
        var span = bytes.mutableSpan
        var octets = span.mutableBytes
        let isSent = rewriter.rewrite(read, &octets, at: 0)
        read.payload = 0..<3
        let isSentToo = rewriter.rewrite(read, &octets, at: 0)
        #expect(!isSent && !isSentToo && rewriter.counters.malformed == 2)
        #expect(bytes == before)
    }

    @Test("What was sent is told to the receiver's RTCP, with the media time of now")
    func sentMedia() {
        var rewriter = RelayRewriter(from: Self.muLaw, to: Self.muLaw)
        #expect(rewriter.sentMedia(at: 0) == nil)
        _ = relayed(&rewriter, packet(sequence: 1, timestamp: 1_000), at: 0)
        _ = relayed(&rewriter, packet(sequence: 2, timestamp: 1_160), at: 20_000_000)
        #expect(
            rewriter.sentMedia(at: 1_020_000_000)
                == SentMedia(ssrc: 9, timestamp: 9_160, packets: 2, octets: 320))
        // Another source is counted anew.
        _ = relayed(&rewriter, packet(sequence: 7, timestamp: 5, ssrc: 10), at: 30_000_000)
        #expect(rewriter.sentMedia(at: 30_000_000) == SentMedia(ssrc: 10, timestamp: 5, packets: 1, octets: 160))
    }

    @Test("New maps hold from the next packet on")
    func renegotiation() {
        var rewriter = RelayRewriter(from: Self.both, to: Self.both)
        #expect(relayed(&rewriter, packet(sequence: 1, timestamp: 0))?[1] == 0)
        rewriter.renegotiate(from: Self.both, to: Self.aLaw)
        #expect(relayed(&rewriter, packet(sequence: 2, timestamp: 160))?[1] == 8)
        #expect(rewriter.counters.relayed == 2)
    }
}
