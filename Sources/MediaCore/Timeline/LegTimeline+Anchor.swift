extension LegTimeline {
    /// Where a packet lies on the line. Anchors its source when it is new, and again when its media time jumped or
    /// when silence has already been filled past its place.
    mutating func place(
        _ time: MediaTime, _ length: Int64, source index: Int, _ sequence: Int64, isNewest: Bool,
        _ arrivalPosition: Int64
    ) -> Int64 {
        guard let offset = sources[index].offset else {
            return anchor(time, source: index, expected: arrivalPosition - drift.latency, after: lineEnd)
        }
        let position = time.ticks + offset
        let previous = sources[index]
        let newest = previous.mediaTime.ticks + offset
        // An older packet lies before the newest one; whatever it claims otherwise is nonsense, and too late.
        guard isNewest else { return position <= newest ? position : .min / 2 }
        let previousEnd = newest + previous.newestLength
        let expected = arrivalPosition - drift.latency
        // Media time and sequence number moved together: a stalled network brings such packets, not a jump.
        let steady =
            time.ticks - previous.mediaTime.ticks == (sequence - previous.newestSequence) * previous.newestLength
        let tolerated = steady ? policy.maximumSteadyLead : policy.maximumLead
        let jumped = abs(position - expected) > tolerated
        // Silence was filled in past its place, or its sender went back in time. A place that other audio has taken is
        // no reason to move: two sources at once would chase each other ahead of the clock.
        let overtaken = position < frontier - 8 && (position >= audioEnd - 8 || time < previous.mediaTime)
        guard jumped || overtaken else { return position }
        let contiguous = sequence == previous.newestSequence + 1
        return anchor(time, source: index, expected: expected, after: contiguous ? previousEnd : lineEnd)
    }

    /// Lays `time` at the place that its arrival says, or right behind `end` when the two differ by no more than the
    /// network's jitter explains. Where audio already lies it goes behind it, but never so far that the line would run
    /// ahead of the clock: then it keeps its place, and what overlaps is cut and counted.
    private mutating func anchor(_ time: MediaTime, source index: Int, expected: Int64, after end: Int64) -> Int64 {
        let tolerance = min(2_000, 320 + 4 * (sources[index].scaledJitter >> 4))
        let snapped = lastPlaced != nil && abs(expected - end) <= tolerance ? end : expected
        let position = frontier - expected > policy.maximumLead ? expected : max(snapped, frontier)
        sources[index].offset = position - time.ticks
        statistics.anchors += 1
        return position
    }

    /// The end of all audio received so far.
    private var lineEnd: Int64 { max(frontier, held.end ?? frontier) }
}
