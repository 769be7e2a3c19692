import Synchronization

/// WebM with Opus for a browser's `MediaSource` (`audio/webm; codecs=opus`), from PCM as it comes.
///
/// One writer a listener or a shared stream: the encoder goes on from cluster to cluster, so nothing is to be heard
/// where they join. A listener who comes later gets ``initializationSegment`` and any cluster from then on. Safe to
/// call from any thread; a call takes at most ``maximumSamples``, keeps less than 20 ms back, and holds a lock while
/// it encodes.
public final class WebMOpusWriter: Sendable {
    /// The most samples a channel that one call takes: 60 s.
    public var maximumSamples: Int { sampleRate * 60 }
    /// Samples a second and channel of the input.
    public let sampleRate: Int
    /// Channels, 1 or 2 (left first).
    public let channels: Int
    /// EBML header, Segment of unknown size, Info and Tracks.
    public let initializationSegment: [UInt8]

    private struct State {
        // Unchecked in effect: used under the lock only.
        nonisolated(unsafe) var encoder: OpusFrames
        var queue: FrameQueue
        /// Time of the next packet, in packets of 20 ms from ``startMilliseconds``.
        var packets: Int64 = 0
        var startMilliseconds: Int64
    }
    private let state: Mutex<State>
    /// A cluster is at most so long: the times of blocks are 16-bit.
    private static let packetsPerCluster: Int64 = 1000

    /// - Parameters:
    ///   - sampleRate: 8, 12, 16, 24 or 48 kHz.
    ///   - startMilliseconds: the media time of the first sample.
    ///   - bitrate: bits a second; nil for 24 kb/s (8 kHz), 32 kb/s (16 kHz) or 48 kb/s a channel.
    public init(
        sampleRate: Int, channels: Int, startMilliseconds: Int64 = 0, bitrate: Int? = nil
    ) throws(AudioLibraryError) {
        let encoder = try OpusFrames(rate: sampleRate, channels: channels, bitrate: bitrate)
        self.sampleRate = sampleRate
        self.channels = channels
        var bytes = MatroskaBytes()
        bytes.addDocument("webm")
        bytes.add(id: MatroskaID.segment)
        bytes.add(bigEndian: 0x01FF_FFFF_FFFF_FFFF, count: 8)
        bytes.add(MatroskaID.info) { info in
            info.add(0x2AD7B1, 1_000_000 as UInt64)
            info.add(0x4D80, "Earshot")
            info.add(0x5741, "Earshot")
        }
        bytes.add(MatroskaID.tracks) { tracks in
            tracks.add(
                MatroskaOutputTrack(
                    number: 1, name: "", codecID: "A_OPUS", codecPrivate: encoder.head,
                    codecDelayNanoseconds: UInt64(encoder.preSkip) * 1_000_000_000 / 48_000,
                    samplingFrequency: 48_000, channels: channels))
        }
        initializationSegment = bytes.bytes
        let queue = FrameQueue(length: encoder.frameLength * channels)
        state = Mutex(State(encoder: encoder, queue: queue, startMilliseconds: max(0, startMilliseconds)))
    }

    /// Adds samples (interleaved) and gives out a cluster of all whole packets; empty where there is none yet.
    /// Samples beyond ``maximumSamples`` a channel are left out.
    public func append(_ samples: [Int16]) throws(AudioLibraryError) -> [UInt8] {
        try run(samples, isLast: false)
    }

    /// What is left, filled up to a packet with silence; the writer can go on afterwards.
    public func flush() throws(AudioLibraryError) -> [UInt8] {
        try run([], isLast: true)
    }

    /// The next sample that is added has this media time (a gap, or a place that was sought); what waited is dropped.
    /// - Parameter milliseconds: never earlier than what was given out already, else that is taken.
    public func jump(to milliseconds: Int64) {
        state.withLock { state in
            state.startMilliseconds = max(milliseconds, state.startMilliseconds + state.packets * 20)
            state.packets = 0
            state.queue = FrameQueue(length: state.queue.length)
        }
    }

    private func run(_ samples: [Int16], isLast: Bool) throws(AudioLibraryError) -> [UInt8] {
        let result: Result<[UInt8], AudioLibraryError> = state.withLock { state in
            state.queue.append(samples.prefix(maximumSamples * channels))
            var output = MatroskaBytes()
            var cluster = MatroskaBytes()
            var time: Int64 = 0
            var first: Int64 = 0
            func close() {
                guard !cluster.bytes.isEmpty else { return }
                output.add(MatroskaID.cluster) { body in
                    body.add(MatroskaID.timecode, UInt64(time))
                    body.add(raw: cluster.bytes)
                }
                cluster.removeAll()
            }
            do throws(AudioLibraryError) {
                while let frame = state.queue.next(isLast: isLast) {
                    if cluster.bytes.isEmpty || state.packets - first >= Self.packetsPerCluster {
                        close()
                        first = state.packets
                        time = state.startMilliseconds + first * 20
                    }
                    let packet = try state.encoder.encode(frame)
                    cluster.addBlock(
                        track: 1, relativeMilliseconds: Int16(clamping: (state.packets - first) * 20), packet)
                    state.packets += 1
                }
            } catch {
                return .failure(error)
            }
            close()
            return .success(output.bytes)
        }
        return try result.get()
    }
}
