import SIP

/// A server transaction with the place its responses go to. Owned by the user agent's event loop.
class ServerTransaction: TimedOwner {
    let key: TransactionKey
    let mergedKey: MergedRequestKey?
    /// Without its body: a transaction needs none, and lives half a minute longer than its answer.
    let request: SIPRequest
    /// Where responses go: RFC 3261 §18.2.2 and RFC 3581 §4 have been applied.
    var flow: Flow
    /// A second way for the responses was tried, because the connection of the request was lost.
    var hasMoved = false
    /// The call that answers it, if any; weak, because the call holds its open transactions.
    weak var call: Call?

    init(id: UInt64, key: TransactionKey, request: SIPRequest, flow: Flow) {
        self.key = key
        self.request = request.head
        self.flow = flow
        mergedKey = MergedRequestKey(request)
        super.init(id: id)
    }

    /// True until a final response was given.
    var isOpen: Bool { false }
    func respond(_ response: SIPResponse, at now: ContinuousClock.Instant) -> ServerTransactionAction? { nil }
    func receive(_ request: SIPRequest, at now: ContinuousClock.Instant) -> ServerTransactionAction? { nil }
    func expire(at now: ContinuousClock.Instant) -> ServerTransactionAction? { nil }
    func transportFailed() -> ServerTransactionAction? { nil }

    override func expireOnce(at now: ContinuousClock.Instant, in agent: isolated SIPAgent) -> Bool {
        guard let action = expire(at: now) else { return false }
        agent.perform(action, of: self)
        return true
    }
}

/// RFC 3261 §17.2.1 on a flow.
final class InviteServer: ServerTransaction {
    private var machine: InviteServerTransaction

    init(
        id: UInt64, key: TransactionKey, request: SIPRequest, flow: Flow, timers: TransactionTimers,
        at now: ContinuousClock.Instant
    ) {
        machine = InviteServerTransaction(
            request: request.head, reliable: flow.isReliable, timers: timers, at: now)
        super.init(id: id, key: key, request: request, flow: flow)
    }

    override var isOpen: Bool { machine.isProceeding }
    override var nextDeadline: ContinuousClock.Instant? { machine.nextDeadline }

    override func respond(_ response: SIPResponse, at now: ContinuousClock.Instant) -> ServerTransactionAction? {
        machine.respond(response, at: now)
    }

    override func receive(_ request: SIPRequest, at now: ContinuousClock.Instant) -> ServerTransactionAction? {
        machine.receive(request, at: now)
    }

    override func expire(at now: ContinuousClock.Instant) -> ServerTransactionAction? { machine.expire(at: now) }
    override func transportFailed() -> ServerTransactionAction? { machine.transportFailed() }
}

/// RFC 3261 §17.2.2 on a flow.
final class NonInviteServer: ServerTransaction {
    private var machine: NonInviteServerTransaction
    private var isAnswered = false

    init(id: UInt64, key: TransactionKey, request: SIPRequest, flow: Flow, timers: TransactionTimers) {
        machine = NonInviteServerTransaction(
            request: request.head, reliable: flow.isReliable, timers: timers)
        super.init(id: id, key: key, request: request, flow: flow)
    }

    override var isOpen: Bool { !isAnswered }
    override var nextDeadline: ContinuousClock.Instant? { machine.nextDeadline }

    override func respond(_ response: SIPResponse, at now: ContinuousClock.Instant) -> ServerTransactionAction? {
        if response.status >= 200 { isAnswered = true }
        return machine.respond(response, at: now)
    }

    override func receive(_ request: SIPRequest, at now: ContinuousClock.Instant) -> ServerTransactionAction? {
        machine.receiveCopy()
    }

    override func expire(at now: ContinuousClock.Instant) -> ServerTransactionAction? { machine.expire(at: now) }
    override func transportFailed() -> ServerTransactionAction? { machine.transportFailed() }
}
