import SIP

/// One call as the user agent keeps it: a dialog, its timers and its open requests. Owned by the event loop.
final class Call: TimedOwner {
    enum Stage {
        /// The INVITE has no final answer yet.
        case inviting
        /// A 2xx was sent or received.
        case established
        /// We said goodbye, but the ACK of our 2xx has to come before the BYE may go (RFC 3261 §15).
        case leaving
        case ended
    }

    /// Dialog state; there from the first message of the call.
    var dialog: Dialog
    var stage = Stage.inviting
    /// The flow of the INVITE.
    let origin: Flow
    /// Who was admitted with it; nil for a call that we placed, in which the far end is taken as it comes.
    let admitted: Admitted?
    /// Contact parameters of our side, e.g. the feature tag of a recording server.
    var contactParameters: [Parameter] = []
    /// The unanswered INVITE: the first one or a re-INVITE.
    var openInvite: ServerTransaction?
    /// Requests of the peer that the consumer has not answered yet, by transaction id.
    var openRequests: [UInt64: ServerTransaction] = [:]
    /// 2xx responses that wait for their ACK. At most a few: one INVITE at a time.
    var accepted: [PendingAcknowledgement] = []
    let sessionTimer = CallTimer()
    /// For challenges inside a call that we placed.
    var digest: DigestClient?
    /// A re-INVITE of ours is under way.
    var isPlacingInvite = false
    /// The BYE to send once the ACK has come.
    var farewell: Farewell?
    let events: AsyncStream<DialogEvent>.Continuation

    struct Farewell {
        var headers: [(HeaderName, String)]
        var contentType: String?
        var body: [UInt8]
    }

    init(
        id: UInt64, dialog: Dialog, origin: Flow, admitted: Admitted? = nil,
        events: AsyncStream<DialogEvent>.Continuation
    ) {
        self.dialog = dialog
        self.origin = origin
        self.admitted = admitted
        self.events = events
        super.init(id: id)
    }

    override var nextDeadline: ContinuousClock.Instant? {
        var next = sessionTimer.machine.nextDeadline
        for pending in accepted {
            guard let deadline = pending.machine.nextDeadline else { continue }
            next = next.map { min($0, deadline) } ?? deadline
        }
        return next
    }

    override func expireOnce(at now: ContinuousClock.Instant, in agent: isolated SIPAgent) -> Bool {
        for pending in accepted {
            guard let action = pending.machine.expire(at: now) else { continue }
            agent.perform(action, of: pending, in: self)
            return true
        }
        guard let action = sessionTimer.machine.expire(at: now) else { return false }
        agent.perform(action, in: self)
        return true
    }
}

/// A 2xx that is repeated until its ACK comes, and where it goes.
final class PendingAcknowledgement {
    var machine: AcceptedInvite
    var flow: Flow

    init(response: SIPResponse, flow: Flow, timers: TransactionTimers, at now: ContinuousClock.Instant) {
        machine = AcceptedInvite(response: response, timers: timers, at: now)
        self.flow = flow
    }
}

/// A box for the session timer, which cannot be copied.
final class CallTimer {
    var machine = SessionTimer()
}
