import SIP

/// A ~Copyable state machine that lives in a table.
final class Boxed<Value: ~Copyable> {
    var value: Value
    init(_ value: consuming Value) { self.value = value }
}

/// A user agent without sockets and clock: it drives the real transactions and dialogs the way a transport would.
final class SimulatedUserAgent {
    struct Plan: Sendable {
        /// The called side's answer and how long it rings, in milliseconds.
        var status = 200
        var ringing = 1000
        /// The calling side hangs up this long after the answer, and gives up this long after the INVITE.
        var talking = 3000
        var patience = 60_000
        var reliable = false
    }

    private enum Alarm {
        case ring(TransactionKey)
        case answer(TransactionKey)
        case hangUp(DialogID)
        case giveUp(TransactionKey)
    }

    let host: String
    let plan: Plan
    private(set) var events: [String] = []
    private(set) var outgoing: [[UInt8]] = []
    private var generator: WeatherGenerator
    private var alarms: [(at: ContinuousClock.Instant, alarm: Alarm)] = []
    private var now = CallMessages.start

    private var inviteServers: [TransactionKey: Boxed<InviteServerTransaction>] = [:]
    private var otherServers: [TransactionKey: Boxed<NonInviteServerTransaction>] = [:]
    private var inviteClients: [TransactionKey: Boxed<InviteClientTransaction>] = [:]
    private var otherClients: [TransactionKey: Boxed<NonInviteClientTransaction>] = [:]
    private var dialogs: [DialogID: Dialog] = [:]
    private var accepted: [DialogID: Boxed<AcceptedInvite>] = [:]
    private var acknowledgements: [TransactionKey: [UInt8]] = [:]

    init(host: String, plan: Plan, seed: UInt64) {
        self.host = host
        self.plan = plan
        generator = WeatherGenerator(seed: seed)
    }

    /// What is still held: empty at the end of every test.
    var leftovers: [String] {
        [
            inviteServers.isEmpty ? nil : "INVITE server transactions",
            otherServers.isEmpty ? nil : "server transactions",
            inviteClients.isEmpty ? nil : "INVITE client transactions",
            otherClients.isEmpty ? nil : "client transactions",
            dialogs.isEmpty ? nil : "dialogs", accepted.isEmpty ? nil : "unacknowledged 2xx",
            acknowledgements.isEmpty ? nil : "ACKs", alarms.isEmpty ? nil : "alarms",
        ].compactMap { $0 }
    }

    func takeOutgoing() -> [[UInt8]] {
        defer { outgoing = [] }
        return outgoing
    }

    func placeCall(to host: String) {
        var invite = SIPRequest(method: .invite, uri: "sip:recorder@\(host)")
        invite.headers.append(.via, via().description)
        invite.headers.append(.maxForwards, "70")
        invite.headers.append(.from, "<sip:caller@\(self.host)>;tag=\(SIPIdentifier.tag(using: &generator))")
        invite.headers.append(.to, "<sip:recorder@\(host)>")
        invite.headers.append(.callID, SIPIdentifier.callID(using: &generator))
        invite.headers.append(.cSeq, "1 INVITE")
        invite.headers.append(.contact, "<sip:caller@\(self.host)>")
        let transaction = InviteClientTransaction(request: invite, reliable: plan.reliable, at: now)
        outgoing.append(transaction.initialRequest)
        guard let key = TransactionKey(sentRequest: invite) else { return }
        inviteClients[key] = Boxed(transaction)
        alarm(.giveUp(key), after: plan.patience)
    }

    // MARK: Time

    var nextDeadline: ContinuousClock.Instant? {
        var deadlines = alarms.map(\.at)
        deadlines += inviteServers.values.compactMap { $0.value.nextDeadline }
        deadlines += otherServers.values.compactMap { $0.value.nextDeadline }
        deadlines += inviteClients.values.compactMap { $0.value.nextDeadline }
        deadlines += otherClients.values.compactMap { $0.value.nextDeadline }
        deadlines += accepted.values.compactMap { $0.value.nextDeadline }
        return deadlines.min()
    }

