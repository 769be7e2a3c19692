/// An Ogg Opus file (RFC 7845) that grows: a page a second, the length in the granule positions.
final class OggOpusFile: AudioFileWriter {
    private let encoder: OpusFrames
    private let sink: FileSink
    private var queue: FrameQueue
    private var page = OggPage()
    /// Samples a channel that were handed in.
    private var input: Int64 = 0
    private var packets: Int64 = 0

    /// - Parameter comments: names (printable ASCII without `=`) and values of the tags.
    init(_ path: String, rate: Int, channels: Int, comments: [(name: String, value: String)]) throws(ExportError) {
        do throws(AudioLibraryError) {
            encoder = try OpusFrames(rate: rate, channels: channels)
        } catch {
            throw .library(error)
        }
        queue = FrameQueue(length: encoder.frameLength * channels)
        sink = try FileSink(path)
        // RFC 7845 §3: the two headers have pages of their own.
        page.append(encoder.head)
        try sink.write(page.take(granule: 0))
        for part in Self.tags(comments).chunks(of: 60_000) {
            page.append(part)
            try sink.write(page.take(granule: 0))
        }
    }

    func append(_ piece: CallMixer.Piece) throws(ExportError) {
        input += Int64(piece.frames)
        queue.append(piece.samples)
        while let frame = queue.next() { try encode(frame) }
    }

    func finish() throws(ExportError) {
        if let rest = queue.next(isLast: true) { try encode(rest) }
        // Silence until the last sample has come out of the encoder.
        let end = Int64(encoder.preSkip) + input * 48_000 / Int64(encoder.rate)
        while packets * 960 < end || packets == 0 { try encode([]) }
        // RFC 7845 §4.4: the last page's position cuts off what was added.
        try sink.write(page.take(granule: end, isLast: true))
        try sink.finish()
    }

    private func encode(_ frame: ArraySlice<Int16>) throws(ExportError) {
        // The last packet waits here, so that the last page is never without one.
        if page.count >= 50 { try sink.write(page.take(granule: packets * 960)) }
        do throws(AudioLibraryError) {
            page.append(try encoder.encode(frame))
        } catch {
            throw .library(error)
        }
        packets += 1
    }

    /// RFC 7845 §5.2.
    private static func tags(_ comments: [(name: String, value: String)]) -> [UInt8] {
        var bytes = Array("OpusTags".utf8)
        func add(_ text: String) {
            bytes.appendLittleEndian(UInt32(clamping: text.utf8.count))
            bytes += text.utf8
        }
        add("Earshot")
        bytes.appendLittleEndian(UInt32(clamping: comments.count))
        for comment in comments { add("\(comment.name)=\(comment.value.prefix(512))") }
        return bytes
    }
}

extension [UInt8] {
    fileprivate func chunks(of size: Int) -> [[UInt8]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}

/// A page of an Ogg stream (RFC 3533 §6) of whole packets.
struct OggPage {
    /// Packets in the page.
    private(set) var count = 0
    private var lacing: [UInt8] = []
    private var body: [UInt8] = []
    private var sequence: UInt32 = 0
    // One stream a file: any number does.
    private static let serial: UInt32 = 0x4561_7273

    /// Adds a packet; the page must have room (255 pieces of 255 octets).
    mutating func append(_ packet: [UInt8]) {
        count += 1
        lacing += [UInt8](repeating: 255, count: packet.count / 255)
        lacing.append(UInt8(packet.count % 255))
        body += packet
    }

    /// The page's bytes; the next page starts empty.
    mutating func take(granule: Int64, isLast: Bool = false) -> [UInt8] {
        var bytes = Array("OggS".utf8)
        bytes += [0, (sequence == 0 ? 2 : 0) | (isLast ? 4 : 0)]
        bytes.appendLittleEndian(UInt64(bitPattern: granule))
        bytes.appendLittleEndian(Self.serial)
        bytes.appendLittleEndian(sequence)
        bytes.appendLittleEndian(UInt32(0))
        bytes.append(UInt8(clamping: lacing.count))
        bytes += lacing
        bytes += body
        let checksum = bytes.reduce(UInt32(0)) { $0 << 8 ^ Self.table[Int(UInt8($0 >> 24) ^ $1)] }
        for index in 0..<4 { bytes[22 + index] = UInt8(truncatingIfNeeded: checksum >> UInt32(8 * index)) }
        sequence &+= 1
        count = 0
        lacing = []
        body = []
        return bytes
    }

    /// RFC 3533 §6: polynomial 0x04C11DB7, not reflected, from 0.
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index) << 24) { value, _ in
            value & 0x8000_0000 != 0 ? value << 1 ^ 0x04C1_1DB7 : value << 1
        }
    }
}
