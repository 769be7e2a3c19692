import Testing

@testable import StreamSink

@Suite("Reading Matroska bytes")
struct MatroskaScannerTests {
    @Test("Bytes that come one by one give the same tokens as all at once")
    func byteByByte() throws {
        var output: [UInt8] = []
        var muxer = makeMuxer()
        muxer.appendHeader(to: &output)
        for block in 0..<3 {
            muxer.appendBlock(samples(block * 160..<(block + 1) * 160).span, serverMilliseconds: callStart, to: &output)
        }
        var whole = MatroskaScanner()
        whole.append(output)
        var expected: [String] = []
        while let token = try whole.next() { expected.append(name(token)) }
        var piecewise = MatroskaScanner()
        var found: [String] = []
        for byte in output {
            piecewise.append([byte])
            while let token = try piecewise.next() { found.append(name(token)) }
        }
        #expect(found == expected)
        #expect(found.count == 4 + 3 + 3)
        #expect(piecewise.offset == Int64(output.count))
    }

    private func name(_ token: MatroskaScanner.Token) -> String {
        if case .block(let time, let payload) = token { return "block \(time) \(payload.count)" }
        return "\(token)"
    }

    static let bad: [(String, [UInt8], String)] = [
        ("text", Array("hello".utf8), "unknown element 0x6865 at byte 0"),
        ("zeros", [0, 0, 0, 0], "no element starts at byte 0"),
        ("a five-byte identifier", [0x08, 1, 2, 3, 4, 5], "no element starts at byte 0"),
        ("a huge block", [0xA3, 0x08, 0xFF, 0xFF, 0xFF, 0xFF], "claims 4294967295 bytes"),
        ("tags without a size", [0x12, 0x54, 0xC3, 0x67, 0xFF], "has no size"),
        ("a time of nine bytes", [0xE7, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0], "claims 9 bytes"),
        ("an impossible time", [0xE7, 0x88, 0xFF, 0, 0, 0, 0, 0, 0, 0], "out of range"),
        ("a laced block", [0xA3, 0x85, 0x81, 0, 0, 0x82, 0], "lacing"),
        ("a block without a body", [0xA3, 0x80], "lacing"),
        ("an inner overrun", [0x12, 0x54, 0xC3, 0x67, 0x83, 0x73, 0x73, 0x90], "ends after the one around it"),
        ("another document", [0x1A, 0x45, 0xDF, 0xA3, 0x87, 0x42, 0x82, 0x84, 0x61, 0x76, 0x69, 0x00], "“avi”"),
    ]

    @Test("Damaged bytes are refused with the place and the reason", arguments: bad.indices)
    func damaged(index: Int) throws {
        let (name, bytes, message) = Self.bad[index]
        var scanner = MatroskaScanner()
        scanner.append(bytes)
        do {
            while let token = try scanner.next() { Issue.record("\(name): \(token)") }
            Issue.record("\(name): nothing was wrong")
        } catch {
            #expect(error.description.contains(message), "\(name): \(error)")
        }
    }

    @Test("Random damage never traps and never reads more than there is", arguments: 1...200)
    func randomDamage(seed: Int) {
        var random = Seeded(UInt64(seed))
        var output: [UInt8] = []
        var muxer = makeMuxer()
        muxer.appendHeader(to: &output)
        for _ in 0..<4 { muxer.appendBlock([Int16](repeating: 9, count: 160).span, serverMilliseconds: 0, to: &output) }
        for _ in 0..<Int.random(in: 1...8, using: &random) {
            output[Int.random(in: output.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        var scanner = MatroskaScanner()
        scanner.append(output)
        do {
            while let token = try scanner.next() {
                if case .block(_, let payload) = token { _ = scanner.samples(in: payload) }
            }
        } catch {
            #expect(!error.description.isEmpty)
        }
        #expect(scanner.offset <= Int64(output.count))
    }
}
