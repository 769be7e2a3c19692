import MediaCore
import Testing

/// Everything that a datagram says, and how the walk ended.
func elements(_ bytes: [UInt8]) -> (list: [RTCPElement], reading: RTCPReading) {
    var list: [RTCPElement] = []
    let reading = RTCPCompound.visit(bytes.span.bytes) { list.append($0) }
    return (list, reading)
}

@Suite("RTCP compounds read whole, RFC 3550 §6 and RFC 3611")
struct RTCPVisitTests {
    static let block: [UInt8] =
        [0, 0, 0, 5, 64, 0xFF, 0xFF, 0xFE, 0, 1, 0x11, 0x70, 0, 0, 0, 9, 0x33, 0x44, 0x55, 0x66, 0, 1, 0, 0]
    static let read = RTCPReportBlock(
        ssrc: 5, fractionLost: 64, cumulativeLost: -2, highestSequence: 70_000, jitter: 9,
        lastSenderReport: 0x3344_5566, delaySinceLastSenderReport: 65_536)
    static let senderReport: [UInt8] =
        [0x81, 200, 0, 12, 0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 1, 0, 0, 0, 0, 10, 0, 0, 6, 64] + block
    static let description: [UInt8] =
        [0x82, 202, 0, 6] + [0, 0, 0, 7, 1, 2, 0x61, 0x62, 6, 1, 0x63, 0] + [0, 0, 0, 8, 1, 1, 0x78, 0, 0, 0, 0, 0]
    static let metrics: [UInt8] = [
        7, 0, 0, 8, 0, 0, 0, 5, 13, 26, 128, 1, 0, 100, 0x27, 0x10, 0, 80, 0, 60, 0xEC, 0xC4, 127, 16, 85, 127, 41, 127,
        0x30, 0, 0, 40, 0, 60, 0, 120,
    ]

