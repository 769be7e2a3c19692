/// The session timer of one dialog, at either end: RFC 4028.
///
/// Feed it the terms of every 2xx to an INVITE or UPDATE, sent or received. One owner, no sharing between threads.
public struct SessionTimer: ~Copyable {
    /// What to do now.
    public enum Action: Sendable, Equatable {
        /// Half of the interval has passed and refreshing is our part (§7.2): send an UPDATE or re-INVITE.
        case refresh
        /// No refresh came, or ours was never accepted: send BYE and end the call (§10).
        case expired
    }

    private enum State {
        case off
        /// `refresh` is nil when the peer refreshes, or ours is under way.
        case running(refresh: ContinuousClock.Instant?, end: ContinuousClock.Instant)
        case finished
    }

    private var state: State = .off
    /// The terms in force; nil without a timer.
    public private(set) var terms: SessionTimerTerms?

    /// A timer that does not run yet.
    public init() {}

    /// A 2xx to an INVITE or UPDATE was sent or received: starts anew with its terms, or stops when they are nil
    /// (§7.2: "If the 2xx response did not contain a Session-Expires header field, there is no session expiration").
    public mutating func restart(_ terms: SessionTimerTerms?, at now: ContinuousClock.Instant) {
        self.terms = terms
        guard let terms else {
            state = .off
            return
        }
        let interval = Int64(terms.interval)
        // §10: the side that does not refresh sends BYE "slightly before", by "the minimum of 32 seconds and one
        // third of the session interval". The refresher has until the end for an answer to its request.
        let early = terms.weRefresh ? Duration.zero : min(.seconds(32), .seconds(interval) / 3)
        state = .running(
            refresh: terms.weRefresh ? now.advanced(by: .seconds(interval) / 2) : nil,
            end: now.advanced(by: .seconds(interval) - early))
    }

    /// Does what is due at `now`, one thing a call; nil when nothing is.
    public mutating func expire(at now: ContinuousClock.Instant) -> Action? {
        switch state {
        case .running(_, let end) where end <= now:
            state = .finished
            return .expired
        case .running(let refresh?, let end) where refresh <= now:
            state = .running(refresh: nil, end: end)
            return .refresh
        case .off, .running, .finished:
            return nil
        }
    }

    /// When ``expire(at:)`` has something to do next; nil when the session does not expire.
    public var nextDeadline: ContinuousClock.Instant? {
        switch state {
        case .off, .finished: nil
        case .running(let refresh, let end): refresh.map { min($0, end) } ?? end
        }
    }
}
