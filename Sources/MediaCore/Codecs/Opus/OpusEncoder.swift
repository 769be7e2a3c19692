internal import COpus

/// Mono speech to Opus packets, on libopus (RFC 6716), variable bit rate.
///
/// Allocates once, about 25 kB in `init`, and nothing a frame. Belongs to one stream and one thread at a time; nobody
/// else has the pointer, so the whole may move between threads.
@safe public struct OpusEncoder: ~Copyable, @unchecked Sendable {
    /// Samples a second of the input.
    public let sampleRate: Int
    /// How far decoded audio lies behind the input, in samples of 48 kHz: the pre-skip of RFC 7845 §4.2 and the codec
    /// delay of Matroska.
    public let preSkip: Int
    private let encoder: OpaquePointer

    /// The longest packet that is made, in octets.
    public static let longestPacket = 1276

    /// Nil where the rate is not one of 8, 12, 16, 24 or 48 kHz, or memory is short.
    ///
    /// - Parameters:
    ///   - bitrate: bits a second; libopus limits it to 500…512,000.
    ///   - complexity: 0 (least work) to 10.
    ///   - expectedLoss: percent of packets that will be lost; above 0 packets carry repeats of the frame before.
    public init?(sampleRate: Int, bitrate: Int, complexity: Int = 5, expectedLoss: Int = 0) {
        guard let rate = opus_int32(exactly: sampleRate), [8_000, 12_000, 16_000, 24_000, 48_000].contains(rate),
            let encoder = unsafe opus_encoder_create(rate, 1, OPUS_APPLICATION_VOIP, nil)
        else { return nil }
        let loss = opus_int32(max(0, min(100, expectedLoss)))
        let lookahead = unsafe copus_lookahead(encoder)
        guard unsafe copus_set_bitrate(encoder, opus_int32(max(500, min(512_000, bitrate)))) == OPUS_OK,
            unsafe copus_set_complexity(encoder, opus_int32(max(0, min(10, complexity)))) == OPUS_OK,
            unsafe copus_set_forward_error_correction(encoder, loss > 0 ? 1 : 0, loss) == OPUS_OK,
            unsafe copus_set_voice(encoder) == OPUS_OK, lookahead >= 0
        else {
            unsafe opus_encoder_destroy(encoder)
            return nil
        }
        self.sampleRate = sampleRate
        preSkip = Int(lookahead) * 48_000 / sampleRate
        unsafe self.encoder = unsafe encoder
    }

    deinit { unsafe opus_encoder_destroy(encoder) }

    /// Encodes a frame of 2.5, 5, 10, 20, 40 or 60 ms into the first octets of `output` and returns how many; 0 where
    /// the length is none of these or `output` is too short. ``longestPacket`` octets always suffice.
    public mutating func encode(_ frame: Span<Int16>, into output: inout MutableSpan<UInt8>) -> Int {
        guard let samples = Int32(exactly: frame.count), let room = Int32(exactly: output.count), room > 0 else {
            return 0
        }
        let written = unsafe output.withUnsafeMutableBufferPointer { packet in
            unsafe frame.withUnsafeBufferPointer { pcm in
                guard let from = pcm.baseAddress, let to = packet.baseAddress else { return Int32(0) }
                return unsafe opus_encode(encoder, from, samples, to, room)
            }
        }
        return max(0, Int(written))
    }

    /// As above; afterwards `packet` holds the packet and nothing else, or is empty where 0 is returned. It allocates
    /// only where its capacity is below ``longestPacket``.
    public mutating func encode(_ frame: Span<Int16>, into packet: inout [UInt8]) -> Int {
        packet.removeAll(keepingCapacity: true)
        packet.append(contentsOf: repeatElement(0, count: Self.longestPacket))
        var room = packet.mutableSpan
        let written = encode(frame, into: &room)
        packet.removeLast(Self.longestPacket - written)
        return written
    }
}
