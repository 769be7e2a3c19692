extension LegTimeline {
    /// Where a packet lies on the line. Anchors its source when it is new, when its clock has changed, and again when
    /// its media time jumped or when silence has already been filled past its place.
    @inline(__always)
    mutating func place(
        _ timestamp: UInt32, _ length: Int64, _ sequence: Int64, hertz: UInt32, isNewest: Bool, _ arrival: Int64,
        _ arrivalPosition: Int64
    ) -> Int64 {
        guard source.isAnchored, source.clock.hertz == hertz else {
            guard isNewest else { return placeByNumber(sequence, length) }
            return anchor(timestamp, length, sequence, arrival, arrivalPosition)
        }
        let time = source.mediaTime.nearest(timestamp)
        source.updateJitter(arrival: arrival, time: time)
        let position = source.position(of: time)
        // An older packet lies before the newest one; whatever it claims otherwise is nonsense, and too late.
        guard isNewest else { return position <= source.newestPosition ? position : .min / 2 }
        let expected = arrivalPosition - drift.latency
        // Media time and sequence number moved together: a stalled network brings such packets, not a jump.
        let steady =
            position - source.newestPosition == (sequence - source.newestSequence) * source.newestLength
        let tolerated = steady ? policy.maximumSteadyLead : policy.maximumLead
        let jumped = abs(position - expected) > tolerated
        // Silence was filled in past its place, or its sender went back in time. A place that other audio has taken is
        // no reason to move: two sources at once would chase each other ahead of the clock.
        let slack = 8 * factor
        let overtaken =
            position < frontier - slack && (position >= audioEnd - slack || time < source.mediaTime)
        guard jumped || overtaken else {
            source.note(newest: time, at: position, length: length, sequence: sequence)
            return position
        }
        return anchor(timestamp, length, sequence, arrival, arrivalPosition)
    }

    /// An older packet than the newest one, from before the clock changed (RFC 7160 §4.1): nothing relates the two
    /// times, but the numbers say how many packets lie between.
    private func placeByNumber(_ sequence: Int64, _ length: Int64) -> Int64 {
        let between = source.newestSequence - sequence
        guard source.isAnchored, between > 0, between <= 50 else { return .min / 2 }
        return source.newestPosition - between * length
    }

    /// Lays `timestamp` at the place that its arrival says, or right behind the source's last packet (and room for those
    /// that are missing) when the two differ by no more than the network's jitter explains. Where audio already lies it
    /// goes behind it, but never so far that the line would run ahead of the clock: then it keeps its place, and what
    /// overlaps is cut and counted.
    @inline(never)
    private mutating func anchor(
        _ timestamp: UInt32, _ length: Int64, _ sequence: Int64, _ arrival: Int64, _ arrivalPosition: Int64
    ) -> Int64 {
        let expected = arrivalPosition - drift.latency
        let missing = sequence - source.newestSequence - 1
        let followsItself = source.newestLength > 0 && missing >= 0 && missing <= 50
        let end =
            followsItself ? source.newestPosition + (missing + 1) * source.newestLength : lineEnd
        let jitter = source.jitter * 8 * factor / 1_000_000
        let tolerance = min(2_000 * factor, 320 * factor + 4 * jitter)
        let snapped = hasPlaced && abs(expected - end) <= tolerance ? end : expected
        let position = frontier - expected > policy.maximumLead ? expected : max(snapped, frontier)
        let time = source.anchor(timestamp, at: position)
        source.updateJitter(arrival: arrival, time: time)
        source.note(newest: time, at: position, length: length, sequence: sequence)
        statistics.anchors += 1
        return position
    }

    /// The end of all audio received so far.
    private var lineEnd: Int64 { max(frontier, held.end ?? frontier) }
}
