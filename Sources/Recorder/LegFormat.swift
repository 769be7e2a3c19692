import MediaCore
import SDP
import StreamSink

/// What becomes of a leg's audio: what comes out of its time line, and what its file holds. Decided when the stream
/// starts, by the connector's choice and by the codec that the answer names first; it stays for the stream's life.
struct LegFormat {
    let timeline: TimelineFormat
    let stream: StreamFormat
    /// Whether the codec cannot be decoded, so that payloads are kept whatever was chosen.
    let isUnknownCodec: Bool

    init(_ choice: RecorderSettings.StreamChoice, codec: PayloadFormat?) {
        if let codec, !codec.isDecodable {
            isUnknownCodec = true
            timeline = .verbatim
            stream = .payload(PayloadTrack(codec))
            return
        }
        isUnknownCodec = false
        let isWideband = codec?.isWideband ?? false
        switch choice {
        case .pcm:
            timeline = .narrowband
            stream = .pcm(sampleRate: 8000)
        case .pcm16:
            timeline = isWideband ? .wideband : .narrowband
            stream = .pcm(sampleRate: timeline.sampleRate)
        case .opus:
            timeline = isWideband ? .wideband : .narrowband
            stream = .opus(sampleRate: timeline.sampleRate)
        case .payload:
            timeline = .verbatim
            stream = .payload(PayloadTrack(codec ?? .pcmu))
        }
    }

    /// Whether a stream of this format can go on with what a re-offer has first. If not, it ends, and another begins.
    func holds(_ codec: PayloadFormat?) -> Bool {
        guard let codec else { return true }
        return switch stream {
        case .payload(let track): track.isCodec(codec)
        case .pcm, .opus: codec.isDecodable
        }
    }

    /// Makes the encoder of a stream of Opus; nil for other streams.
    var encoder: FrameEncoderFactory? {
        guard case .opus(let rate) = stream else { return nil }
        return { OpusFrameEncoder(sampleRate: rate) }
    }
}

extension PayloadTrack {
    init(_ format: PayloadFormat) {
        self.init(
            encodingName: format.encodingName.isEmpty ? "unknown" : format.encodingName, clockRate: format.clockRate,
            sampleRate: TimelineFormat.verbatim.sampleRate, payloadType: format.payloadType,
            formatParameters: format.formatParameters)
    }

    /// Whether `format` is the codec of the track, whatever its number; a codec without a name has nothing else.
    func isCodec(_ format: PayloadFormat) -> Bool {
        let other = PayloadTrack(format)
        return other.encodingName.lowercased() == encodingName.lowercased() && other.clockRate == clockRate
            && (!format.encodingName.isEmpty || other.payloadType == payloadType)
    }
}

/// Opus for streams: libopus behind the interface of the stream writer, on whose thread it lives.
final class OpusFrameEncoder: FrameEncoder {
    private let sampleRate: Int
    private var encoder: OpusEncoder
    private var scratch: [UInt8] = []
    let preSkip: Int

    /// Bits a second. Speech of telephone bandwidth is transparent at 16 kbit/s and wideband at 24 kbit/s, about a
    /// tenth of the samples.
    private static func bitrate(_ sampleRate: Int) -> Int { sampleRate > 8000 ? 24_000 : 16_000 }

    /// Nil where memory is short.
    init?(sampleRate: Int) {
        guard let encoder = OpusEncoder(sampleRate: sampleRate, bitrate: Self.bitrate(sampleRate)) else { return nil }
        self.sampleRate = sampleRate
        preSkip = encoder.preSkip
        self.encoder = encoder
        scratch.reserveCapacity(OpusEncoder.longestPacket)
    }

    func encode(_ frame: Span<Int16>, into packet: inout [UInt8]) {
        guard encoder.encode(frame, into: &scratch) > 0 else { return }
        packet.append(contentsOf: scratch)
    }

    func reset() {
        // Where memory is short now, the former state blends into the next frame, which is better than silence.
        if let fresh = OpusEncoder(sampleRate: sampleRate, bitrate: Self.bitrate(sampleRate)) { encoder = fresh }
    }
}
