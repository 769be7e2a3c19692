internal import CAVFormat

/// An MP4 of AAC-LC that grows: libavcodec encodes, libavformat writes. The index, about 12 octets an eighth of a
/// second, is kept in memory until the end. Belongs to one task.
final class MP4File: AudioFileWriter {
    private var handle: OpaquePointer?
    private let channels: Int

    /// - Parameters:
    ///   - path: nil for one in memory; then ``finishInMemory()`` gives its bytes.
    ///   - expectedFrames: so many samples a channel, where that is known: then an index in memory lies in front.
    init(
        path: String?, rate: Int, channels: Int, expectedFrames: Int64 = 0, comments: [(name: String, value: String)]
    ) throws(AudioLibraryError) {
        var tags: [cav_tag] = []
        var texts: [UnsafeMutablePointer<CChar>] = []
        defer { texts.forEach { $0.deallocate() } }
        for comment in comments {
            let name = Self.text(comment.name)
            let value = Self.text(comment.value)
            texts += [name, value]
            tags.append(cav_tag(name: name, value: value))
        }
        self.channels = channels
        let code = cav_mp4_open(
            &handle, path, Int32(clamping: rate), Int32(channels), Int32(Self.bitrate(rate: rate, channels: channels)),
            expectedFrames, tags, Int32(tags.count))
        guard code >= 0 else { throw AudioLibraryError("make the MP4", code) }
    }

    deinit { if let handle { cav_mp4_abandon(handle) } }

    /// Bits a second: what keeps speech clear at that rate.
    static func bitrate(rate: Int, channels: Int) -> Int { min(6 * rate, (rate <= 16_000 ? 3 : 2) * rate) * channels }

    func append(_ piece: CallMixer.Piece) throws(ExportError) {
        do throws(AudioLibraryError) { try write(piece.samples) } catch { throw .library(error) }
    }

    func finish() throws(ExportError) {
        guard let handle else { return }
        self.handle = nil
        let code = cav_mp4_finish(handle, nil, nil)
        guard code >= 0 else { throw .library(AudioLibraryError("finish the MP4", code)) }
    }

    /// Adds samples, interleaved.
    func write(_ samples: [Int16]) throws(AudioLibraryError) {
        guard let handle else { return }
        let code = cav_mp4_write(handle, samples, Int32(clamping: samples.count / channels))
        guard code >= 0 else { throw AudioLibraryError("write the MP4", code) }
    }

    /// Ends the file in memory and gives it out.
    func finishInMemory() throws(AudioLibraryError) -> [UInt8] {
        guard let handle else { return [] }
        self.handle = nil
        return try AudioLibraryError.taking("finish the MP4") { bytes, size in cav_mp4_finish(handle, &bytes, &size) }
    }

    private static func text(_ text: String) -> UnsafeMutablePointer<CChar> {
        let bytes = text.utf8.filter { $0 != 0 }.map { CChar(bitPattern: $0) } + [0]
        let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
        copy.initialize(from: bytes, count: bytes.count)
        return copy
    }
}
