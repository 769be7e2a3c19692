internal import COpus

/// Opus packets of 20 ms from one or two channels (RFC 6716), on libopus. Belongs to one task at a time.
final class OpusFrames {
    /// Samples a second and channel of the input: 8, 12, 16, 24 or 48 kHz.
    let rate: Int
    /// Channels, 1 or 2.
    let channels: Int
    /// The encoder's delay in samples of 48 kHz.
    let preSkip: Int
    private let encoder: OpaquePointer
    private static let longestPacket = 4000

    /// Samples a channel in a packet.
    var frameLength: Int { rate / 50 }

    /// - Parameter bitrate: bits a second; by default what speech of that rate needs.
    init(rate: Int, channels: Int, bitrate: Int? = nil) throws(AudioLibraryError) {
        var code: Int32 = 0
        guard channels == 1 || channels == 2,
            let encoder = opus_encoder_create(
                opus_int32(clamping: rate), Int32(channels),
                channels == 1 ? OPUS_APPLICATION_VOIP : OPUS_APPLICATION_AUDIO,
                &code)
        else { throw AudioLibraryError("encode Opus at \(rate) Hz", -22) }
        let perChannel = rate <= 8000 ? 24_000 : rate <= 16_000 ? 32_000 : 48_000
        _ = copus_set_bitrate(encoder, opus_int32(clamping: bitrate ?? perChannel * channels))
        _ = copus_set_complexity(encoder, 5)
        _ = copus_set_voice(encoder)
        self.encoder = encoder
        self.rate = rate
        self.channels = channels
        preSkip = Int(max(0, copus_lookahead(encoder))) * 48_000 / rate
    }

    deinit { opus_encoder_destroy(encoder) }

    /// One packet of ``frameLength`` samples a channel, interleaved; fewer are filled up with silence.
    func encode(_ samples: ArraySlice<Int16>) throws(AudioLibraryError) -> [UInt8] {
        var frame = Array(samples.prefix(frameLength * channels))
        frame.append(contentsOf: repeatElement(0, count: frameLength * channels - frame.count))
        var packet = [UInt8](repeating: 0, count: Self.longestPacket)
        let count = opus_encode(encoder, frame, Int32(frameLength), &packet, opus_int32(packet.count))
        guard count > 0 else { throw AudioLibraryError("encode Opus at \(rate) Hz", count) }
        packet.removeLast(packet.count - Int(count))
        return packet
    }

    /// RFC 7845 §5.1.
    var head: [UInt8] {
        var bytes = Array("OpusHead".utf8) + [1, UInt8(channels)]
        bytes.appendLittleEndian(UInt16(clamping: preSkip))
        bytes.appendLittleEndian(UInt32(clamping: rate))
        return bytes + [0, 0, 0]
    }
}

/// Samples on their way into frames of a fixed length.
struct FrameQueue {
    private var samples: [Int16] = []
    private var head = 0
    let length: Int

    init(length: Int) { self.length = length }

    var isEmpty: Bool { head == samples.count }

    mutating func append(_ more: some Collection<Int16>) {
        if head > 0 {
            samples.removeSubrange(..<head)
            head = 0
        }
        samples.append(contentsOf: more)
    }

    /// A whole frame, or at the end what is left of one.
    mutating func next(isLast: Bool = false) -> ArraySlice<Int16>? {
        let count = min(length, samples.count - head)
        guard count == length || (isLast && count > 0) else { return nil }
        defer { head += count }
        return samples[head..<head + count]
    }
}
