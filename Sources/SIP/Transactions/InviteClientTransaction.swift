/// The INVITE client transaction of RFC 3261 §17.1.1, with the Accepted state of RFC 6026 §7.2.
///
/// Create it, send ``initialRequest``, then do what each method returns and call ``expire(at:)`` when ``nextDeadline``
/// has passed. After a provisional response it waits without limit, as the RFC wants: whoever placed the call decides
/// how long to let it ring and then calls ``cancel(at:)``. One owner, no sharing between threads.
public struct InviteClientTransaction: ~Copyable {
    /// What ``cancel(at:)`` achieved.
    public enum Cancellation: Sendable, Equatable {
        /// Send this CANCEL now, in a ``NonInviteClientTransaction`` of its own, to where the INVITE went.
        case send(SIPRequest)
        /// §9.1: no CANCEL before a provisional response. It comes with that, as
        /// ``ClientTransactionAction/deliverAndCancel(_:cancel:)``.
        case afterProvisional
        /// There is a final response: nothing to cancel; an established session ends with BYE.
        case tooLate
    }

    private enum State {
        /// `timerA` is nil over a reliable transport.
        case calling(timerA: Retransmission?, timerB: ContinuousClock.Instant, cancelled: Bool)
        /// `limit` is set by a CANCEL: 64·T1 later the INVITE counts as ended (§9.1).
        case proceeding(limit: ContinuousClock.Instant?)
        case accepted(timerM: ContinuousClock.Instant)
        case completed(acknowledgement: [UInt8], timerD: ContinuousClock.Instant)
        case terminated
    }

    /// The INVITE.
    public let request: SIPRequest
    /// The INVITE as bytes: send them right after creating the transaction.
    public let initialRequest: [UInt8]
    private let reliable: Bool
    private let timers: TransactionTimers
    private var state: State

    /// - Parameters:
    ///   - request: the INVITE to send, with its Via.
    ///   - reliable: true for TCP and TLS: no retransmissions.
    public init(
        request: SIPRequest, reliable: Bool, timers: TransactionTimers = TransactionTimers(),
        at now: ContinuousClock.Instant
    ) {
        self.request = request
        initialRequest = request.serialized()
        self.reliable = reliable
        self.timers = timers
        state = .calling(
            // Timer A doubles without limit; Timer B ends it after seven copies.
            timerA: reliable ? nil : Retransmission(from: now, interval: timers.t1, limit: nil),
            timerB: now.advanced(by: timers.transactionTimeout), cancelled: false)
    }

    /// A response with this transaction's key arrived.
    public mutating func receive(
        _ response: SIPResponse, at now: ContinuousClock.Instant
    ) -> ClientTransactionAction? {
        switch state {
        case .calling(_, _, let cancelled):
            guard response.status < 200 else { return receiveFinal(response, at: now) }
            guard cancelled else {
                state = .proceeding(limit: nil)
                return .deliver(response)
            }
            state = .proceeding(limit: now.advanced(by: timers.transactionTimeout))
            return .deliverAndCancel(response, cancel: .cancelling(request))
        case .proceeding:
            return response.status < 200 ? .deliver(response) : receiveFinal(response, at: now)
        case .accepted:
            // RFC 6026 §7.2: every 2xx, copies and other forks, goes up: the user answers each with its ACK.
            return (200..<300).contains(response.status) ? .deliver(response) : nil
        case .completed(let acknowledgement, _):
            return response.status >= 300 ? .send(acknowledgement) : nil
        case .terminated:
            return nil
        }
    }

    /// The transaction user does not want the call any more (RFC 3261 §9.1). A final response still follows, normally
    /// 487, or ``TransactionEnd/timedOut``. A 2xx may cross the CANCEL: acknowledge it and send BYE.
    public mutating func cancel(at now: ContinuousClock.Instant) -> Cancellation {
        switch state {
        case .calling(let timerA, let timerB, _):
            state = .calling(timerA: timerA, timerB: timerB, cancelled: true)
            return .afterProvisional
        case .proceeding(let limit):
            state = .proceeding(limit: limit ?? now.advanced(by: timers.transactionTimeout))
            return .send(.cancelling(request))
        case .accepted, .completed, .terminated:
            return .tooLate
        }
    }

    /// The transport reports that the last `send` failed (§17.1.4).
    public mutating func transportFailed() -> ClientTransactionAction? {
        switch state {
        case .calling, .completed, .proceeding:
            state = .terminated
            return .terminated(.transportFailed)
        case .accepted, .terminated:
            return nil
        }
    }

    /// Does what is due at `now`, one thing a call; nil when nothing is.
    public mutating func expire(at now: ContinuousClock.Instant) -> ClientTransactionAction? {
        switch state {
        case .calling(_, let end, _) where end <= now, .proceeding(let end?) where end <= now:
            state = .terminated
            return .terminated(.timedOut)
        case .calling(var timerA?, let timerB, let cancelled) where timerA.due <= now:
            timerA.advance(at: now)
            state = .calling(timerA: timerA, timerB: timerB, cancelled: cancelled)
            return .send(initialRequest)
        case .accepted(let end) where end <= now, .completed(_, let end) where end <= now:
            state = .terminated
            return .terminated(.completed)
        case .calling, .proceeding, .accepted, .completed, .terminated:
            return nil
        }
    }

    /// When ``expire(at:)`` has something to do next; nil when it waits for the peer alone.
    public var nextDeadline: ContinuousClock.Instant? {
        switch state {
        case .calling(let timerA, let timerB, _): timerA.map { min($0.due, timerB) } ?? timerB
        case .proceeding(let limit): limit
        case .accepted(let timerM): timerM
        case .completed(_, let timerD): timerD
        case .terminated: nil
        }
    }

    /// True once ``TransactionEnd`` was reported.
    public var isTerminated: Bool {
        if case .terminated = state { true } else { false }
    }

    private mutating func receiveFinal(
        _ response: SIPResponse, at now: ContinuousClock.Instant
    ) -> ClientTransactionAction {
        guard response.status >= 300 else {
            state = .accepted(timerM: now.advanced(by: timers.transactionTimeout))
            return .deliver(response)
        }
        let acknowledgement = SIPRequest.acknowledging(response, to: request).serialized()
        state = .completed(
            acknowledgement: acknowledgement, timerD: now.advanced(by: timers.timerD(reliable: reliable)))
        return .acknowledge(acknowledgement, delivering: response)
    }
}
