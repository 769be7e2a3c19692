/// Something with deadlines: a transaction or a call. Owned by the user agent's event loop.
class TimedOwner {
    /// Its name in the deadline queue; never used twice.
    let id: UInt64
    /// The earliest deadline that the queue holds for it.
    var armed: ContinuousClock.Instant?

    init(id: UInt64) {
        self.id = id
    }

    /// When the driver must call ``SIPAgent/expire(_:at:)`` next.
    var nextDeadline: ContinuousClock.Instant? { nil }

    /// Does one thing that is due; false when nothing is. Runs on the event loop of `agent`.
    func expireOnce(at now: ContinuousClock.Instant, in agent: isolated SIPAgent) -> Bool { false }
}
