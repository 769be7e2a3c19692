/// The bytes before a WAV file's samples.
struct WaveHeader {
    var rate: Int
    var channels: Int
    /// Whether there is room for the 64-bit sizes of EBU Tech 3306 (RF64).
    var isExtensible: Bool

    /// Bytes of the header.
    var length: Int { isExtensible ? 80 : 44 }

    /// Whether so many bytes of samples can be told of.
    func holds(_ dataBytes: Int64) -> Bool { isExtensible || dataBytes + Int64(length) - 8 <= Int64(UInt32.max) }

    /// The header for so many bytes of samples.
    func bytes(dataBytes: Int64) -> [UInt8] {
        let isLarge = dataBytes + Int64(length) - 8 > Int64(UInt32.max)
        var bytes: [UInt8] = []
        bytes += isLarge ? "RF64".utf8 : "RIFF".utf8
        bytes.appendLittleEndian(isLarge ? UInt32.max : UInt32(truncatingIfNeeded: dataBytes + Int64(length) - 8))
        bytes += "WAVE".utf8
        if isExtensible {
            // EBU Tech 3306 §3: a chunk to be passed over holds the place of ds64 until that is needed.
            bytes += isLarge ? "ds64".utf8 : "JUNK".utf8
            bytes.appendLittleEndian(UInt32(28))
            bytes.appendLittleEndian(isLarge ? UInt64(dataBytes + Int64(length) - 8) : 0)
            bytes.appendLittleEndian(isLarge ? UInt64(dataBytes) : 0)
            bytes.appendLittleEndian(isLarge ? UInt64(dataBytes / Int64(2 * channels)) : 0)
            bytes.appendLittleEndian(UInt32(0))
        }
        bytes += "fmt ".utf8
        bytes.appendLittleEndian(UInt32(16))
        bytes.appendLittleEndian(UInt16(1))
        bytes.appendLittleEndian(UInt16(channels))
        bytes.appendLittleEndian(UInt32(rate))
        bytes.appendLittleEndian(UInt32(rate * channels * 2))
        bytes.appendLittleEndian(UInt16(channels * 2))
        bytes.appendLittleEndian(UInt16(16))
        bytes += "data".utf8
        bytes.appendLittleEndian(isLarge ? UInt32.max : UInt32(truncatingIfNeeded: dataBytes))
        return bytes
    }
}

/// A WAV file of 16-bit PCM that grows; above 4 GB it becomes RF64 where room for that was left.
final class WaveFile: AudioFileWriter {
    private let header: WaveHeader
    private let sink: FileSink
    private let path: String

    init(_ path: String, shownPath: String, rate: Int, channels: Int, mayBeLarge: Bool) throws(ExportError) {
        self.path = shownPath
        header = WaveHeader(rate: rate, channels: channels, isExtensible: mayBeLarge)
        sink = try FileSink(path)
        try sink.write(header.bytes(dataBytes: 0))
    }

    func append(_ piece: CallMixer.Piece) throws(ExportError) {
        guard header.holds(sink.length + Int64(piece.samples.count * 2)) else { throw .tooLargeForWave(path) }
        if piece.isSilent {
            try sink.skip(Int64(piece.samples.count * 2))
        } else {
            try sink.write([UInt8](littleEndian: piece.samples))
        }
    }

    func finish() throws(ExportError) {
        try sink.patch(header.bytes(dataBytes: sink.length - Int64(header.length)), at: 0)
        try sink.finish()
    }
}

/// A file that takes a call's audio piece by piece. Belongs to one task; without ``finish()`` it is no use.
protocol AudioFileWriter: AnyObject {
    func append(_ piece: CallMixer.Piece) throws(ExportError)
    func finish() throws(ExportError)
}

extension [UInt8] {
    /// The low byte first.
    mutating func appendLittleEndian(_ value: some FixedWidthInteger & UnsignedInteger) {
        for shift in stride(from: 0, to: value.bitWidth, by: 8) { append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    /// 16-bit samples as they lie in WAV and in Matroska's PCM.
    init(littleEndian samples: some Collection<Int16>) {
        self.init()
        reserveCapacity(samples.count * 2)
        for sample in samples {
            append(UInt8(truncatingIfNeeded: sample))
            append(UInt8(truncatingIfNeeded: sample >> 8))
        }
    }
}
