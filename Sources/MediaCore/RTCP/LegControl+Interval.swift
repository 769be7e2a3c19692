extension LegControl {
    /// The time to the next report, nanoseconds: RFC 3550 §6.2, §6.3.1 for two members.
    ///
    /// The mean is twice the average size over the bandwidth, and never less than the minimum, of which half before
    /// the first report. It is spread from 0.5 to 1.5 of itself by `random`, all 32 bits of which are used, and divided
    /// by e − 3/2, since reconsideration (``expire(at:random:)``) makes it longer again.
    public func nextInterval(random: UInt32) -> Int64 {
        let minimum = Double(max(0, policy.minimumInterval)) / (isInitial ? 2 : 1)
        let byBandwidth = 2 * averageSize * 1_000_000_000 / Double(max(1, policy.octetsPerSecond))
        let spread = 0.5 + Double(random) / 4_294_967_296
        let interval = max(minimum, byBandwidth) * spread / 1.218_281_828
        // An hour bounds what a strange policy can ask for.
        return Int64(min(interval, 3_600_000_000_000))
    }

    /// Media begins: the first report is due after a first, halved interval.
    public mutating func begin(at now: Int64, random: UInt32) {
        lastReport = now
        nextDeadline = now &+ nextInterval(random: random)
    }

    /// Called when ``nextDeadline`` has passed; true where a report is to be sent now.
    ///
    /// §6.3.6: the interval is drawn again, and the report waits where the new one has not passed. Members never join or
    /// leave, as a leg has one peer, so §6.3.3 to §6.3.5 have nothing else to change.
    public mutating func expire(at now: Int64, random: UInt64) -> Bool {
        guard let deadline = nextDeadline, deadline <= now else { return false }
        let drawn = lastReport &+ nextInterval(random: UInt32(truncatingIfNeeded: random))
        guard drawn <= now else {
            nextDeadline = drawn
            return false
        }
        let wasInitial = isInitial
        // The next interval is a full one, whether or not the caller has composed the report yet.
        isInitial = false
        nextDeadline = now &+ nextInterval(random: UInt32(truncatingIfNeeded: random >> 32))
        isInitial = wasInitial
        return true
    }
}
