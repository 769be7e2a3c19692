import Testing

@testable import StreamSink

/// Bytes from hexadecimal text, blanks ignored.
private func bytes(_ hexadecimal: String) -> [UInt8] {
    let digits = hexadecimal.filter { !$0.isWhitespace }.map { UInt8(String($0), radix: 16) ?? 0 }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

private func text(_ text: String) -> String {
    text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

/// A SimpleTag of fewer than 127 - 8 bytes, as written by hand.
private func tag(_ name: String, _ value: String) -> String {
    func hex(_ number: Int, _ digits: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: digits - text.count) + text
    }
    let body =
        "45A3" + hex(0x80 | name.utf8.count, 2) + text(name) + "4487" + hex(0x80 | value.utf8.count, 2) + text(value)
    return "67C8" + hex(0x1000_0000 | body.count / 2, 8) + body
}

@Suite("The bytes of a recording")
struct MuxerGoldenTests {
    @Test("The header is, byte for byte, what Matroska asks for")
    func header() {
        var output: [UInt8] = []
        let muxer = makeMuxer(start: 1_511_852_109_126)
        muxer.appendHeader(to: &output)
        let expected = bytes(
            """
            1A45DFA3 A3  428681 01  42F781 01  42F281 04  42F381 08  428288 6D6174726F736B61  428781 04  428581 02
            18538067 01FFFFFFFFFFFFFF
            1549A966 B1  2AD7B183 0F4240  EC89 000000000000000000  4D8087 45617273686F74  574187 45617273686F74
                446188 076788449C2C5D80
            1654AE6B D1  AE CF  D781 01  73C588 E220A8397B1DCDAF  8381 02  9C81 00  22B59C83 756E64
                536E8F 547261636B5F617564696F2F4C3136  868D 415F50434D2F494E542F4C4954
                E191 B588 40BF400000000000  9F81 01  626481 10
            """)
        #expect(output == expected)
        #expect(Array(output[MatroskaHeader.durationOffset..<MatroskaHeader.durationOffset + 2]) == [0xEC, 0x89])
        #expect(output[FragmentMuxer.segmentSizeOffset] == 0x01)
        #expect(MatroskaHeader.duration(milliseconds: 1000) == bytes("4489 88 408F400000000000"))
        #expect(MatroskaHeader.segmentSize(0x1234) == bytes("01 00000000001234"))
    }

    @Test("A fragment is its tags, a cluster of unknown size, its time, and blocks of 20 ms")
    func fragment() {
        var output: [UInt8] = []
        var muxer = makeMuxer(start: 1_511_852_109_126)
        let first: [Int16] = [1, -2] + [Int16](repeating: 0, count: 158)
        muxer.appendBlock(first.span, serverMilliseconds: 1_511_852_199_999, to: &output)
        muxer.appendBlock([Int16](repeating: 0x0102, count: 3).span, serverMilliseconds: 0, to: &output)
        let tags =
            tag("AWS_KINESISVIDEO_FRAGMENT_NUMBER", "91343852333181432392682062607743920146007689702")
            + tag("AWS_KINESISVIDEO_SERVER_TIMESTAMP", "1511852109.126")
            + tag("AWS_KINESISVIDEO_PRODUCER_TIMESTAMP", "1511852109.126")
            + tag("TransactionId", "T1") + tag("VoiceConnectorId", "vc1") + tag("CallId", "c@h")
        let count = tags.count / 2
        let expected =
            bytes(
                "1254C367 1000" + String(count + 6, radix: 16).leftPadded(4) + "7373 1000"
                    + String(count, radix: 16).leftPadded(4))
            + bytes(tags) + bytes("1F43B675 01FFFFFFFFFFFFFF  E788 0000000000000000")
            + bytes("A3 4144 81 0000 80 0100 FEFF") + [UInt8](repeating: 0, count: 316)
            + bytes("A3 400A 81 0014 80 0201 0201 0201")
        #expect(output == expected)
    }

    @Test("The second fragment starts after 50 blocks and has the next number")
    func secondFragment() throws {
        var output: [UInt8] = []
        var muxer = makeMuxer(start: 1_511_852_109_126)
        let block = [Int16](repeating: 0, count: 160)
        for _ in 0..<51 { muxer.appendBlock(block.span, serverMilliseconds: 1_511_852_110_200, to: &output) }
        let scanned = try Scanned(output)
        #expect(scanned.fragments.map(\.timecodeMilliseconds) == [0, 1000])
        #expect(scanned.fragments.map(\.number?.counter) == [1, 2])
        let second = try #require(scanned.fragments.last)
        #expect(second.value("AWS_KINESISVIDEO_FRAGMENT_NUMBER") == "91343852333181432397633822764885441533795124689")
        #expect(second.value("AWS_KINESISVIDEO_SERVER_TIMESTAMP") == "1511852110.200")
        #expect(second.value("AWS_KINESISVIDEO_PRODUCER_TIMESTAMP") == "1511852110.126")
    }

    @Test("A Call-ID longer than 256 bytes is left off, one of 256 bytes is not", arguments: [256, 257])
    func longCallID(length: Int) throws {
        let muxer = FragmentMuxer(
            transactionID: "T", connectorID: "v", callID: String(repeating: "x", count: length),
            startedAtMilliseconds: callStart, firstCounter: 1, seed: 1)
        var copy = muxer
        var output: [UInt8] = []
        copy.appendBlock([Int16](repeating: 0, count: 160).span, serverMilliseconds: 0, to: &output)
        let fragment = try #require(try Scanned(output).fragments.first)
        #expect(fragment.value("CallId")?.utf8.count == (length <= 256 ? 256 : nil))
        #expect(fragment.value("VoiceConnectorId") == "v")
    }

    @Test("Muxing an hour grows the caller's buffer once")
    func noGrowth() {
        var muxer = makeMuxer()
        var output: [UInt8] = []
        let block = [Int16](repeating: 5, count: 160)
        var capacity = 0
        for index in 0..<180_000 where index < 20_000 || index % 9 == 0 {
            if index % 5 == 0 { output.removeAll(keepingCapacity: true) }
            muxer.appendBlock(block.span, serverMilliseconds: callStart, to: &output)
            if index == 200 { capacity = output.capacity }
        }
        #expect(output.capacity <= max(capacity, 4096) * 2)
    }
}

extension String {
    fileprivate func leftPadded(_ count: Int) -> String {
        String(repeating: "0", count: Swift.max(0, count - self.count)) + self
    }
}