    func advance(to instant: ContinuousClock.Instant) {
        now = instant
        for (key, box) in inviteServers { while let action = box.value.expire(at: now) { perform(action, key) } }
        for (key, box) in otherServers { while let action = box.value.expire(at: now) { perform(action, key) } }
        for (key, box) in inviteClients { while let action = box.value.expire(at: now) { perform(action, key) } }
        for (key, box) in otherClients { while let action = box.value.expire(at: now) { perform(action, key) } }
        for (id, box) in accepted { while let action = box.value.expire(at: now) { perform(action, id) } }
        let due = alarms.filter { $0.at <= now }
        alarms.removeAll { $0.at <= now }
        for (_, alarm) in due { ring(alarm) }
    }

    private func alarm(_ alarm: Alarm, after milliseconds: Int) {
        alarms.append((now.advanced(by: .milliseconds(milliseconds)), alarm))
    }

    private func ring(_ alarm: Alarm) {
        switch alarm {
        case .ring(let key):
            respond(180, to: key)
        case .answer(let key):
            respond(plan.status, to: key)
        case .hangUp(let id):
            sendBye(id)
        case .giveUp(let key):
            guard let box = inviteClients[key] else { return }
            switch box.value.cancel(at: now) {
            case .send(let cancel): send(cancel)
            case .afterProvisional, .tooLate: break
            }
        }
    }

    // MARK: Messages

    func receive(_ bytes: [UInt8], at instant: ContinuousClock.Instant) throws {
        now = instant
        switch try SIPMessage(parsingDatagram: bytes) {
        case .request(let request): receive(request)
        case .response(let response): receive(response)
        }
    }

    private func receive(_ request: SIPRequest) {
        guard let key = TransactionKey(receivedRequest: request) else { return }
        if let box = inviteServers[key] {
            perform(box.value.receive(request, at: now), key)
        } else if let box = otherServers[key] {
            perform(box.value.receiveCopy(), key)
        } else if request.method == .ack {
            guard let id = DialogID(receivedRequest: request), let box = accepted[id] else { return }
            perform(box.value.receive(request), id)
        } else if request.method == .invite {
            inviteServers[key] = Boxed(InviteServerTransaction(request: request, reliable: plan.reliable, at: now))
            events.append("called")
            alarm(.ring(key), after: plan.ringing / 2)
            alarm(.answer(key), after: plan.ringing)
        } else {
            otherServers[key] = Boxed(NonInviteServerTransaction(request: request, reliable: plan.reliable))
            guard let box = otherServers[key] else { return }
            perform(box.value.respond(answer(request), at: now), key)
        }
    }

    private func answer(_ request: SIPRequest) -> SIPResponse {
        if request.method == .cancel, let key = TransactionKey(cancelledBy: request) {
            guard let box = inviteServers[key] else { return request.response(481, toTag: "none") }
            if box.value.isProceeding {
                events.append("cancelled")
                perform(box.value.respond(box.value.request.response(487, toTag: tag(of: key)), at: now), key)
            }
            return request.response(200, toTag: tag(of: key))
        }
        guard let id = DialogID(receivedRequest: request), var dialog = dialogs[id] else {
            return request.response(481, toTag: "none")
        }
        switch dialog.receive(request, using: &generator) {
        case .repeated(let response), .reject(let response): return response
        case .handle: break
        }
        let response = request.response(200)
        dialog.answered(request, with: response)
        events.append("ended by peer")
        forget(id)
        return response
    }

    private func receive(_ response: SIPResponse) {
        guard let key = TransactionKey(receivedResponse: response) else { return }
        if let box = inviteClients[key] {
            perform(box.value.receive(response, at: now), key)
        } else if let box = otherClients[key] {
            perform(box.value.receive(response, at: now), key)
        }
    }

    // MARK: Actions

