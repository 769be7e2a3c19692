/// Encoded audio at a fixed address, shared by every call that sends it. 8,000 octets a second.
///
/// The sender's thread hands its address to the kernel, packet by packet; it never changes.
public final class EncodedSpeech: @unchecked Sendable {
    /// The codec.
    public let codec: SpeechCodec
    /// Samples of the 8 kHz voice, which are also octets.
    public let count: Int
    let bytes: UnsafePointer<UInt8>

    /// Encodes samples and adds silence, until there are `count` of them at least.
    public init(_ samples: [Int16], codec: SpeechCodec, count: Int = 0) {
        self.codec = codec
        self.count = max(samples.count, count, 1)
        let silence = [Int16](repeating: 0, count: self.count - samples.count)
        let octets = codec.encode(samples + silence)
        let storage = UnsafeMutablePointer<UInt8>.allocate(capacity: self.count)
        for (index, octet) in octets.enumerated() { (storage + index).initialize(to: octet) }
        bytes = UnsafePointer(storage)
    }

    /// Encodes the voices of one conversation to one length, whole packets long, so that they stay together when they
    /// repeat.
    /// - Parameter packetTime: milliseconds.
    public static func conversation(_ voices: [WaveAudio], codec: SpeechCodec, packetTime: Int) -> [EncodedSpeech] {
        let unit = max(1, packetTime * 8)
        let longest = voices.map(\.samples.count).max() ?? 0
        let length = (longest + unit - 1) / unit * unit
        return voices.map { EncodedSpeech($0.samples, codec: codec, count: length) }
    }

    deinit { bytes.deallocate() }
}
