import SIP

/// The driver of client transactions.
extension SIPAgent {
    /// Sends a request in a transaction of its own. `handler` is called on the event loop; with
    /// ``ClientEvent/ended(_:)`` exactly once, at the end.
    @discardableResult
    func sendRequest(
        _ request: SIPRequest, along flow: Flow, at now: ContinuousClock.Instant,
        handler: @escaping ClientTransaction.Handler
    ) -> ClientTransaction? {
        guard phase == .running || phase == .draining, let key = TransactionKey(sentRequest: request) else {
            handler(self, .ended(.transportFailed))
            return nil
        }
        let timers = configuration.timers
        let transaction: ClientTransaction =
            request.method == .invite
            ? InviteClient(
                id: nextID(), key: key, request: request, flow: flow, timers: timers, at: now, handler: handler)
            : NonInviteClient(
                id: nextID(), key: key, request: request, flow: flow, timers: timers, at: now, handler: handler)
        clientTransactions[key] = transaction
        timedOwners[transaction.id] = transaction
        counters.transactions = transactionCount
        transmit(transaction.initialRequest, of: transaction)
        arm(transaction)
        return transaction
    }

    /// A request inside a call, awaited: the final response.
    func sendAndWait(_ request: SIPRequest, along flow: Flow) async throws -> SIPResponse {
        try await withCheckedThrowingContinuation { continuation in
            var waiting: CheckedContinuation<SIPResponse, any Error>? = continuation
            sendRequest(request, along: flow, at: .now) { _, event in
                switch event {
                case .response(let response):
                    guard response.status >= 200 else { return }
                    waiting?.resume(returning: response)
                case .ended(.timedOut):
                    waiting?.resume(throwing: UserAgentError.timedOut)
                case .ended:
                    waiting?.resume(throwing: UserAgentError.transportFailed)
                }
                waiting = nil
            }
        }
    }

    func perform(_ action: ClientTransactionAction, of transaction: ClientTransaction) {
        switch action {
        case .send(let bytes):
            transmit(bytes, of: transaction)
        case .deliver(let response):
            transaction.handler(self, .response(response))
        case .acknowledge(let bytes, let response):
            transmit(bytes, of: transaction)
            transaction.handler(self, .response(response))
        case .deliverAndCancel(let response, let cancel):
            transaction.handler(self, .response(response))
            sendRequest(cancel, along: transaction.flow, at: .now) { _, _ in }
        case .terminated(let end):
            forget(transaction)
            transaction.handler(self, .ended(end))
        }
    }

    /// The transaction user gives the INVITE up (RFC 3261 §9.1).
    func cancel(_ transaction: ClientTransaction, at now: ContinuousClock.Instant) {
        if case .send(let cancel) = transaction.cancel(at: now) {
            sendRequest(cancel, along: transaction.flow, at: now) { _, _ in }
        }
        arm(transaction)
    }

    func transportFailed(_ transaction: ClientTransaction) {
        if let action = transaction.transportFailed() { perform(action, of: transaction) }
    }

    func forget(_ transaction: ClientTransaction) {
        if clientTransactions[transaction.key] === transaction { clientTransactions[transaction.key] = nil }
        timedOwners[transaction.id] = nil
        counters.transactions = transactionCount
    }

    private func transmit(_ bytes: [UInt8], of transaction: ClientTransaction) {
        let key = transaction.key
        send(bytes, along: transaction.flow) { agent in
            if let transaction = agent.clientTransactions[key] { agent.transportFailed(transaction) }
        }
    }
}
