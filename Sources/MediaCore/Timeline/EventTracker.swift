/// Turns the packets of telephone events into one beginning and one end each.
///
/// All packets of an event carry the media time of its start (RFC 4733 §2.2.2), and its end is sent three times
/// (§2.5.1.4); an end without a beginning (the first packets were lost) still counts as an event. An event that is
/// longer than its 16-bit duration can say goes on in a further segment (§2.5.1.3), of the same event.
struct EventTracker {
    private struct Event {
        var ssrc: UInt32
        var timestamp: UInt32
        var code: UInt8
        var hasEnded: Bool
        /// Ticks of the segments before this one.
        var before: Int64 = 0
        /// The longest duration of this segment so far.
        var duration: UInt16
    }

    private var current: Event?
    /// The event before, whose last packets may still be under way.
    private var former: Event?

    /// One packet of an event, as far as it goes.
    struct Progress {
        /// The first packet of its event.
        var isNew: Bool
        /// The first packet that says that the event is over.
        var isEnd: Bool
        /// Since the start of the event, ticks of its clock; `before` of it passed before this packet's timestamp.
        var ticks: Int64
        var before: Int64
    }

    /// Nil for what a packet of an event that is over says again.
    mutating func receive(_ event: TelephoneEvent, ssrc: UInt32, timestamp: UInt32) -> Progress? {
        if let former, former.hasEnded, former.ssrc == ssrc, former.timestamp == timestamp { return nil }
        if var known = current, known.ssrc == ssrc {
            let isSame = known.timestamp == timestamp
            let isNext =
                !known.hasEnded && known.code == event.code && known.duration == .max
                && timestamp == known.timestamp &+ UInt32(UInt16.max)
            if isSame || isNext {
                if isNext { known.before += Int64(known.duration) }
                known.timestamp = timestamp
                known.duration = isNext ? event.duration : max(known.duration, event.duration)
                let isEnd = event.isEnd && !known.hasEnded
                known.hasEnded = known.hasEnded || event.isEnd
                current = known
                return Progress(
                    isNew: false, isEnd: isEnd, ticks: known.before + Int64(known.duration), before: known.before)
            }
        }
        former = current
        current = Event(
            ssrc: ssrc, timestamp: timestamp, code: event.code, hasEnded: event.isEnd, duration: event.duration)
        return Progress(isNew: true, isEnd: event.isEnd, ticks: Int64(event.duration), before: 0)
    }
}
