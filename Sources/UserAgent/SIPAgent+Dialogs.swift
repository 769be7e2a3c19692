import Logging
import SIP

/// Requests inside calls, and what timers do to a call.
extension SIPAgent {
    func received(
        _ request: SIPRequest, key: TransactionKey, in call: Call, along flow: Flow,
        arrival: RequestInspection.Arrival, at now: ContinuousClock.Instant
    ) {
        guard request.method != .ack else {
            if RequestInspection.fault(of: request, arrivedBy: arrival) == nil { acknowledged(request, in: call) }
            return
        }
        if request.method == .cancel {
            guard let invite = TransactionKey(cancelledBy: request).flatMap({ serverTransactions[$0] }) else {
                return refuse(request, 481, along: flow)
            }
            return receivedCancel(request, key: key, of: invite, along: flow, at: now)
        }
        if let rejection = RequestInspection.rejection(
            of: request, arrivedBy: arrival, supportedExtensions: Self.supportedExtensions,
            toTag: call.dialog.id.localTag)
        {
            return refuse(request, with: rejection, along: flow)
        }
        guard transactionCount < configuration.maximumTransactions || request.method == .bye else {
            return refuse(request, 503, headers: [(.retryAfter, "5")], along: flow)
        }
        let transaction = makeServerTransaction(request, key: key, along: flow, at: now)
        transaction.call = call
        var generator = SystemRandomNumberGenerator()
        switch call.dialog.receive(request, using: &generator) {
        case .handle: break
        case .repeated(let response), .reject(let response):
            return respond(response, in: transaction, at: now)
        }
        switch request.method {
        case .bye:
            receivedBye(request, in: call, transaction: transaction, at: now)
        case .options:
            respond(optionsResponse(to: request), in: transaction, at: now)
        default:
            if case .rejected(let response) = sessionPolicy.negotiate(request) {
                call.dialog.answered(request, with: response)
                return respond(response, in: transaction, at: now)
            }
            deliver(request, in: call, transaction: transaction, at: now)
        }
    }

    private func deliver(
        _ request: SIPRequest, in call: Call, transaction: ServerTransaction, at now: ContinuousClock.Instant
    ) {
        call.openRequests[transaction.id] = transaction
        if request.method == .invite { call.openInvite = transaction }
        let event = InDialogRequest(
            request: request, agent: self, call: call.id, transaction: transaction.id, isAnswered: false)
        // When the stream is full or gone, the request is dropped here, and its deinit answers 500.
        call.events.yield(.request(event))
    }

    private func receivedBye(
        _ request: SIPRequest, in call: Call, transaction: ServerTransaction, at now: ContinuousClock.Instant
    ) {
        let response = request.response(200)
        call.dialog.answered(request, with: response)
        respond(response, in: transaction, at: now)
        call.events.yield(
            .request(
                InDialogRequest(
                    request: request, agent: self, call: call.id, transaction: transaction.id, isAnswered: true)))
        finish(call, .bye)
    }

    /// An ACK that matches no running transaction: of a 2xx.
    func acknowledged(_ request: SIPRequest, in call: Call) {
        for (index, pending) in call.accepted.enumerated() {
            guard case .acknowledged = pending.machine.receive(request) else { continue }
            call.accepted.remove(at: index)
            call.events.yield(.acknowledged(request))
            if call.stage == .leaving { sendFarewell(call) }
            return
        }
        counters.strayAcknowledgements &+= 1
    }

    // MARK: Timers

    func perform(_ action: AcceptedInvite.Action, of pending: PendingAcknowledgement, in call: Call) {
        switch action {
        case .send(let bytes):
            send(bytes, along: pending.flow)
        case .acknowledged:
            call.accepted.removeAll { $0 === pending }
        case .gaveUp:
            call.accepted.removeAll { $0 === pending }
            guard call.stage != .leaving else { return sendFarewell(call) }
            // RFC 3261 §13.3.1.4 and §14.2.
            end(call, .acknowledgementTimedOut, reason: "SIP;cause=408;text=\"No ACK\"")
        }
    }

    func perform(_ action: SessionTimer.Action, in call: Call) {
        switch action {
        case .refresh:
            refreshSession(of: call)
        case .expired:
            end(call, .sessionExpired, reason: "SIP;cause=408;text=\"Session expired\"")
        }
    }

    // MARK: Ends

    /// Tells the consumer, sends BYE.
    func end(_ call: Call, _ end: DialogEnd, reason: String) {
        call.farewell = Call.Farewell(headers: [(.reason, reason)], contentType: nil, body: [])
        finish(call, end, keeping: true)
        sendFarewell(call)
    }

    /// Sends the BYE of a call whose consumer knows that it is over, and forgets the call.
    func sendFarewell(_ call: Call) {
        let farewell = call.farewell
        call.farewell = nil
        forget(call)
        guard let farewell, call.dialog.state == .confirmed else { return }
        Task { _ = try? await self.bye(of: call, farewell) }
    }

    /// Ends a call for the consumer: the event, open requests, timers. Unless `keeping`, the call is forgotten.
    func finish(_ call: Call, _ end: DialogEnd, keeping: Bool = false) {
        guard call.stage != .ended else { return }
        let now = ContinuousClock.now
        let open = call.openRequests.values + (call.openInvite.map { [$0] } ?? [])
        call.openRequests.removeAll()
        call.openInvite = nil
        for transaction in open where transaction.isOpen {
            // RFC 3261 §15.1.2: pending requests of the dialog are answered 487.
            let response = transaction.request.response(487, toTag: call.dialog.id.localTag)
            respond(response, in: transaction, at: now)
        }
        call.sessionTimer.machine.restart(nil, at: now)
        if call.stage != .leaving {
            call.events.yield(.ended(end))
            call.events.finish()
        }
        if keeping {
            call.stage = .leaving
        } else {
            forget(call)
        }
    }

    func forget(_ call: Call) {
        call.stage = .ended
        call.accepted.removeAll()
        call.events.finish()
        calls[call.id] = nil
        if dialogs[call.dialog.id] === call { dialogs[call.dialog.id] = nil }
        timedOwners[call.id] = nil
        counters.dialogs = calls.count
    }
}