    @Test("Sender report, blocks, description and BYE come out in order with every field")
    func compound() {
        let goodbye: [UInt8] = [0x82, 203, 0, 4, 0, 0, 0, 7, 0, 0, 0, 8, 4, 0x67, 0x6F, 0x6E, 0x65, 0, 0, 0]
        let bytes = Self.senderReport + Self.description + goodbye
        let (list, reading) = elements(bytes)
        let sdes = Self.senderReport.count
        let bye = sdes + Self.description.count
        let report = RTCPSenderReport(
            ssrc: 7, ntp: 0x0102_0304_0506_0708, timestamp: 256, packets: 10, octets: 1_600)
        #expect(
            list == [
                .senderReport(report),
                .reportBlock(reporter: 7, Self.read),
                .description(ssrc: 7, item: 1, text: sdes + 10..<sdes + 12),
                .description(ssrc: 7, item: 6, text: sdes + 14..<sdes + 15),
                .description(ssrc: 8, item: 1, text: sdes + 22..<sdes + 23),
                .goodbye(ssrc: 7), .goodbye(ssrc: 8), .goodbyeReason(bye + 13..<bye + 17),
            ])
        #expect(reading.packets == 3 && reading.isWhole)
    }

    @Test("All blocks of a receiver report are read, and what a profile adds behind them is skipped")
    func receiverReport() {
        let bytes = [0x82, 201, 0, 14, 0, 0, 0, 1] + Self.block + Self.block + [9, 9, 9, 9]
        let (list, reading) = elements(bytes)
        #expect(list.count == 3 && list[2] == .reportBlock(reporter: 1, Self.read))
        #expect(reading.isWhole)
    }

    @Test("Reference time, its echo and VoIP metrics are read from XR; other blocks are skipped")
    func extended() throws {
        let blocks: [UInt8] =
            [4, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8] + [5, 0, 0, 6]
            + [0, 0, 0, 3, 3, 4, 5, 6, 0, 0, 0, 7] + [0, 0, 0, 4, 3, 4, 5, 6, 0, 0, 0, 8]
            + [1, 0, 0, 1, 0, 0, 0, 0] + Self.metrics
        let bytes: [UInt8] = [0x80, 207, 0, UInt8(1 + blocks.count / 4), 0, 0, 0, 2] + blocks
        let (list, reading) = elements(bytes)
        #expect(reading.isWhole)
        try #require(list.count == 5)
        #expect(list[0] == .receiverReferenceTime(reporter: 2, ntp: 0x0102_0304_0506_0708))
        #expect(list[1] == .referenceEcho(reporter: 2, subject: 3, lastReference: 0x0304_0506, delay: 7))
        #expect(list[2] == .referenceEcho(reporter: 2, subject: 4, lastReference: 0x0304_0506, delay: 8))
        #expect(list[3] == .skippedBlock(reporter: 2, blockType: 1))
        guard case .voipMetrics(2, let metrics) = list[4] else {
            Issue.record("no VoIP metrics")
            return
        }
        #expect(metrics.ssrc == 5 && metrics.lossRate == 13 && metrics.discardRate == 26)
        #expect(metrics.burstMilliseconds == 100 && metrics.gapMilliseconds == 10_000)
        #expect(metrics.roundTripMilliseconds == 80 && metrics.endSystemMilliseconds == 60)
        #expect(metrics.signalLevel == -20 && metrics.noiseLevel == -60 && metrics.echoReturnLoss == nil)
        #expect(metrics.ratingFactor == 85 && metrics.externalRatingFactor == nil)
        #expect(metrics.listeningMOS == 4.1 && metrics.conversationalMOS == nil)
        #expect(metrics.jitterBufferMilliseconds == 40 && metrics.jitterBufferLimitMilliseconds == 120)
    }

    @Test("APP, feedback and unknown packets are skipped", arguments: [204, 205, 206, 199, 210] as [UInt8])
    func skipped(type: UInt8) {
        let bytes = [0x81, type, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2] + Self.senderReport
        let (list, reading) = elements(bytes)
        #expect(list.first == .skipped(packetType: type) && list.count == 3 && reading.isWhole)
    }

    @Test("Reduced-size RTCP may begin with any packet (RFC 5506), and a BYE may name nobody")
    func reducedSize() {
        #expect(elements(Self.description).reading == elements([0x80, 203, 0, 0] + Self.description).reading.less(1))
        #expect(elements([0x80, 203, 0, 0]).list.isEmpty)
    }

    @Test("Padding is left out")
    func padding() {
        let (list, reading) = elements([0xA1, 203, 0, 3, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 8])
        #expect(list == [.goodbye(ssrc: 7)] && reading.isWhole)
    }

    @Test(
        "A packet that says it holds more than it does is read as far as it goes, and the walk is not whole",
        arguments: [
            ([0x82, 201, 0, 7, 0, 0, 0, 1] + block, 2),  // two blocks announced, one there
            ([0x81, 202, 0, 2, 0, 0, 0, 7, 1, 9, 0x61, 0x62], 0),  // an item longer than the packet
            ([0x81, 202, 0, 1, 0, 0, 0, 7], 0),  // a chunk without its end
            ([0x82, 203, 0, 1, 0, 0, 0, 7], 1),  // two sources announced
            ([0x81, 203, 0, 2, 0, 0, 0, 7, 9, 0, 0, 0], 1),  // a reason longer than the packet
            ([0x80, 207, 0, 2, 0, 0, 0, 7, 7, 0, 0, 8], 0),  // a block longer than the packet
            ([0x80, 201, 0, 9, 0, 0, 0, 1], 0),  // a packet longer than the datagram
            ([0xA0, 201, 0, 1, 0, 0, 0, 9], 0),  // more padding than packet
            ([0x80, 201, 0, 1, 0, 0, 0, 1, 0x80, 201], 1),  // octets behind the last packet
        ] as [([UInt8], Int)])
    func contradictions(bytes: [UInt8], found: Int) {
        let (list, reading) = elements(bytes)
        #expect(list.count == found && !reading.isWhole)
    }

    @Test("An XR block of another size than its own is ignored", arguments: [4, 5, 7] as [UInt8])
    func oddBlocks(type: UInt8) {
        let (list, reading) = elements([0x80, 207, 0, 3, 0, 0, 0, 7, type, 0, 0, 1, 0, 0, 0, 0])
        #expect(list == [.skippedBlock(reporter: 7, blockType: type)] && reading.isWhole)
    }

    @Test("No datagram of 0 to 1,500 octets traps, and every place it names lies inside it", arguments: [1, 2, 3, 4])
    func hostile(seed: UInt64) {
        var random = SeededOctets(seed: seed)
        let seeds = [
            Self.senderReport + Self.description, [0x80, 207, 0, 10, 0, 0, 0, 2] + Self.metrics,
            [0x82, 203, 0, 4, 0, 0, 0, 7, 0, 0, 0, 8, 4, 0x67, 0x6F, 0x6E, 0x65, 0, 0, 0],
        ]
        var read = 0
        for round in 0..<15_000 {
            let bytes = round % 3 == 0 ? random.datagram() : random.damaged(seeds[round % seeds.count])
            let (list, reading) = elements(bytes)
            read += list.count
            var isInside = list.count <= bytes.count && reading.packets * 4 <= bytes.count
            for case .description(_, _, let text) in list { isInside = isInside && text.upperBound <= bytes.count }
            for case .goodbyeReason(let text) in list { isInside = isInside && text.upperBound <= bytes.count }
            // The narrow reader sees the same packets until the first one that is none.
            var offset = 0
            var packets = 0
            while let (_, end) = RTCPCompound.next(in: bytes.span.bytes, at: offset) {
                offset = end
                packets += 1
            }
            #expect(isInside && packets == reading.packets, "\(bytes)")
        }
        #expect(read > 1_000)
    }
}

extension RTCPReading {
    /// The same with `packets` more, to compare two walks.
    fileprivate func less(_ packets: Int) -> RTCPReading {
        var result = self
        result.packets -= packets
        return result
    }
}
