/// What a session's file holds: decoded samples, Opus made of them, or the leg's own payload untouched.
public enum StreamFormat: Sendable, Equatable {
    /// 16-bit little-endian PCM, mono, of 8,000 or 16,000 samples a second. At 8,000 it is the service's default format.
    case pcm(sampleRate: Int)
    /// Opus packets of 20 ms, encoded from samples of 8,000 or 16,000 a second by the session's ``FrameEncoder``.
    case opus(sampleRate: Int)
    /// The payloads of the leg's RTP packets as they came.
    case payload(PayloadTrack)

    /// Samples a second of the line on which positions and lengths are counted.
    public var sampleRate: Int {
        switch self {
        case .pcm(let rate), .opus(let rate): rate
        case .payload(let track): track.sampleRate
        }
    }

    /// Whether ``StreamSession/append(payload:at:length:)`` feeds it, and not ``StreamSession/append(_:)``.
    public var isPayload: Bool {
        if case .payload = self { true } else { false }
    }

    /// Whether the payload is of a codec that has no Matroska codec of its own: kept, but no player will play it.
    public var isUnknownCodec: Bool {
        if case .payload(let track) = self { track.codec == .unknown } else { false }
    }

    /// The media type in events: `audio/L16` for the default format.
    public var mediaType: String {
        switch self {
        case .pcm(let rate): rate == 8000 ? "audio/L16" : "audio/L16;rate=\(rate)"
        case .opus: "audio/opus"
        case .payload(let track): "audio/\(track.encodingName)"
        }
    }

    /// The name in records and journals, e.g. `pcm/8000`, `opus/16000`, `payload/PCMU/8000`.
    public var name: String {
        switch self {
        case .pcm(let rate): "pcm/\(rate)"
        case .opus(let rate): "opus/\(rate)"
        case .payload(let track): "payload/\(track.encodingName)/\(track.clockRate)"
        }
    }

    /// Samples in a full block of 20 ms.
    var samplesPerBlock: Int { sampleRate / 50 }

    /// Whether samples of this rate can be laid on the grid of 20 ms blocks.
    var isUsable: Bool {
        switch self {
        case .pcm(let rate), .opus(let rate): rate == 8000 || rate == 16000
        case .payload(let track): (1000...192_000).contains(track.sampleRate) && track.clockRate > 0
        }
    }
}

/// The codec of a leg's own payload, as its session description names it.
public struct PayloadTrack: Sendable, Equatable {
    /// The encoding's name, e.g. `PCMU`; letters, digits and `-._` only, at most 64, others are left out.
    public let encodingName: String
    /// The RTP clock, ticks a second.
    public let clockRate: Int
    /// Samples a second of the line on which positions and lengths are counted.
    public let sampleRate: Int
    /// The RTP payload type.
    public let payloadType: UInt8
    /// The `a=fmtp` parameters; at most 1,024 bytes are kept.
    public let formatParameters: String?

    /// Makes a track. `sampleRate` is that of the positions that will be handed in: 8,000 on the
    /// media engine's verbatim lines.
    public init(
        encodingName: String, clockRate: Int, sampleRate: Int = 8000, payloadType: UInt8,
        formatParameters: String? = nil
    ) {
        let name = encodingName.utf8.prefix(64).filter { byte in
            (byte >= 0x30 && byte <= 0x39) || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A)
                || [0x2D, 0x2E, 0x5F].contains(byte)
        }
        self.encodingName = name.isEmpty ? "unknown" : String(decoding: name, as: UTF8.self)
        self.clockRate = clockRate
        self.sampleRate = sampleRate
        self.payloadType = payloadType
        self.formatParameters = formatParameters.map { text in
            String(decoding: text.utf8.prefix(1024).filter { $0 >= 0x20 && $0 != 0x7F }, as: UTF8.self)
        }
    }

    /// The codecs for which Matroska, or Microsoft's audio codes within it, has a name.
    enum Codec { case muLaw, aLaw, g722, opus, unknown }

    var codec: Codec {
        switch (encodingName.uppercased(), clockRate) {
        case ("PCMU", 8000): .muLaw
        case ("PCMA", 8000): .aLaw
        // RFC 3551 §4.5.2: G.722's clock is 8,000 although it has 16,000 samples a second.
        case ("G722", 8000): .g722
        case ("OPUS", 48000): .opus
        default: .unknown
        }
    }
}
