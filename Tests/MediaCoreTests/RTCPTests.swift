import MediaCore
import Testing

@Suite("RTCP, RFC 3550 §6")
struct RTCPTests {
    private func findings(_ bytes: [UInt8]) -> [RTCPFinding] {
        var found: [RTCPFinding] = []
        var offset = 0
        while let (finding, end) = RTCPCompound.next(in: bytes.span.bytes, at: offset) {
            found.append(finding)
            offset = end
        }
        return found
    }

    static let senderReport: [UInt8] =
        [0x80, 200, 0, 6, 0, 0, 0, 7, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0, 0, 1, 0]
        + [UInt8](repeating: 0, count: 8)

    @Test("A compound of sender report and BYE is read in order")
    func compound() {
        let bytes = Self.senderReport + [0x81, 203, 0, 1, 0, 0, 0, 7]
        #expect(
            findings(bytes) == [
                .senderReport(ssrc: 7, ntp: 0x1122_3344_5566_7788, timestamp: 256), .goodbye(ssrc: 7),
            ])
    }

    @Test("A length that points beyond the datagram ends the walk", arguments: [7, 255])
    func lyingLength(words: UInt8) {
        var bytes = Self.senderReport
        bytes[3] = words
        #expect(findings(bytes).isEmpty)
    }

    @Test("A receiver report carries its blocks and a CNAME, and is read back as a well-formed compound")
    func receiverReport() {
        let block = RTCPReportBlock(
            ssrc: 0xAABB_CCDD, fractionLost: 64, cumulativeLost: -2, highestSequence: 70_000, jitter: 9,
            lastSenderReport: 0x3344_5566, delaySinceLastSenderReport: 65_536)
        for name in ["", "a", "ab", "abc", "abcd", "earshot"] {
            var bytes: [UInt8] = []
            RTCPCompound.appendReceiverReport(from: 1, reports: [block], canonicalName: Array(name.utf8), to: &bytes)
            #expect(bytes.count % 4 == 0)
            #expect(findings(bytes) == [.other(packetType: 201), .other(packetType: 202)])
            #expect(Array(bytes[8..<12]) == [0xAA, 0xBB, 0xCC, 0xDD])
            #expect(Array(bytes[12..<16]) == [64, 0xFF, 0xFF, 0xFE])
        }
    }

    @Test("Loss, highest number and delay of the report follow RFC 3550 §6.4.1 and §A.3")
    func reportedLoss() throws {
        var line = LegTimeline(epoch: 0, payloads: PayloadMap())
        for sequence in 0..<100 as Range<UInt16> where sequence % 4 != 3 {
            let bytes = packet(sequence: sequence, timestamp: UInt32(sequence) * 160)
            _ = line.receive(try header(bytes).get(), bytes.span.bytes, arrival: Int64(sequence) * 20_000_000)
        }
        line.receiveRTCP(Self.reportOf(9).span.bytes, arrival: 2_000_000_000)
        let block = try #require(line.reportBlocks(at: 3_000_000_000).first)
        #expect(block.ssrc == 9 && block.cumulativeLost == 24 && block.highestSequence == 98)
        #expect(block.fractionLost == 62)  // 24 of 99
        #expect(block.lastSenderReport == 0x3344_5566 && block.delaySinceLastSenderReport == 65_536)
        #expect(line.reportBlocks(at: 3_000_000_000).first?.fractionLost == 0)
    }

    private static func reportOf(_ ssrc: UInt8) -> [UInt8] {
        var bytes = senderReport
        bytes[7] = ssrc
        return bytes
    }
}

/// A packet of 160 µ-law octets from source 9.
func packet(
    sequence: UInt16, timestamp: UInt32, type: UInt8 = 0, ssrc: UInt8 = 9,
    payload: [UInt8] = Array(repeating: 0x12, count: 160)
) -> [UInt8] {
    var bytes: [UInt8] = [0x80, type, UInt8(sequence >> 8), UInt8(sequence & 255)]
    for shift in [24, 16, 8, 0] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: timestamp >> shift)) }
    return bytes + [0, 0, 0, ssrc] + payload
}
