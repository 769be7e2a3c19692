import SIP

/// What a client transaction reports to whoever sent the request.
enum ClientEvent {
    case response(SIPResponse)
    /// The transaction is over; without a final response before it, the request failed.
    case ended(TransactionEnd)
}

/// A client transaction with the place its request went to. Owned by the user agent's event loop.
class ClientTransaction: TimedOwner {
    typealias Handler = (isolated SIPAgent, ClientEvent) -> Void

    let key: TransactionKey
    let request: SIPRequest
    let flow: Flow
    let initialRequest: [UInt8]
    /// Called on the event loop for each event.
    let handler: Handler

    init(
        id: UInt64, key: TransactionKey, request: SIPRequest, initialRequest: [UInt8], flow: Flow,
        handler: @escaping Handler
    ) {
        self.key = key
        self.request = request
        self.initialRequest = initialRequest
        self.flow = flow
        self.handler = handler
        super.init(id: id)
    }

    func receive(_ response: SIPResponse, at now: ContinuousClock.Instant) -> ClientTransactionAction? { nil }
    func expire(at now: ContinuousClock.Instant) -> ClientTransactionAction? { nil }
    func transportFailed() -> ClientTransactionAction? { nil }
    func cancel(at now: ContinuousClock.Instant) -> InviteClientTransaction.Cancellation { .tooLate }

    override func expireOnce(at now: ContinuousClock.Instant, in agent: isolated SIPAgent) -> Bool {
        guard let action = expire(at: now) else { return false }
        agent.perform(action, of: self)
        return true
    }
}

/// RFC 3261 §17.1.1 on a flow.
final class InviteClient: ClientTransaction {
    private var machine: InviteClientTransaction

    init(
        id: UInt64, key: TransactionKey, request: SIPRequest, flow: Flow, timers: TransactionTimers,
        at now: ContinuousClock.Instant, handler: @escaping Handler
    ) {
        machine = InviteClientTransaction(request: request, reliable: flow.isReliable, timers: timers, at: now)
        super.init(
            id: id, key: key, request: request, initialRequest: machine.initialRequest, flow: flow, handler: handler)
    }

    override var nextDeadline: ContinuousClock.Instant? { machine.nextDeadline }

    override func receive(_ response: SIPResponse, at now: ContinuousClock.Instant) -> ClientTransactionAction? {
        machine.receive(response, at: now)
    }

    override func expire(at now: ContinuousClock.Instant) -> ClientTransactionAction? { machine.expire(at: now) }
    override func transportFailed() -> ClientTransactionAction? { machine.transportFailed() }

    override func cancel(at now: ContinuousClock.Instant) -> InviteClientTransaction.Cancellation {
        machine.cancel(at: now)
    }
}

/// RFC 3261 §17.1.2 on a flow.
final class NonInviteClient: ClientTransaction {
    private var machine: NonInviteClientTransaction

    init(
        id: UInt64, key: TransactionKey, request: SIPRequest, flow: Flow, timers: TransactionTimers,
        at now: ContinuousClock.Instant, handler: @escaping Handler
    ) {
        machine = NonInviteClientTransaction(request: request, reliable: flow.isReliable, timers: timers, at: now)
        super.init(
            id: id, key: key, request: request, initialRequest: machine.initialRequest, flow: flow, handler: handler)
    }

    override var nextDeadline: ContinuousClock.Instant? { machine.nextDeadline }

    override func receive(_ response: SIPResponse, at now: ContinuousClock.Instant) -> ClientTransactionAction? {
        machine.receive(response, at: now)
    }

    override func expire(at now: ContinuousClock.Instant) -> ClientTransactionAction? { machine.expire(at: now) }
    override func transportFailed() -> ClientTransactionAction? { machine.transportFailed() }
}
