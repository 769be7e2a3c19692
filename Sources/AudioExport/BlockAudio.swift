public import StreamSink

/// Decodes a track's blocks one by one and finds their exact places: for readers that follow a stream. One task's.
public final class BlockAudio {
    /// Samples a second of the output.
    public let sampleRate: Int
    private var placer: BlockPlacer

    /// Nil where there is no decoder for the track.
    public init?(_ track: MatroskaScanner.TrackDescription) {
        guard let placer = BlockPlacer(track), !placer.isPCM else { return nil }
        self.placer = placer
        sampleRate = placer.rate
    }

    /// The samples of a packet and the place of the first one, in samples from the session's start; nil where nothing
    /// comes of it.
    /// - Parameter milliseconds: the packet's place, from the session's start.
    public func samples(
        of packet: [UInt8], atMilliseconds milliseconds: Int64
    ) -> (position: Int64, samples: [Int16])? {
        placer.place(packet: packet, at: milliseconds).map { ($0.position, $0.samples) }
    }
}
