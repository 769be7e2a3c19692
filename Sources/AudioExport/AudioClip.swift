/// Whole small files in memory. Each function may be called from any thread and needs about twice the output's size.
public enum AudioClip {
    /// The most samples, of all channels together, that a clip may have: 256 MB of PCM.
    public static let maximumSamples = 128 << 20

    /// An MP4 of AAC-LC with its index in front. The encoder's delay is taken off by an edit list.
    /// - Parameters:
    ///   - samples: interleaved, left first.
    ///   - comments: names and values of the file's tags.
    public static func mp4(
        _ samples: [Int16], sampleRate: Int, channels: Int, comments: [(name: String, value: String)] = []
    ) throws(AudioLibraryError) -> [UInt8] {
        guard samples.count <= maximumSamples, channels == 1 || channels == 2 else {
            throw AudioLibraryError("make the MP4", -22)
        }
        let file = try MP4File(
            path: nil, rate: sampleRate, channels: channels, expectedFrames: Int64(samples.count / channels),
            comments: comments)
        try file.write(samples)
        return try file.finishInMemory()
    }

    /// A WAV file of 16-bit PCM.
    /// - Parameter samples: interleaved, left first; those beyond ``maximumSamples`` are left out.
    public static func wave(_ samples: [Int16], sampleRate: Int, channels: Int) -> [UInt8] {
        let samples = samples.prefix(maximumSamples)
        let header = WaveHeader(rate: sampleRate, channels: max(1, channels), isExtensible: false)
        return header.bytes(dataBytes: Int64(samples.count) * 2) + [UInt8](littleEndian: samples)
    }
}
