/// The timer values of RFC 3261 §17 (table 4 of the RFC) with Timers L and M of RFC 6026 §8.
///
/// A value, never a global: every transaction is given its own, so tests and special links may change them.
public struct TransactionTimers: Sendable, Hashable {
    /// T1, the round-trip time estimate. 500 ms by default (RFC 3261 §17.1.1.1).
    public var t1: Duration
    /// T2, the longest interval between retransmissions of non-INVITE requests and INVITE responses. 4 s.
    public var t2: Duration
    /// T4, the longest time a message stays in the network. 5 s.
    public var t4: Duration
    /// How long an INVITE may stay unanswered before the server transaction sends 100 by itself. 200 ms (§17.2.1).
    public var trying: Duration

    /// - Parameters: durations as in the properties; the defaults are those of the RFC.
    public init(
        t1: Duration = .milliseconds(500), t2: Duration = .seconds(4), t4: Duration = .seconds(5),
        trying: Duration = .milliseconds(200)
    ) {
        self.t1 = t1
        self.t2 = t2
        self.t4 = t4
        self.trying = trying
    }

    /// 64·T1: the length of Timers B, F, H, J, L and M. 32 s by default.
    public var transactionTimeout: Duration { t1 * 64 }

    /// Timer D: how long a client absorbs response retransmissions after the ACK; at least 32 s (§17.1.1.2).
    func timerD(reliable: Bool) -> Duration { reliable ? .zero : max(transactionTimeout, .seconds(32)) }

    /// Timers I and K: T4 over UDP, nothing over a reliable transport.
    func settling(reliable: Bool) -> Duration { reliable ? .zero : t4 }

    /// Timer J: 64·T1 over UDP, nothing over a reliable transport.
    func timerJ(reliable: Bool) -> Duration { reliable ? .zero : transactionTimeout }
}

/// One retransmission schedule: an interval that doubles, up to a limit where there is one.
struct Retransmission: Sendable {
    /// When the next copy is due.
    private(set) var due: ContinuousClock.Instant
    private var interval: Duration
    private let limit: Duration?

    /// The first copy is due one `interval` after `now`.
    init(from now: ContinuousClock.Instant, interval: Duration, limit: Duration?) {
        self.interval = limit.map { min($0, interval) } ?? interval
        self.limit = limit
        due = now.advanced(by: self.interval)
    }

    /// Plans the next copy. Counted from `now`, so that a driver that slept does not send a burst to catch up.
    mutating func advance(at now: ContinuousClock.Instant) {
        interval = limit.map { min($0, interval * 2) } ?? interval * 2
        due = now.advanced(by: interval)
    }
}
