import SIP

/// What the consumer of a call wants: answers, requests, the end.
extension SIPAgent {
    /// Answers the first INVITE of a call.
    @discardableResult
    func answerInvite(_ id: UInt64, with answer: Answer, contactParameters: [Parameter] = []) -> Bool {
        guard let call = calls[id], call.stage == .inviting, let transaction = call.openInvite, transaction.isOpen
        else {
            return false
        }
        let now = ContinuousClock.now
        if !contactParameters.isEmpty { call.contactParameters = contactParameters }
        let response = complete(answer, to: transaction, in: call, at: now)
        call.dialog.answered(transaction.request, with: response)
        if response.status >= 200 { call.openInvite = nil }
        if response.isSuccess { established(call, with: response, in: transaction, at: now) }
        respond(response, in: transaction, at: now)
        if response.status >= 300 { finish(call, .rejected(status: response.status)) }
        return true
    }

    /// Answers a request inside a call.
    func answer(transaction id: UInt64, of callID: UInt64, with answer: Answer) {
        guard let call = calls[callID], let transaction = call.openRequests[id], transaction.isOpen else { return }
        let now = ContinuousClock.now
        let response = complete(answer, to: transaction, in: call, at: now)
        call.dialog.answered(transaction.request, with: response)
        if response.status >= 200 {
            call.openRequests[id] = nil
            if call.openInvite === transaction { call.openInvite = nil }
        }
        if response.isSuccess, transaction.request.method == .invite {
            established(call, with: response, in: transaction, at: now)
        }
        respond(response, in: transaction, at: now)
    }

    private func established(
        _ call: Call, with response: SIPResponse, in transaction: ServerTransaction, at now: ContinuousClock.Instant
    ) {
        call.stage = .established
        call.accepted.append(
            PendingAcknowledgement(
                response: named(response), flow: transaction.flow, timers: configuration.timers, at: now))
        arm(call)
    }

    private func named(_ response: SIPResponse) -> SIPResponse {
        var response = response
        response.headers[.server] = configuration.serverName
        return response
    }

    /// The answer with our part: tag, Contact, Allow, Supported, session timer.
    private func complete(
        _ answer: Answer, to transaction: ServerTransaction, in call: Call, at now: ContinuousClock.Instant
    ) -> SIPResponse {
        let request = transaction.request
        var response = request.response(answer.status, answer.reason, toTag: call.dialog.id.localTag)
        for (name, value) in answer.headers { response.headers.append(name, value) }
        let isInvite = request.method == .invite
        if isInvite && (101..<300).contains(answer.status) || answer.status / 100 == 2 && request.method == .update {
            let contact = makeContact(
                for: transaction.flow, isSecure: call.dialog.isSecure, parameters: call.contactParameters)
            response.headers[.contact] = contact.description
        }
        if response.isSuccess {
            if response.headers[.allow] == nil { response.headers.append(.allow, Self.allowedMethods) }
            if response.headers[.supported] == nil {
                response.headers.append(.supported, Self.supportedExtensions.joined(separator: ", "))
            }
            if isInvite, response.headers[.accept] == nil { response.headers.append(.accept, Self.acceptedTypes) }
            negotiateSessionTimer(request, response: &response, in: call, at: now)
        }
        if let contentType = answer.contentType { response.headers[.contentType] = contentType }
        response.body = answer.body
        return response
    }

    private func negotiateSessionTimer(
        _ request: SIPRequest, response: inout SIPResponse, in call: Call, at now: ContinuousClock.Instant
    ) {
        guard request.method == .invite || request.method == .update else { return }
        switch sessionPolicy.negotiate(request) {
        case .agreed(let terms):
            terms.write(into: &response)
            call.sessionTimer.machine.restart(terms, at: now)
        case .unused, .rejected:
            call.sessionTimer.machine.restart(nil, at: now)
        }
        arm(call)
    }

    // MARK: The end

    /// Ends a call without waiting for the answer to the BYE.
    func hangUp(
        _ id: UInt64, reason: String?, headers: [(HeaderName, String)], contentType: String?, body: [UInt8]
    ) {
        guard let call = calls[id] else { return }
        switch call.stage {
        case .inviting:
            answerInvite(id, with: Answer(status: 480, reason: reason))
        case .established:
            var headers = headers
            if let reason, !headers.contains(where: { $0.0 == .reason }) { headers.append((.reason, reason)) }
            call.farewell = Call.Farewell(headers: headers, contentType: contentType, body: body)
            finish(call, .localBye, keeping: true)
            // RFC 3261 §15: "the callee's UA MUST NOT send a BYE on a confirmed dialog until it has received an ACK
            // for its 2xx response or until the server transaction times out."
            if call.accepted.isEmpty || call.dialog.role == .client { sendFarewell(call) }
        case .leaving, .ended:
            break
        }
    }

    /// Ends a call that we placed, and waits for the answer.
    func sayGoodbye(_ id: UInt64, headers: [(HeaderName, String)], contentType: String?, body: [UInt8]) async throws {
        guard let call = calls[id], call.stage == .established else { return }
        finish(call, .localBye)
        let response = try await bye(
            of: call, Call.Farewell(headers: headers, contentType: contentType, body: body))
        // RFC 3261 §15.1.1: with 481 and 408 the session is over as well.
        guard response.isSuccess || response.status == 481 || response.status == 408 else {
            throw UserAgentError.refused(response)
        }
    }

    func bye(of call: Call, _ farewell: Call.Farewell) async throws -> SIPResponse {
        let flow = try await flow(
            toNextHop: call.dialog.nextHop, of: call.origin, isSecure: call.dialog.isSecure)
        var request = call.dialog.makeRequest(
            .bye, via: makeVia(for: flow), contentType: farewell.contentType, body: farewell.body)
        for (name, value) in farewell.headers { request.headers.append(name, value) }
        request.headers[.userAgent] = configuration.serverName
        call.dialog.terminate()
        return try await sendAndWait(request, along: flow)
    }
}
