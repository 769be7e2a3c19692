/// What the `fmt ` chunk of a WAV file says.
public struct WaveFormat: Equatable, Sendable, CustomStringConvertible {
    /// The format tag; for WAVE_FORMAT_EXTENSIBLE the one of its sub-format, or nil where that is none of them.
    public var tag: UInt16?
    /// Channels.
    public var channels: UInt16
    /// Samples per second.
    public var sampleRate: UInt32
    /// Bits a sample.
    public var bitsPerSample: UInt16

    /// 16-bit linear PCM at 8 kHz, one channel: what the sender takes.
    public var isTelephone: Bool { tag == 1 && channels == 1 && sampleRate == 8000 && bitsPerSample == 16 }

    /// `24-bit PCM, 44100 Hz, 2 channels`.
    public var description: String {
        let kind =
            switch tag {
            case 1: "\(bitsPerSample)-bit PCM"
            case 3: "\(bitsPerSample)-bit floating point"
            case 6: "G.711 A-law"
            case 7: "G.711 µ-law"
            case 2, 0x11: "ADPCM"
            case 0x31: "GSM 6.10"
            case 0x55: "MP3"
            case .some(let tag): "format 0x\(String(tag, radix: 16))"
            case nil: "an unknown extensible format"
            }
        let count =
            switch channels {
            case 0: "no channel"
            case 1: "mono"
            case 2: "stereo"
            default: "\(channels) channels"
            }
        return "\(kind), \(sampleRate) Hz, \(count)"
    }

    /// Reads the chunk's octets; nil when there are fewer than the 16 of its first version.
    init?(_ chunk: ArraySlice<UInt8>) {
        let octets = Array(chunk.prefix(40))
        guard octets.count >= 16 else { return nil }
        func word(_ offset: Int) -> UInt16 { UInt16(octets[offset]) | UInt16(octets[offset + 1]) << 8 }
        tag = word(0)
        channels = word(2)
        sampleRate = UInt32(word(4)) | UInt32(word(6)) << 16
        bitsPerSample = word(14)
        guard tag == 0xFFFE else { return }
        // WAVE_FORMAT_EXTENSIBLE: the first two octets of the sub-format's GUID are the tag.
        tag = octets.count == 40 && Array(octets[26...]) == Self.guidEnd ? word(24) : nil
    }

    /// The GUID of each registered format after its tag: `xxxx0000-0000-0010-8000-00AA00389B71`.
    private static let guidEnd: [UInt8] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]
}
