extension LegTimeline {
    /// Audio is kept from coming out for this long after the last packet of an event that has not ended: its packets
    /// come every 20 to 50 ms, and one may be lost. Samples of 8 kHz, 200 ms.
    private static let openEvent: Int64 = 1_600

    /// One packet of a telephone event (RFC 4733).
    @inline(never)
    mutating func receiveEvent(_ header: RTPHeader, _ datagram: borrowing RawSpan, _ arrival: Int64) -> Reception {
        statistics.telephoneEvents += 1
        guard let event = TelephoneEvent(parsing: datagram.extracting(header.payload)) else {
            statistics.malformed += 1
            return .discarded
        }
        guard let progress = self.event.receive(event, ssrc: header.ssrc, timestamp: header.timestamp) else {
            return .accepted
        }
        let clock = SourceClock(hertz: payloads.clockRate(header.payloadType), line: format.sampleRate)
        let length = clock.samples(ticks: progress.ticks)
        let start = eventStart(header, clock, progress, length: length, arrival)
        if policy.redactsDigits {
            let end = start + length + (event.isEnd ? policy.redactionMargin : Self.openEvent * factor)
            let begin = start - policy.redactionLead
            output.redact(begin..<max(begin, end), isSameEvent: !progress.isNew, frontier: frontier, &statistics)
        }
        if progress.isEnd {
            let milliseconds = Int(progress.ticks * 1_000 / Int64(clock.hertz))
            return .eventEnded(event, milliseconds: milliseconds, position: max(0, start))
        }
        return progress.isNew ? .eventBegan(event) : .accepted
    }

    /// The event's place: by its media time where it has the clock of its source's audio (RFC 4733 §2.1 wants that),
    /// otherwise by its arrival.
    private func eventStart(
        _ header: RTPHeader, _ clock: SourceClock, _ progress: EventTracker.Progress, length: Int64, _ arrival: Int64
    ) -> Int64 {
        let expected = samples(at: arrival) - drift.latency
        if source.isAnchored, source.clock.hertz == clock.hertz {
            let time = MediaTime(source.mediaTime.nearest(header.timestamp).ticks - progress.before)
            let position = source.position(of: time)
            // An event whose time has nothing to do with its arrival lies where it arrived.
            if abs(position + length - expected) <= policy.maximumSteadyLead { return position }
        }
        return expected - length
    }
}
