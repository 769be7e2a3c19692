extension LegTimeline {
    /// Comfort noise (RFC 3389): from here to its next audio the sender is silent, and this is how its silence sounds.
    @inline(never)
    mutating func receiveComfortNoise(
        _ header: RTPHeader, _ datagram: borrowing RawSpan, _ arrival: Int64
    ) -> Reception {
        statistics.comfortNoise += 1
        guard policy.rendersComfortNoise, format.audio,
            let noise = ComfortNoise(parsing: datagram.extracting(header.payload))
        else { return .accepted }
        let expected = samples(at: arrival) - drift.latency
        var start = expected
        if source.isAnchored, source.clock.hertz == payloads.clockRate(header.payloadType) {
            let position = source.position(of: source.mediaTime.nearest(header.timestamp))
            // As for events: a time that has nothing to do with the packet's arrival says nothing.
            if abs(position - expected) <= policy.maximumSteadyLead { start = position }
        }
        output.note(noise, at: start, after: audioEnd)
        return .accepted
    }
}

/// A pause that has a sound: its noise, and where on the line it lies.
struct NoisyPause: ~Copyable {
    private var generator: ComfortNoiseGenerator
    private(set) var range: Range<Int64>
    /// For so long one packet is believed; senders tell a change, and many nothing else, but a sender that has gone must
    /// not be heard breathing for the rest of the call.
    private let patience: Int64
    /// A packet of noise may be stamped with the beginning of the last frame.
    private let tolerance: Int64

    init(at start: Int64, sampleRate: Int) {
        generator = ComfortNoiseGenerator(seed: UInt64(bitPattern: start))
        patience = 60 * Int64(sampleRate)
        tolerance = Int64(sampleRate) / 50
        range = start..<start
    }

    /// Another packet: the pause goes on, or is a new one when there has been audio since. Its level holds for what is
    /// filled from now on, so a change is heard as much too early as the line is behind, half a second at most.
    mutating func note(_ noise: ComfortNoise, at start: Int64, after audioEnd: Int64) {
        let first = isBefore(audioEnd) || range.isEmpty ? start : min(range.lowerBound, start)
        range = first..<max(first, start &+ patience)
        generator.set(level: noise.level)
    }

    /// What of `wanted` sounds, no more than a second at a time, when `audioEnd` is the end of the last audio.
    func sounding(in wanted: Range<Int64>, after audioEnd: Int64) -> Range<Int64> {
        if isBefore(audioEnd) { return wanted.lowerBound..<wanted.lowerBound }
        let sounding = range.clamped(to: wanted)
        return sounding.lowerBound..<min(sounding.upperBound, sounding.lowerBound + 50 * tolerance)
    }

    private func isBefore(_ audioEnd: Int64) -> Bool { range.lowerBound + tolerance < audioEnd }

    mutating func fill(_ room: inout MutableSpan<Int16>) { generator.fill(&room) }

    mutating func shift(by samples: Int64) {
        range = range.lowerBound + samples..<range.upperBound + samples
    }
}
