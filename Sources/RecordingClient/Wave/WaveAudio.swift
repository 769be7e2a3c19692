import Glibc

/// The samples of a WAV file of 16-bit PCM, 8 kHz, mono. A plain value.
public struct WaveAudio: Equatable, Sendable {
    /// Larger files are refused: four and a half hours.
    public static let maximumOctets = 256 << 20
    /// Files with more chunks before the audio are refused.
    public static let maximumChunks = 1000

    /// The samples; at least one.
    public var samples: [Int16]

    /// The length.
    public var duration: Duration { .microseconds(Int64(samples.count) * 125) }

    /// Reads a file.
    public init(path: String) throws(WaveError) {
        self = try WaveAudio(parsing: WaveAudio.read(path), path: path)
    }

    /// Reads a file's octets.
    ///
    /// Chunks may come in any order, odd ones with or without their pad octet at the end of the file. The size of the whole
    /// is not believed, and a `data` chunk that says more than there is (a writer that was stopped, or could not seek) gives
    /// what there is.
    /// - Parameter path: for the texts of errors.
    public init(parsing bytes: [UInt8], path: String) throws(WaveError) {
        guard bytes.count >= 12 else {
            if !bytes.isEmpty, bytes.starts(with: "RIFF".utf8) { throw .cut(path: path, place: "its header") }
            throw .notWave(path: path, start: WaveAudio.shown(bytes))
        }
        guard bytes.starts(with: "RIFF".utf8), bytes[8..<12].elementsEqual("WAVE".utf8) else {
            throw .notWave(path: path, start: WaveAudio.shown(bytes))
        }
        var format: WaveFormat?
        var audio: ArraySlice<UInt8>?
        var offset = 12
        var count = 0
        while bytes.count - offset >= 8, format == nil || audio == nil, count < WaveAudio.maximumChunks {
            count += 1
            let name = bytes[offset..<offset + 4]
            let size = (0..<4).reduce(0) { $0 | Int(bytes[offset + 4 + $1]) << (8 * $1) }
            offset += 8
            let end = min(bytes.count, offset + size)
            let body = bytes[offset..<end]
            if name.elementsEqual("fmt ".utf8), format == nil {
                guard let read = WaveFormat(body) else { throw .cut(path: path, place: "its “fmt ” chunk") }
                format = read
            } else if name.elementsEqual("data".utf8), audio == nil {
                // A writer into a pipe leaves 0 or the largest number.
                audio = size == 0 && format != nil ? bytes[offset...] : body
                if size == 0 { break }
            }
            offset = end + (size & 1)
        }
        guard let format else {
            if bytes.count - 12 < 24 { throw .cut(path: path, place: "its header") }
            throw .missingChunk(path: path, name: "fmt ")
        }
        guard format.isTelephone else { throw .wrongFormat(path: path, found: format) }
        guard let audio else { throw .missingChunk(path: path, name: "data") }
        samples = stride(from: audio.startIndex, to: audio.endIndex - 1, by: 2).map { index in
            Int16(bitPattern: UInt16(audio[index]) | UInt16(audio[index + 1]) << 8)
        }
        guard !samples.isEmpty else { throw .silent(path: path) }
    }

    private static func read(_ path: String) throws(WaveError) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw .file(path: path, reason: reason(errno)) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(file, &chunk, chunk.count)
            if count == 0 { return bytes }
            if count < 0 {
                if errno == EINTR { continue }
                throw .file(path: path, reason: reason(errno))
            }
            bytes.append(contentsOf: chunk[..<count])
            // Whatever else it is (a film, a device without end), it is not read to its end.
            if bytes.count >= 4, !bytes.starts(with: "RIFF".utf8) { return bytes }
            guard bytes.count <= maximumOctets else { throw .tooLarge(path: path) }
        }
    }

    static func reason(_ code: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 128)
        guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The first octets for people: as text where they are, else in hexadecimal.
    private static func shown(_ bytes: [UInt8]) -> String {
        let start = bytes.prefix(8)
        guard !start.isEmpty else { return "nothing: it is empty" }
        if start.allSatisfy({ (0x20..<0x7F).contains($0) }) { return "“\(String(decoding: start, as: UTF8.self))”" }
        return start.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    }
}
