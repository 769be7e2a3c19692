/// Repeats the 2xx of an INVITE until its ACK arrives: RFC 3261 §13.3.1.4, and §14.2 for a re-INVITE.
///
/// The transaction does not do this (RFC 6026 §7.1), and it is needed over TCP and TLS too, because a proxy on the way
/// may speak UDP. Send the first 2xx through the ``InviteServerTransaction``, then create this. One owner.
public struct AcceptedInvite: ~Copyable {
    /// What to do now.
    public enum Action: Sendable, Equatable {
        /// Send the 2xx again.
        case send([UInt8])
        /// The session is established; the ACK may carry the answer to a delayed offer. Forget this value.
        case acknowledged(SIPRequest)
        /// No ACK for 64·T1: "it SHOULD generate a BYE within the dialog" (§13.3.1.4). Forget this value.
        case gaveUp
    }

    private enum State {
        case waiting(next: Retransmission, limit: ContinuousClock.Instant)
        case finished
    }

    /// The CSeq number of the INVITE.
    public let sequence: UInt32
    private let response: [UInt8]
    private var state: State

    /// - Parameters:
    ///   - response: the 2xx that was sent to the INVITE.
    ///   - now: when it was first sent.
    public init(
        response: SIPResponse, timers: TransactionTimers = TransactionTimers(), at now: ContinuousClock.Instant
    ) {
        self.response = response.serialized()
        sequence = response.cSeq?.number ?? 0
        state = .waiting(
            next: Retransmission(from: now, interval: timers.t1, limit: timers.t2),
            limit: now.advanced(by: timers.transactionTimeout))
    }

    /// An ACK of the dialog arrived. Ignored when it is for another INVITE (its CSeq number differs) or a copy.
    public mutating func receive(_ acknowledgement: SIPRequest) -> Action? {
        switch state {
        case .waiting where acknowledgement.cSeq?.number == sequence:
            state = .finished
            return .acknowledged(acknowledgement)
        case .waiting, .finished:
            return nil
        }
    }

    /// Does what is due at `now`, one thing a call; nil when nothing is.
    public mutating func expire(at now: ContinuousClock.Instant) -> Action? {
        switch state {
        case .waiting(_, let limit) where limit <= now:
            state = .finished
            return .gaveUp
        case .waiting(var next, let limit) where next.due <= now:
            next.advance(at: now)
            state = .waiting(next: next, limit: limit)
            return .send(response)
        case .waiting, .finished:
            return nil
        }
    }

    /// When ``expire(at:)`` has something to do next; nil after the ACK or the end.
    public var nextDeadline: ContinuousClock.Instant? {
        switch state {
        case .waiting(let next, let limit): min(next.due, limit)
        case .finished: nil
        }
    }
}
