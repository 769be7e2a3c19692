/// A source's media time against the wall clock of its sender, from its sender reports (RFC 3550 §6.4.1).
///
/// Senders report nonsense: no clock at all (zero), a clock that is set while the call lasts, a report of another
/// stream. The difference of the two times is steady by nature, so a report that moves it by more than half a second is
/// ignored, until the next one agrees with it.
struct SenderTime {
    /// Media time minus NTP time, both in samples of the line; nil until the first report.
    private(set) var difference: Int64?
    private var candidate: Int64?

    /// `media` is the report's RTP timestamp in samples of the line. NTP is 32.32 seconds since 1900.
    mutating func receive(ntp: UInt64, media: Int64, line rate: Int) {
        // §6.4.1: a sender without a wall clock may say zero.
        guard ntp != 0 else { return }
        let reported = media &- Self.samples(ntp: ntp, line: rate)
        let bound = Int64(rate) / 2
        if let known = difference ?? candidate, abs(reported &- known) > bound {
            if let candidate, abs(reported &- candidate) <= bound {
                difference = reported
                self.candidate = nil
            } else {
                candidate = reported
            }
            return
        }
        difference = reported
        candidate = nil
    }

    /// NTP time in samples; fits 50 bits.
    private static func samples(ntp: UInt64, line rate: Int) -> Int64 {
        let seconds = Int64(ntp >> 32)
        let fraction = Int64(ntp & 0xFFFF_FFFF)
        return seconds * Int64(rate) + (fraction * Int64(rate)) >> 32
    }
}
