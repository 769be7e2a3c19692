/// The time by which retention counts: the wall clock, but a jump ahead counts only when it has stood for an hour.
///
/// A clock that is set a year ahead by mistake, and back a minute later, must not delete a year's recordings. A clock that
/// is set back only delays. Pure: both clocks are passed in.
struct RetentionClock: Sendable {
    /// More than slow clocks drift between two looks.
    static let toleranceMilliseconds: Int64 = 5 * 60 * 1000
    static let patienceMilliseconds: Int64 = 3_600_000

    /// Wall clock minus monotonic clock, as it is believed.
    private var offset: Int64?
    /// Since when (monotonic) the wall clock has been ahead of it.
    private var aheadSince: Int64?

    /// Whether the wall clock is ahead and not believed yet.
    var isWaiting: Bool { aheadSince != nil }

    /// The time to count by. Both clocks in milliseconds.
    mutating func now(wall: Int64, monotonic: Int64) -> Int64 {
        let current = wall &- monotonic
        guard let believed = offset, current > believed &+ Self.toleranceMilliseconds else {
            offset = current
            aheadSince = nil
            return wall
        }
        let since = aheadSince ?? monotonic
        aheadSince = since
        guard monotonic &- since >= Self.patienceMilliseconds else { return monotonic &+ believed }
        offset = current
        aheadSince = nil
        return wall
    }
}
