/// When a message is tried again, and when it is given up.
public struct RetryPolicy: Sendable, Equatable {
    /// The first wait's upper bound; each further one doubles it.
    public var base: Duration = .milliseconds(500)
    /// The longest wait of one message.
    public var longestWait: Duration = .seconds(300)
    /// The longest pause of a whole target that does not answer; short, so that a target that is back is noticed.
    public var longestPause: Duration = .seconds(30)
    /// What is believed of a `Retry-After`, at most.
    public var longestRetryAfter: Duration = .seconds(3600)
    /// A message becomes a dead letter after this many failures between which the target took other messages.
    public var attempts = 12
    /// A message that the target calls wrong becomes a dead letter after this many refusals.
    public var refusals = 3
    /// A message becomes a dead letter this long after its first failure, whatever else the target does.
    public var patience: Duration = .seconds(72 * 3600)
    /// Messages that are known and not acknowledged, at most; a message costs about 200 bytes, its body is not in memory.
    public var capacity = 20_000

    /// The policy with the values above.
    public init() {}

    /// The wait before the next try, "full jitter": evenly between nothing and a bound that doubles with each failure.
    /// - Parameters:
    ///   - failures: so far, 1 or more.
    ///   - jitter: 0 ..< 1, from a random generator.
    func wait(failures: Int, limit: Duration, jitter: Double) -> Duration {
        let doublings = min(max(failures - 1, 0), 30)
        let bound = min(limit, base * (1 << doublings))
        return bound * min(max(jitter, 0), 1)
    }
}
