/// What a session's `TrackEntry` says of its format.
struct MatroskaTrack: Equatable {
    /// The codec of payloads that have no other: our own, with the codec's description as private data.
    static let unknownCodecID = "A_EARSHOT/RTP"
    static let pcmCodecID = "A_PCM/INT/LIT"
    static let opusCodecID = "A_OPUS"
    /// Microsoft's audio codes, with a WAVEFORMATEX as private data.
    static let waveCodecID = "A_MS/ACM"

    /// `Track_` and the media type; single-track consumers look for `Track_audio/L16` when no other name fits.
    var name: String
    var codecID: String
    var codecPrivate: [UInt8] = []
    /// Nanoseconds.
    var codecDelay: UInt64 = 0
    /// Nanoseconds.
    var seekPreRoll: UInt64 = 0
    var samplingFrequency: Double
    var channels: UInt64 = 1
    var bitDepth: UInt64?

    /// - Parameter preSkip: the delay of an Opus encoder in samples of 48,000 a second.
    init(_ format: StreamFormat, preSkip: Int) {
        switch format {
        case .pcm(let rate):
            name = "Track_audio/L16"
            codecID = Self.pcmCodecID
            samplingFrequency = Double(rate)
            bitDepth = 16
        case .opus(let rate):
            name = "Track_\(format.mediaType)"
            codecID = Self.opusCodecID
            samplingFrequency = 48_000
            setOpus(channels: 1, preSkip: preSkip, inputRate: rate)
        case .payload(let track):
            name = "Track_\(format.mediaType)"
            samplingFrequency = 8000
            switch track.codec {
            case .muLaw:
                codecID = Self.waveCodecID
                codecPrivate = Self.waveFormat(0x0007, sampleRate: 8000, bytesPerSecond: 8000, bits: 8)
            case .aLaw:
                codecID = Self.waveCodecID
                codecPrivate = Self.waveFormat(0x0006, sampleRate: 8000, bytesPerSecond: 8000, bits: 8)
            case .g722:
                codecID = Self.waveCodecID
                samplingFrequency = 16_000
                codecPrivate = Self.waveFormat(0x028F, sampleRate: 16_000, bytesPerSecond: 8000, bits: 4)
            case .opus:
                codecID = Self.opusCodecID
                samplingFrequency = 48_000
                // RFC 7587 §7: a sender that will send stereo says so; the packets tell nothing before they come. A decoder
                // gives out as many channels as this says, whatever the packets hold.
                let parameters = (track.formatParameters ?? "").lowercased().split { $0 == ";" || $0 == " " }
                setOpus(channels: parameters.contains("sprop-stereo=1") ? 2 : 1, preSkip: 0, inputRate: 48_000)
            case .unknown:
                codecID = Self.unknownCodecID
                samplingFrequency = Double(track.clockRate)
                codecPrivate = Self.description(track)
            }
        }
    }

    /// RFC 7845 §5.1 for the head, RFC 9559 §5.1.4.1.25 and §5.1.4.1.26 with the codec mapping for the times: the delay
    /// is the pre-skip, and 80 ms are decoded before a place that is sought.
    private mutating func setOpus(channels: UInt8, preSkip: Int, inputRate: Int) {
        let skip = UInt16(clamping: preSkip)
        let rate = UInt32(clamping: inputRate)
        codecPrivate = Array("OpusHead".utf8) + [1, channels] + Self.littleEndian(skip)
        codecPrivate += Self.littleEndian(rate) + [0, 0, 0]
        codecDelay = UInt64(skip) * 1_000_000_000 / 48_000
        seekPreRoll = 80_000_000
        self.channels = UInt64(channels)
    }

    /// A WAVEFORMATEX without extra bytes, mono.
    private static func waveFormat(
        _ tag: UInt16, sampleRate: UInt32, bytesPerSecond: UInt32, bits: UInt16
    ) -> [UInt8] {
        littleEndian(tag) + littleEndian(UInt16(1)) + littleEndian(sampleRate) + littleEndian(bytesPerSecond)
            + littleEndian(UInt16(1)) + littleEndian(bits) + littleEndian(UInt16(0))
    }

    /// Lines of `name=value`: what is needed to depacketise the blocks, each of which is one RTP payload.
    private static func description(_ track: PayloadTrack) -> [UInt8] {
        var text = """
            encoding=\(track.encodingName)
            clock-rate=\(track.clockRate)
            payload-type=\(track.payloadType)

            """
        if let parameters = track.formatParameters { text += "fmtp=\(parameters)\n" }
        return Array(text.utf8)
    }

    private static func littleEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }
}
