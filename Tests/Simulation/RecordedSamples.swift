import StreamSink

/// Why the bytes are not the Matroska file they should be.
struct UnreadableFile: Error { var reason: String }

/// The samples as they pass through the file: muxed in blocks of 20 ms as the stream's writer does, and read back by a
/// small reader of the test's own, each block put where its timecode says.
func recordedSamples(_ samples: [Int16]) throws -> [Int16] {
    var muxer = FragmentMuxer(
        transactionID: "t", connectorID: "c", callID: "i", startedAtMilliseconds: 1_700_000_000_000, firstCounter: 1,
        seed: 1)
    var file: [UInt8] = []
    muxer.appendHeader(to: &file)
    var position = 0
    while position < samples.count {
        let end = min(position + FragmentMuxer.samplesPerBlock, samples.count)
        let block = Array(samples[position..<end])
        muxer.appendBlock(block.span, serverMilliseconds: 1_700_000_000_000 + Int64(position / 8), to: &file)
        position = end
    }
    var reader = BlockReader(file: file)
    return try reader.read()
}

/// Walks the elements of a Matroska file (RFC 8794 §5 and §6): enters Segment and Cluster, skips everything else.
private struct BlockReader {
    let file: [UInt8]
    var offset = 0
    var cluster: Int?
    var samples: [Int16] = []

    init(file: [UInt8]) { self.file = file }

    mutating func read() throws -> [Int16] {
        while offset < file.count {
            let id = try number(keepingMarker: true).value
            let size = try number(keepingMarker: false)
            switch id {
            // Segment and Cluster, of unknown size while they grow.
            case 0x1853_8067, 0x1F43_B675: continue
            case 0xE7: cluster = try bytes(size.value).reduce(0) { $0 << 8 | Int($1) }
            case 0xA3: try block(try bytes(size.value))
            default: _ = try bytes(size.value)
            }
        }
        return samples
    }

    private mutating func block(_ bytes: ArraySlice<UInt8>) throws {
        let content = Array(bytes)
        guard let cluster, content.count > 4, content[0] == 0x81, content[3] == 0x80 else {
            throw UnreadableFile(reason: "a block without a cluster, of another track, or laced")
        }
        let time = cluster + Int(Int16(bitPattern: UInt16(content[1]) << 8 | UInt16(content[2])))
        guard samples.count == time * 8 else {
            throw UnreadableFile(reason: "block at \(time) ms, \(samples.count) samples lie before it")
        }
        for index in stride(from: 4, to: content.count - 1, by: 2) {
            samples.append(Int16(bitPattern: UInt16(content[index]) | UInt16(content[index + 1]) << 8))
        }
    }

    private mutating func bytes(_ count: Int) throws -> ArraySlice<UInt8> {
        guard count >= 0, offset + count <= file.count else { throw UnreadableFile(reason: "cut at \(offset)") }
        defer { offset += count }
        return file[offset..<(offset + count)]
    }

    /// A number of variable length; with its marker bit it is an element's ID.
    private mutating func number(keepingMarker: Bool) throws -> (value: Int, length: Int) {
        guard offset < file.count, file[offset] != 0 else { throw UnreadableFile(reason: "no number at \(offset)") }
        let length = file[offset].leadingZeroBitCount + 1
        let octets = try bytes(length)
        let first = octets.first.map { keepingMarker ? Int($0) : Int($0) & (0xFF >> length) } ?? 0
        return (octets.dropFirst().reduce(first) { $0 << 8 | Int($1) }, length)
    }
}
