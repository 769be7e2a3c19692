import Testing

@testable import StreamSink

@Suite("CRC-32C")
struct ChecksumTests {
    private static let known: [([UInt8], UInt32)] = [
        (Array("123456789".utf8), 0xE306_9283), ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
        ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43), (Array(0..<32), 0x46DD_794E), ([], 0),
    ]

    @Test("Gives the values of RFC 3720 B.4", arguments: known)
    func vectors(_ bytes: [UInt8], _ expected: UInt32) {
        #expect(CRC32C.checksum(bytes) == expected)
    }

    @Test("The processor's instruction and the table agree, in one piece and in many")
    func agree() {
        var random = Seeded(1)
        for _ in 0..<60 {
            let bytes = (0..<Int.random(in: 0..<5000, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            var table = CRC32C()
            bytes.withUnsafeBytes { table.addByTable($0) }
            var pieces = CRC32C()
            var at = 0
            while at < bytes.count {
                let end = min(bytes.count, at + Int.random(in: 1..<3000, using: &random))
                pieces.add(bytes, at..<end)
                at = end
            }
            #expect(table.value == CRC32C.checksum(bytes))
            #expect(pieces.value == table.value)
        }
    }
}
