import StreamSink

/// Samples that follow each other, and the place of the first, in samples from a session's start.
struct AudioBlock {
    var position: Int64
    var samples: [Int16]

    /// Drops the samples before a place.
    mutating func cut(before start: Int64) {
        guard position < start else { return }
        let count = Int(clamping: start - position)
        samples.removeFirst(min(count, samples.count))
        position = start
    }
}

/// Decodes a track's blocks and finds their exact places: never two samples in the same one.
struct BlockPlacer {
    /// Samples a second.
    let rate: Int
    /// Whether the codec could make nothing of the last packet.
    private(set) var hasFailed = false
    private let decoder: (any SpeechDecoder)?
    /// Where the next block begins when nothing is missing.
    private var expected: Int64?
    /// A place earlier than that by less is jitter of the packets' places, not an overlap.
    private static let slackMilliseconds: Int64 = 40

    /// Whether blocks are samples already.
    var isPCM: Bool { decoder == nil }

    /// Nil where there is no decoder for the track.
    init?(_ track: MatroskaScanner.TrackDescription) {
        if track.isPCM {
            guard (1000...192_000).contains(track.samplingFrequency) else { return nil }
            decoder = nil
            rate = Int(track.samplingFrequency)
        } else {
            guard let decoder = SpeechDecoders.make(track) else { return nil }
            self.decoder = decoder
            rate = decoder.rate
        }
    }

    /// Decodes a packet; nil where nothing comes of it.
    mutating func place(packet: [UInt8], at milliseconds: Int64) -> AudioBlock? {
        guard let decoder else { return nil }
        let samples = decoder.decode(packet)
        hasFailed = samples.isEmpty
        let delay = Int64(decoder.delay)
        // The packet's place is cut to a millisecond; the samples go on where the last ones ended.
        if let expected, (expected + delay) * 1000 / Int64(rate) == milliseconds { return place(samples, at: expected) }
        return place(samples, at: milliseconds * Int64(rate) / 1000 - delay)
    }

    /// Puts samples in their place; nil where it is taken, or before the start (an encoder's delay).
    mutating func place(_ samples: [Int16], at position: Int64) -> AudioBlock? {
        var block = AudioBlock(position: position, samples: samples)
        if let expected, position < expected {
            if (expected - position) * 1000 <= Self.slackMilliseconds * Int64(rate), decoder != nil {
                block.position = expected
            } else {
                block.cut(before: expected)
            }
        }
        block.cut(before: 0)
        guard !block.samples.isEmpty else { return nil }
        expected = block.position + Int64(block.samples.count)
        return block
    }
}