    private func perform(_ action: ServerTransactionAction?, _ key: TransactionKey) {
        switch action {
        case .send(let bytes): outgoing.append(bytes)
        case .deliver(let request): events.append("delivered \(request.method.rawValue)")
        case .terminated(let reason):
            if reason != .completed { events.append("\(reason)") }
            inviteServers[key] = nil
            otherServers[key] = nil
        case nil: break
        }
    }

    private func perform(_ action: ClientTransactionAction?, _ key: TransactionKey) {
        switch action {
        case .send(let bytes): outgoing.append(bytes)
        case .deliver(let response): deliver(response, key)
        case .acknowledge(let bytes, let response):
            outgoing.append(bytes)
            deliver(response, key)
        case .deliverAndCancel(let response, let cancel):
            deliver(response, key)
            send(cancel)
        case .terminated(let reason):
            if reason != .completed { events.append("\(reason)") }
            inviteClients[key] = nil
            acknowledgements[key] = nil
            if let bye = otherClients.removeValue(forKey: key)?.value.request, bye.method == .bye { ended(bye) }
        case nil: break
        }
    }

    private func perform(_ action: AcceptedInvite.Action?, _ id: DialogID) {
        switch action {
        case .send(let bytes): outgoing.append(bytes)
        case .acknowledged:
            events.append("established")
            accepted[id] = nil
        case .gaveUp:
            events.append("never acknowledged")
            accepted[id] = nil
            sendBye(id)
        case nil: break
        }
    }

    private func deliver(_ response: SIPResponse, _ key: TransactionKey) {
        if let box = otherClients[key] {
            if response.status >= 200, box.value.request.method == .bye { ended(box.value.request) }
            return
        }
        guard let invite = inviteClients[key]?.value.request, response.status >= 200 else { return }
        guard response.status < 300 else { return events.append("rejected \(response.status)") }
        if acknowledgements[key] == nil, let dialog = try? Dialog(placing: invite, answeredBy: response) {
            acknowledgements[key] = dialog.makeAcknowledgement(of: invite, via: via()).serialized()
            dialogs[dialog.id] = dialog
            events.append("established")
            alarm(.hangUp(dialog.id), after: plan.talking)
        }
        // §13.2.2.4: one ACK for each copy of the 2xx.
        if let bytes = acknowledgements[key] { outgoing.append(bytes) }
    }

    private func respond(_ status: Int, to key: TransactionKey) {
        guard let box = inviteServers[key], box.value.isProceeding else { return }
        var response = box.value.request.response(status, toTag: tag(of: key))
        response.headers.append(.contact, "<sip:recorder@\(host)>")
        perform(box.value.respond(response, at: now), key)
        if status >= 200 && status < 300, let dialog = try? Dialog(serving: box.value.request, answeredWith: response) {
            dialogs[dialog.id] = dialog
            accepted[dialog.id] = Boxed(AcceptedInvite(response: response, at: now))
        }
    }

    private func sendBye(_ id: DialogID) {
        guard var dialog = dialogs[id], dialog.state == .confirmed else { return }
        let bye = dialog.makeRequest(.bye, via: via())
        dialogs[id] = dialog
        send(bye)
    }

    private func send(_ request: SIPRequest) {
        guard let key = TransactionKey(sentRequest: request) else { return }
        let transaction = NonInviteClientTransaction(request: request, reliable: plan.reliable, at: now)
        outgoing.append(transaction.initialRequest)
        otherClients[key] = Boxed(transaction)
    }

    private func ended(_ bye: SIPRequest) {
        guard let callID = bye.callID, let local = bye.from?.tag, let remote = bye.to?.tag else { return }
        let id = DialogID(callID: callID, localTag: local, remoteTag: remote)
        if dialogs[id] != nil { events.append("ended") }
        forget(id)
    }

    private func forget(_ id: DialogID) {
        dialogs[id] = nil
        accepted[id] = nil
    }

    private func via() -> Via {
        let branch = Parameter("branch", SIPIdentifier.branch(using: &generator))
        return Via(transport: plan.reliable ? "TCP" : "UDP", host: host, parameters: [branch])
    }

    private func tag(of key: TransactionKey) -> String { "\(host)-tag" }
}
