import SIP

/// The driver of server transactions.
extension SIPAgent {
    var transactionCount: Int { serverTransactions.count + clientTransactions.count }

    /// Starts the server transaction of a request that is worth one.
    func makeServerTransaction(
        _ request: SIPRequest, key: TransactionKey, along flow: Flow, at now: ContinuousClock.Instant
    ) -> ServerTransaction {
        let flow = responseFlow(for: request, along: flow)
        let timers = configuration.timers
        let transaction: ServerTransaction =
            request.method == .invite
            ? InviteServer(id: nextID(), key: key, request: request, flow: flow, timers: timers, at: now)
            : NonInviteServer(id: nextID(), key: key, request: request, flow: flow, timers: timers)
        serverTransactions[key] = transaction
        if let merged = transaction.mergedKey { mergedRequests[merged] = key }
        timedOwners[transaction.id] = transaction
        counters.transactions = transactionCount
        arm(transaction)
        return transaction
    }

    /// Answers within a transaction.
    func respond(_ response: SIPResponse, in transaction: ServerTransaction, at now: ContinuousClock.Instant) {
        var response = response
        if response.status > 100 { response.headers[.server] = configuration.serverName }
        counters.responsesByStatus[response.status, default: 0] &+= 1
        if let action = transaction.respond(response, at: now) { perform(action, of: transaction) }
        // Over a reliable transport some states last no time at all.
        while transaction.expireOnce(at: now, in: self) {}
        arm(transaction)
    }

    /// Answers without a transaction: a refusal that costs no memory (RFC 3261 §8.2.7). The To tag is a function of the
    /// request, so that a retransmission gets the same one.
    func refuse(
        _ request: SIPRequest, _ status: Int, _ reason: String? = nil, headers: [(HeaderName, String)] = [],
        along flow: Flow
    ) {
        var response = request.response(status, reason, toTag: request.statelessTag(salt: tagSalt))
        for (name, value) in headers { response.headers.append(name, value) }
        refuse(request, with: response, along: flow)
    }

    /// The same, with a whole response.
    func refuse(_ request: SIPRequest, with response: SIPResponse, along flow: Flow) {
        guard request.method != .ack else { return }
        var response = response
        response.headers[.server] = configuration.serverName
        counters.responsesByStatus[response.status, default: 0] &+= 1
        if response.status >= 300 { counters.refusedByStatus[response.status, default: 0] &+= 1 }
        send(response.serialized(), along: responseFlow(for: request, along: flow))
    }

    func perform(_ action: ServerTransactionAction, of transaction: ServerTransaction) {
        switch action {
        case .send(let bytes):
            let key = transaction.key
            send(bytes, along: transaction.flow) { agent in
                if let transaction = agent.serverTransactions[key] { agent.deliveryFailed(bytes, of: transaction) }
            }
        case .deliver(let acknowledgement):
            if let call = transaction.call { acknowledged(acknowledgement, in: call) }
        case .terminated(let end):
            forget(transaction)
            // The INVITE could not be answered: nobody will ever see this call.
            if end == .transportFailed, let call = transaction.call, call.openInvite === transaction {
                finish(call, .transportFailed("the answer could not be sent"))
            }
        }
    }

    /// RFC 3261 §18.2.2: when the connection of the request is gone, a new one is opened to the address the request
    /// came from and the port of its sent-by. Tried once.
    private func deliveryFailed(_ bytes: [UInt8], of transaction: ServerTransaction) {
        let source = transaction.flow.source
        guard !transaction.hasMoved, source.transport.isReliable, let via = transaction.request.via else {
            if let action = transaction.transportFailed() { perform(action, of: transaction) }
            return
        }
        transaction.hasMoved = true
        let lost = transaction.flow
        let endpoint = SIPEndpoint(
            address: source.remote.address, port: via.port ?? source.transport.defaultPort,
            transport: source.transport, zone: source.remote.zone)
        let target = ConnectionTarget(
            endpoint: endpoint, host: via.host, verification: configuration.dialogVerification)
        Task {
            guard let flow = try? await self.flow(to: target) else {
                return self.deliveryFailed(bytes, of: transaction)
            }
            transaction.flow = flow
            for pending in transaction.call?.accepted ?? [] where pending.flow == lost { pending.flow = flow }
            self.perform(.send(bytes), of: transaction)
        }
    }

    func forget(_ transaction: ServerTransaction) {
        if serverTransactions[transaction.key] === transaction { serverTransactions[transaction.key] = nil }
        if let merged = transaction.mergedKey, mergedRequests[merged] == transaction.key {
            mergedRequests[merged] = nil
        }
        timedOwners[transaction.id] = nil
        transaction.call?.openRequests[transaction.id] = nil
        counters.transactions = transactionCount
    }
}
