#if canImport(CChecksum)
    import CChecksum
#endif

/// CRC-32C (RFC 9260 appendix B), with the processor's instruction where it has one: the checksum of fragments and of
/// their index.
///
/// It finds what a disk or a copy has damaged. It is no protection against somebody who changes files on purpose.
struct CRC32C: Sendable, Equatable {
    private var state: UInt32 = .max

    /// The checksum of everything so far.
    var value: UInt32 { ~state }

    /// Adds a part of an array; a range that does not lie in it is cut to it. Allocates nothing.
    mutating func add(_ bytes: [UInt8], _ range: Range<Int>) {
        let range = range.clamped(to: bytes.indices)
        guard !range.isEmpty else { return }
        bytes.withUnsafeBytes { add(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    /// Adds all of an array.
    mutating func add(_ bytes: [UInt8]) { add(bytes, bytes.indices) }

    /// The checksum of some bytes.
    static func checksum(_ bytes: some Collection<UInt8>) -> UInt32 {
        var sum = CRC32C()
        sum.add(Array(bytes))
        return sum.value
    }

    private mutating func add(_ bytes: UnsafeRawBufferPointer) {
        #if canImport(CChecksum)
            if Self.hasInstruction {
                state = earshot_crc32c(state, bytes.baseAddress, bytes.count)
                return
            }
        #endif
        addByTable(bytes)
    }

    /// Eight bytes at a time, for processors without the instruction.
    mutating func addByTable(_ bytes: UnsafeRawBufferPointer) {
        var state = state
        var at = 0
        Self.tables.withUnsafeBufferPointer { tables in
            while bytes.count - at >= 8 {
                let word = bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self).littleEndian ^ UInt64(state)
                state = 0
                for byte in 0..<8 {
                    state ^= tables[(7 - byte) * 256 + Int(word >> UInt64(8 * byte) & 0xFF)]
                }
                at += 8
            }
            while at < bytes.count {
                state = tables[Int(UInt8(truncatingIfNeeded: state) ^ bytes[at])] ^ state >> 8
                at += 1
            }
        }
        self.state = state
    }

    #if canImport(CChecksum)
        private static let hasInstruction = earshot_crc32c_is_available() != 0
    #endif

    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for index in 0..<256 {
            var value = UInt32(index)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
            tables[index] = value
        }
        for index in 256..<8 * 256 {
            let before = tables[index - 256]
            tables[index] = tables[Int(before & 0xFF)] ^ before >> 8
        }
        return tables
    }()
}
