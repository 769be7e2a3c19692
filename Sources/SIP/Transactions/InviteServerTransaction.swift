/// The INVITE server transaction of RFC 3261 §17.2.1, with the Accepted state of RFC 6026 §7.1.
///
/// It reads no clock and touches no socket: the caller passes the time in, does what each method returns, and calls
/// ``expire(at:)`` until nothing more is due when ``nextDeadline`` has passed. Start it for a new INVITE, then hand that
/// INVITE to the transaction user. One owner, no sharing between threads.
public struct InviteServerTransaction: ~Copyable {
    private enum State {
        /// No final response yet. Without any response, 100 is due at `trying`; `last` is the last one sent.
        case proceeding(last: [UInt8]?, trying: ContinuousClock.Instant?)
        /// 2xx sent; the dialog retransmits it (``AcceptedInvite``), this state only absorbs the INVITE's copies.
        case accepted(timerL: ContinuousClock.Instant)
        /// Non-2xx sent, waiting for its ACK. `timerG` is nil over a reliable transport.
        case completed(last: [UInt8], timerG: Retransmission?, timerH: ContinuousClock.Instant)
        /// ACK seen; absorbs its copies.
        case confirmed(timerI: ContinuousClock.Instant)
        case terminated
    }

    /// The INVITE that started the transaction.
    public let request: SIPRequest
    private let reliable: Bool
    private let timers: TransactionTimers
    private var state: State

    /// - Parameters:
    ///   - request: the INVITE as received.
    ///   - reliable: true for TCP and TLS: no retransmission timers.
    public init(
        request: SIPRequest, reliable: Bool, timers: TransactionTimers = TransactionTimers(),
        at now: ContinuousClock.Instant
    ) {
        self.request = request
        self.reliable = reliable
        self.timers = timers
        state = .proceeding(last: nil, trying: now.advanced(by: timers.trying))
    }

    /// The transaction user answers. Its responses after a non-2xx final one go nowhere.
    public mutating func respond(_ response: SIPResponse, at now: ContinuousClock.Instant) -> ServerTransactionAction? {
        switch state {
        case .proceeding:
            let bytes = response.serialized()
            switch response.status {
            case ..<200:
                state = .proceeding(last: bytes, trying: nil)
            case 200..<300:
                state = .accepted(timerL: now.advanced(by: timers.transactionTimeout))
            case _:
                state = .completed(
                    last: bytes,
                    timerG: reliable ? nil : Retransmission(from: now, interval: timers.t1, limit: timers.t2),
                    // Timer H runs over reliable transports too.
                    timerH: now.advanced(by: timers.transactionTimeout))
            }
            return .send(bytes)
        case .accepted:
            // RFC 6026 §7.1: any 2xx the user passes in this state goes to the transport, nothing else does.
            return (200..<300).contains(response.status) ? .send(response.serialized()) : nil
        case .completed, .confirmed, .terminated:
            return nil
        }
    }

    /// A message with this transaction's key arrived: a copy of the INVITE, or an ACK.
    public mutating func receive(
        _ message: SIPRequest, at now: ContinuousClock.Instant
    ) -> ServerTransactionAction? {
        message.method == .ack ? receiveAcknowledgement(message, at: now) : receiveCopy()
    }

    /// The transport reports that the last `send` failed (§17.2.4).
    ///
    /// After a 2xx the transaction stays, because it still has to absorb copies of the INVITE (RFC 6026 §7.1); whether
    /// the call goes on is for ``AcceptedInvite`` to find out.
    public mutating func transportFailed() -> ServerTransactionAction? {
        switch state {
        case .proceeding, .completed:
            state = .terminated
            return .terminated(.transportFailed)
        case .accepted, .confirmed, .terminated:
            return nil
        }
    }

    /// Does what is due at `now`, one thing a call; nil when nothing is.
    public mutating func expire(at now: ContinuousClock.Instant) -> ServerTransactionAction? {
        switch state {
        case .proceeding(_, let trying?) where trying <= now:
            return sendTrying()
        case .accepted(let end) where end <= now, .confirmed(let end) where end <= now:
            state = .terminated
            return .terminated(.completed)
        case .completed(_, _, let timerH) where timerH <= now:
            state = .terminated
            return .terminated(.acknowledgementTimedOut)
        case .completed(let last, var timerG?, let timerH) where timerG.due <= now:
            timerG.advance(at: now)
            state = .completed(last: last, timerG: timerG, timerH: timerH)
            return .send(last)
        case .proceeding, .accepted, .completed, .confirmed, .terminated:
            return nil
        }
    }

    /// When ``expire(at:)`` has something to do next; nil when it never will.
    public var nextDeadline: ContinuousClock.Instant? {
        switch state {
        case .proceeding(_, let trying): trying
        case .accepted(let timerL): timerL
        case .completed(_, let timerG, let timerH): timerG.map { min($0.due, timerH) } ?? timerH
        case .confirmed(let timerI): timerI
        case .terminated: nil
        }
    }

    /// True until a final response was sent: only then a CANCEL has an effect (RFC 3261 §9.2).
    public var isProceeding: Bool {
        if case .proceeding = state { true } else { false }
    }

    /// True once ``TransactionEnd`` was reported.
    public var isTerminated: Bool {
        if case .terminated = state { true } else { false }
    }

    private mutating func receiveCopy() -> ServerTransactionAction? {
        switch state {
        case .proceeding(let last?, _): .send(last)
        // The client is already repeating itself: do not wait for the 200 ms.
        case .proceeding(nil, _): sendTrying()
        case .completed(let last, _, _): .send(last)
        case .accepted, .confirmed, .terminated: nil
        }
    }

    private mutating func receiveAcknowledgement(
        _ acknowledgement: SIPRequest, at now: ContinuousClock.Instant
    ) -> ServerTransactionAction? {
        switch state {
        case .completed:
            state = .confirmed(timerI: now.advanced(by: timers.settling(reliable: reliable)))
            return nil
        case .accepted:
            // Only an RFC 2543 peer comes here: its ACK of a 2xx has the INVITE's key.
            return .deliver(acknowledgement)
        case .proceeding, .confirmed, .terminated:
            return nil
        }
    }

    private mutating func sendTrying() -> ServerTransactionAction {
        let bytes = request.response(100).serialized()
        state = .proceeding(last: bytes, trying: nil)
        return .send(bytes)
    }
}
