/// The non-INVITE client transaction of RFC 3261 §17.1.2.
///
/// Create it, send ``initialRequest``, then do what each method returns and call ``expire(at:)`` when ``nextDeadline``
/// has passed. One owner, no sharing between threads.
public struct NonInviteClientTransaction: ~Copyable {
    private enum State {
        /// `timerE` is nil over a reliable transport.
        case trying(timerE: Retransmission?, timerF: ContinuousClock.Instant)
        case proceeding(timerE: Retransmission?, timerF: ContinuousClock.Instant)
        case completed(timerK: ContinuousClock.Instant)
        case terminated
    }

    /// The request.
    public let request: SIPRequest
    /// The request as bytes: send them right after creating the transaction.
    public let initialRequest: [UInt8]
    private let reliable: Bool
    private let timers: TransactionTimers
    private var state: State

    /// - Parameters:
    ///   - request: the request to send, with its Via; not an INVITE and not an ACK.
    ///   - reliable: true for TCP and TLS: no retransmissions.
    public init(
        request: SIPRequest, reliable: Bool, timers: TransactionTimers = TransactionTimers(),
        at now: ContinuousClock.Instant
    ) {
        self.request = request
        initialRequest = request.serialized()
        self.reliable = reliable
        self.timers = timers
        state = .trying(
            timerE: reliable ? nil : Retransmission(from: now, interval: timers.t1, limit: timers.t2),
            timerF: now.advanced(by: timers.transactionTimeout))
    }

    /// A response with this transaction's key arrived.
    public mutating func receive(
        _ response: SIPResponse, at now: ContinuousClock.Instant
    ) -> ClientTransactionAction? {
        switch state {
        case .trying(let timerE, let timerF), .proceeding(let timerE, let timerF):
            if response.status < 200 {
                state = .proceeding(timerE: timerE, timerF: timerF)
            } else {
                state = .completed(timerK: now.advanced(by: timers.settling(reliable: reliable)))
            }
            return .deliver(response)
        case .completed, .terminated:
            return nil
        }
    }

    /// The transport reports that the last `send` failed (§17.1.4).
    public mutating func transportFailed() -> ClientTransactionAction? {
        switch state {
        case .trying, .proceeding:
            state = .terminated
            return .terminated(.transportFailed)
        case .completed, .terminated:
            return nil
        }
    }

    /// Does what is due at `now`, one thing a call; nil when nothing is.
    public mutating func expire(at now: ContinuousClock.Instant) -> ClientTransactionAction? {
        switch state {
        case .trying(_, let timerF) where timerF <= now, .proceeding(_, let timerF) where timerF <= now:
            state = .terminated
            return .terminated(.timedOut)
        case .trying(var timerE?, let timerF) where timerE.due <= now:
            timerE.advance(at: now)
            state = .trying(timerE: timerE, timerF: timerF)
            return .send(initialRequest)
        case .proceeding(let timerE?, let timerF) where timerE.due <= now:
            // §17.1.2.2: in Proceeding the interval is T2 from the next firing on.
            let next = Retransmission(from: now, interval: timers.t2, limit: timers.t2)
            state = .proceeding(timerE: next, timerF: timerF)
            return .send(initialRequest)
        case .completed(let timerK) where timerK <= now:
            state = .terminated
            return .terminated(.completed)
        case .trying, .proceeding, .completed, .terminated:
            return nil
        }
    }

    /// When ``expire(at:)`` has something to do next; nil after the end.
    public var nextDeadline: ContinuousClock.Instant? {
        switch state {
        case .trying(let timerE, let timerF), .proceeding(let timerE, let timerF):
            timerE.map { min($0.due, timerF) } ?? timerF
        case .completed(let timerK): timerK
        case .terminated: nil
        }
    }

    /// True once ``TransactionEnd`` was reported.
    public var isTerminated: Bool {
        if case .terminated = state { true } else { false }
    }
}
