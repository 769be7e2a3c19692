import MediaCore
import Testing

/// Makes UDPTL datagrams, T.38 §9.1.
enum UDPTL {
    static func length(_ count: Int) -> [UInt8] {
        count < 128 ? [UInt8(count)] : [0x80 | UInt8(count >> 8), UInt8(count & 255)]
    }

    static func head(_ number: UInt16, _ primary: [UInt8]) -> [UInt8] {
        [UInt8(number >> 8), UInt8(number & 255)] + length(primary.count) + primary
    }

    static func redundant(_ number: UInt16, _ primary: [UInt8] = [6, 1], _ fields: [[UInt8]] = []) -> [UInt8] {
        head(number, primary) + [0] + length(fields.count) + fields.flatMap { length($0.count) + $0 }
    }

    static func parity(_ number: UInt16, span: UInt8, fields: Int) -> [UInt8] {
        head(number, [6, 1]) + [0x80, 1, span] + length(fields) + (0..<fields).flatMap { _ in [2, 0, 0] as [UInt8] }
    }
}

/// `bytes` read as UDPTL, or why not.
func udptl(_ bytes: [UInt8]) -> Result<UDPTLPacket, UDPTLParseError> {
    do throws(UDPTLParseError) {
        return .success(try UDPTLPacket(parsing: bytes.span.bytes))
    } catch {
        return .failure(error)
    }
}

@Suite("UDPTL, ITU-T T.38 §9.1")
struct UDPTLPacketTests {
    private func fields(_ bytes: [UInt8]) throws -> [[UInt8]] {
        var found: [[UInt8]] = []
        try udptl(bytes).get().visitFields(of: bytes.span.bytes) { _, place in found.append(Array(bytes[place])) }
        return found
    }

    @Test("Number, primary and redundancy are read, with lengths of one and of two octets")
    func redundancy() throws {
        let long = [UInt8](repeating: 7, count: 300)
        let bytes = UDPTL.redundant(0xFFFE, long, [[1, 2, 3], [], long])
        let read = try udptl(bytes).get()
        #expect(read.sequenceNumber == 0xFFFE && Array(bytes[read.primary]) == long)
        #expect(read.recovery == .redundancy(fields: 3))
        #expect(try fields(bytes) == [[1, 2, 3], [], long])
    }

    @Test("Parity is read with its span")
    func parity() throws {
        let bytes = UDPTL.parity(9, span: 3, fields: 2)
        #expect(try udptl(bytes).get().recovery == .parity(span: 3, fields: 2))
        #expect(try fields(bytes) == [[0, 0], [0, 0]])
    }

    @Test("A datagram that ends with its primary, or has zeros behind its fields, is taken")
    func tolerated() throws {
        #expect(try udptl([0, 0, 1, 0]).get().recovery == .redundancy(fields: 0))
        #expect(try udptl(UDPTL.redundant(1) + [0, 0, 0]).get().recovery == .redundancy(fields: 0))
    }

    @Test(
        "What is no UDPTL is refused with its reason",
        arguments: [
            ([], .truncated(needed: 4, got: 0)),
            ([0, 1, 0], .truncated(needed: 4, got: 3)),
            ([0, 1, 0, 0, 0, 0], .emptyPrimary),
            ([0, 1, 9, 1, 2, 3], .truncated(needed: 12, got: 6)),
            ([0, 1, 0xC1, 1, 2, 3], .fragmented(at: 2)),
            ([0, 1, 0xFF, 1, 2, 3], .fragmented(at: 2)),
            ([0, 1, 0xBF, 0xFF, 2, 3], .truncated(needed: 4 + 0x3FFF, got: 6)),
            ([0, 1, 1, 6, 0], .truncated(needed: 6, got: 5)),
            ([0, 1, 1, 6, 0, 2, 1, 9], .truncated(needed: 9, got: 8)),
            ([0, 1, 1, 6, 0, 0xC1], .fragmented(at: 5)),
            ([0, 1, 1, 6, 0x80, 2, 0, 3, 0], .invalidSpan(at: 5)),
            ([0, 1, 1, 6, 0x80, 1, 0xFF, 0], .invalidSpan(at: 5)),
            ([0, 1, 1, 6, 0, 0, 1, 2], .trailingOctets(2)),
        ] as [([UInt8], UDPTLParseError)])
    func refused(bytes: [UInt8], reason: UDPTLParseError) {
        #expect(throws: reason) { try udptl(bytes).get() }
        #expect(reason.description.hasPrefix("UDPTL: "))
    }

    @Test("RTP that is still under way after the switch to fax is no UDPTL")
    func audio() {
        var taken = 0
        for sequence in 0..<20_000 as Range<UInt16> {
            let speech = (0..<160).map { UInt8(truncatingIfNeeded: Int(sequence) &* 7 &+ $0 &* $0) | 0x80 }
            let bytes = packet(sequence: sequence, timestamp: UInt32(sequence) * 160, payload: speech)
            if case .success = udptl(bytes) { taken += 1 }
        }
        #expect(taken == 0)
    }

    @Test("No datagram of 0 to 1,500 octets traps, and every field lies inside it", arguments: [31, 32, 33, 34])
    func hostile(seed: UInt64) {
        var random = SeededOctets(seed: seed)
        var read = 0
        for round in 0..<20_000 {
            let bytes =
                switch round % 4 {
                case 0: random.datagram()
                case 1: random.damaged(UDPTL.parity(1, span: 3, fields: Int(random.next() % 200)))
                default:
                    random.damaged(UDPTL.redundant(1, random.octets(Int(random.next() % 200) + 1), [[1], [2, 3], []]))
                }
            guard case .success(let result) = udptl(bytes) else { continue }
            read += 1
            var end = result.primary.upperBound
            result.visitFields(of: bytes.span.bytes) { _, place in
                #expect(place.lowerBound > end - 1 && place.upperBound <= bytes.count)
                end = place.upperBound
            }
            #expect(end <= bytes.count && !result.primary.isEmpty)
        }
        #expect(read > 1_000)
    }

    @Test("Fields of one datagram are not sought beyond another, shorter one")
    func foreignFields() throws {
        let read = try udptl(UDPTL.redundant(1, [1], [[1, 2, 3], [4, 5, 6]])).get()
        let other: [UInt8] = [0, 1, 1, 6, 0]
        var count = 0
        read.visitFields(of: other.span.bytes) { _, _ in count += 1 }
        #expect(count == 0)
    }
}
