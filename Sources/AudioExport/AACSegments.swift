internal import CAVFormat

/// Fragmented MP4 with AAC-LC for HLS: an initialisation segment, and media segments that are made independently of
/// each other and still join.
///
/// A value without state: any segment can be made at any time, in any order, by any thread, and comes out the same.
/// The line of a stream's samples is cut into frames of ``frameLength``; a segment is a range of frames. Its encoder
/// is fed some frames before the range (the lead-in, whose packets are dropped) so that the first packet overlaps
/// with the one that ends the segment before; and one behind it, since a packet completes the frame before the one
/// that was put in.
public struct AACSegments: Sendable {
    /// Samples a channel in a frame.
    public static let frameLength = 1024
    /// Frames before a segment that its encoder hears.
    public static let leadInFrames: Int64 = 6
    /// The most frames in a segment.
    public static let maximumFrames: Int64 = 4096

    /// Samples a second, one that AAC has; also the timescale of the segments.
    public let sampleRate: Int
    /// Channels, 1 or 2.
    public let channels: Int
    private var bitrate: Int { MP4File.bitrate(rate: sampleRate, channels: channels) }

    /// Nil where AAC has no such rate (8 to 48 kHz as in telephony are all there) or number of channels.
    public init?(sampleRate: Int, channels: Int) {
        guard cav_aac_rate_supported(Int32(clamping: sampleRate)) != 0, channels == 1 || channels == 2 else {
            return nil
        }
        self.sampleRate = sampleRate
        self.channels = channels
    }

    /// The samples (a channel) that ``segment(frames:sequence:samples:)`` wants for a range of frames. Those before
    /// the start of the stream (negative) and behind its end are silence.
    public static func samples(for frames: Range<Int64>) -> Range<Int64> {
        let length = Int64(frameLength)
        return (frames.lowerBound - leadInFrames) * length..<(frames.upperBound + 1) * length
    }

    /// The bytes of `EXT-X-MAP`.
    public func initialization() throws(AudioLibraryError) -> [UInt8] {
        try AudioLibraryError.taking("make the initialisation segment") { bytes, size in
            cav_initialization(
                Int32(clamping: sampleRate), Int32(channels), Int32(clamping: bitrate), &bytes, &size)
        }
    }

    /// One `moof` and its `mdat`; decode time `frames.lowerBound * frameLength` in units of the sample rate.
    /// - Parameters:
    ///   - frames: at most ``maximumFrames``, none before 0.
    ///   - sequence: the segment's number, from 1.
    ///   - samples: those of ``samples(for:)``, interleaved.
    /// - Throws: also where range and samples do not fit each other (`Invalid argument`).
    public func segment(
        frames: Range<Int64>, sequence: Int, samples: [Int16]
    ) throws(AudioLibraryError) -> [UInt8] {
        let wanted = Self.samples(for: frames)
        guard frames.lowerBound >= 0, !frames.isEmpty, Int64(frames.count) <= Self.maximumFrames,
            frames.upperBound < 1 << 50, samples.count == wanted.count * channels
        else { throw AudioLibraryError("make a segment", -22) }
        return try AudioLibraryError.taking("make a segment") { bytes, size in
            cav_segment(
                samples, Int32(wanted.count), Int32(clamping: sampleRate), Int32(channels), Int32(clamping: bitrate),
                Int32(Self.leadInFrames), Int32(Self.leadInFrames) + Int32(frames.count),
                frames.lowerBound * Int64(Self.frameLength), Int32(clamping: sequence), &bytes, &size)
        }
    }
}
