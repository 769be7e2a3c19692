import MediaCore
import Testing

/// `bytes` read as a header, or why not.
func header(_ bytes: [UInt8]) -> Result<RTPHeader, RTPParseError> {
    do throws(RTPParseError) {
        return .success(try RTPHeader(parsing: bytes.span.bytes))
    } catch {
        return .failure(error)
    }
}

@Suite("RTP header, RFC 3550 §5.1")
struct RTPHeaderTests {
    static let plain: [UInt8] = [0x80, 0x80, 0x12, 0x34, 0, 0, 0x01, 0x02, 0xDE, 0xAD, 0xBE, 0xEF]

    @Test("A header without extras is read field by field")
    func fields() throws {
        let read = try header(Self.plain + [1, 2, 3]).get()
        #expect(read.marker && read.payloadType == 0 && read.sequenceNumber == 0x1234)
        #expect(read.timestamp == 0x0102 && read.ssrc == 0xDEAD_BEEF && read.payload == 12..<15)
    }

    @Test("Contributing sources, extension and padding are left out of the payload")
    func extras() throws {
        var bytes = Self.plain
        bytes[0] = 0x80 | 0x20 | 0x10 | 2
        bytes += [UInt8](repeating: 9, count: 8)  // two CSRCs
        bytes += [0xBE, 0xDE, 0, 1, 1, 2, 3, 4]  // one word of extension
        bytes += [7, 7, 7]  // payload
        bytes += [0, 0, 3]  // padding
        #expect(try header(bytes).get().payload == 28..<31)
    }

    @Test(
        "What is no RTP is refused with its reason",
        arguments: [
            ([], RTPParseError.truncated(needed: 12, got: 0)),
            ([0x80, 0, 0], .truncated(needed: 12, got: 3)),
            ([0x40] + plain.dropFirst(), .unsupportedVersion(1)),
            ([0x8F] + plain.dropFirst(), .truncated(needed: 72, got: 12)),
            ([0x90] + plain.dropFirst(), .truncated(needed: 16, got: 12)),
            ([0x90] + plain.dropFirst() + [0, 0, 0xFF, 0xFF], .truncated(needed: 262_156, got: 16)),
            ([0xA0] + plain.dropFirst() + [0], .invalidPadding(0)),
            ([0xA0] + plain.dropFirst() + [9], .invalidPadding(9)),
            ([0xA0] + plain.dropFirst(), .invalidPadding(0xEF)),
        ] as [([UInt8], RTPParseError)])
    func refused(bytes: [UInt8], reason: RTPParseError) {
        #expect(throws: reason) { try header(bytes).get() }
    }

    @Test("No datagram traps: 200,000 random ones, and every payload lies inside its datagram")
    func random() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200_000 {
            var bytes = (0..<Int.random(in: 0...40)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            if let first = bytes.first, Bool.random() { bytes[0] = first & 0x3F | 0x80 }
            if case .success(let read) = header(bytes) {
                #expect(read.payload.lowerBound >= 12 && read.payload.upperBound <= bytes.count)
            }
        }
    }
}
