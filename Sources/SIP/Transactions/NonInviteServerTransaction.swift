/// The non-INVITE server transaction of RFC 3261 §17.2.2.
///
/// It reads no clock and touches no socket, as ``InviteServerTransaction``. One owner, no sharing between threads.
public struct NonInviteServerTransaction: ~Copyable {
    private enum State {
        /// Nothing sent yet; copies of the request are absorbed.
        case trying
        /// A provisional response was sent.
        case proceeding(last: [UInt8])
        /// The final response was sent; it is repeated for each copy of the request until Timer J.
        case completed(last: [UInt8], timerJ: ContinuousClock.Instant)
        case terminated
    }

    /// The request that started the transaction.
    public let request: SIPRequest
    private let reliable: Bool
    private let timers: TransactionTimers
    private var state: State = .trying

    /// - Parameters:
    ///   - request: the request as received, not an INVITE and not an ACK.
    ///   - reliable: true for TCP and TLS: the transaction ends with its final response.
    public init(request: SIPRequest, reliable: Bool, timers: TransactionTimers = TransactionTimers()) {
        self.request = request
        self.reliable = reliable
        self.timers = timers
    }

    /// The transaction user answers. Anything after the final response goes nowhere (§17.2.2).
    public mutating func respond(_ response: SIPResponse, at now: ContinuousClock.Instant) -> ServerTransactionAction? {
        switch state {
        case .trying, .proceeding:
            let bytes = response.serialized()
            if response.status < 200 {
                state = .proceeding(last: bytes)
            } else {
                // Over a reliable transport Timer J is zero: due at once.
                state = .completed(last: bytes, timerJ: now.advanced(by: timers.timerJ(reliable: reliable)))
            }
            return .send(bytes)
        case .completed, .terminated:
            return nil
        }
    }

    /// A copy of the request arrived.
    public mutating func receiveCopy() -> ServerTransactionAction? {
        switch state {
        case .proceeding(let last), .completed(let last, _): .send(last)
        case .trying, .terminated: nil
        }
    }

    /// The transport reports that the last `send` failed (§17.2.4).
    public mutating func transportFailed() -> ServerTransactionAction? {
        switch state {
        case .trying, .proceeding, .completed:
            state = .terminated
            return .terminated(.transportFailed)
        case .terminated:
            return nil
        }
    }

    /// Does what is due at `now`; nil when nothing is.
    public mutating func expire(at now: ContinuousClock.Instant) -> ServerTransactionAction? {
        switch state {
        case .completed(_, let timerJ) where timerJ <= now:
            state = .terminated
            return .terminated(.completed)
        case .trying, .proceeding, .completed, .terminated:
            return nil
        }
    }

    /// When ``expire(at:)`` has something to do next; nil until a final response was sent.
    public var nextDeadline: ContinuousClock.Instant? {
        switch state {
        case .completed(_, let timerJ): timerJ
        case .trying, .proceeding, .terminated: nil
        }
    }

    /// True once ``TransactionEnd`` was reported.
    public var isTerminated: Bool {
        if case .terminated = state { true } else { false }
    }
}
