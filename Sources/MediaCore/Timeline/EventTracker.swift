/// Turns the packets of telephone events into one beginning and one end each.
///
/// All packets of an event carry the media time of its start (RFC 4733 §2.2.2), and its end is sent three times
/// (§2.5.1.4); an end without a beginning (the first packets were lost) still counts as an event.
struct EventTracker {
    private var current: (ssrc: UInt32, timestamp: UInt32, ended: Bool)?

    mutating func receive(_ event: TelephoneEvent, ssrc: UInt32, timestamp: UInt32) -> LegTimeline.Reception {
        if let known = current, known.ssrc == ssrc, known.timestamp == timestamp {
            guard event.isEnd, !known.ended else { return .accepted }
            current = (ssrc, timestamp, true)
            return .eventEnded(event, milliseconds: Int(event.duration) / 8)
        }
        current = (ssrc, timestamp, event.isEnd)
        return event.isEnd ? .eventEnded(event, milliseconds: Int(event.duration) / 8) : .eventBegan(event)
    }
}
