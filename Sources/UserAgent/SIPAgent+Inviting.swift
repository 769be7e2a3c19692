import SIP

/// One INVITE of ours on its way: the bridge between its transaction and the task that waits.
///
/// Unchecked: touched on the event loop of its user agent only; the closures of a continuation cannot say so.
final class InviteAttempt: @unchecked Sendable {
    var waiting: CheckedContinuation<SIPResponse, any Error>?
    weak var transaction: ClientTransaction?
    /// The To tag of the 2xx that made the dialog.
    var tag: String?
    /// The ACK of that 2xx, for its copies.
    var acknowledgement: (bytes: [UInt8], flow: Flow)?
}

/// Calls that we place.
extension SIPAgent {
    /// Places a call: INVITE, credentials when asked for, ACK. Returns once the call is accepted.
    ///
    /// Cancelling the task cancels the call (RFC 3261 §9). A TLS or TCP connection is opened when there is none to
    /// that peer yet, and shared by all calls with the same kind of verification.
    /// - Throws: ``UserAgentError``; ``UserAgentError/refused(_:)`` carries the final response.
    public func invite(_ invitation: OutgoingInvite) async throws -> OutgoingCall {
        guard phase == .running || phase == .draining else { throw UserAgentError.stopped }
        let isSecure = invitation.target.scheme == .sips
        var endpoint = invitation.destination
        if endpoint == nil { endpoint = try await resolve(invitation.target, isSecure: isSecure, usual: .udp) }
        guard let endpoint else { throw UserAgentError.unresolved(host: invitation.target.host) }
        let flow = try await flow(
            to: ConnectionTarget(
                endpoint: endpoint, host: invitation.target.host, verification: invitation.verification))
        var request = makeInvite(invitation, along: flow, isSecure: isSecure)
        var digest = invitation.credentials.map { DigestClient(username: $0.username, password: $0.password) }
        var offer = invitation.sessionInterval.map { SessionTimerOffer(interval: $0) }
        var generator = SystemRandomNumberGenerator()
        // First try, challenge, stale nonce, interval too small: more is a loop.
        for _ in 0..<4 {
            offer?.write(into: &request)
            let attempt = InviteAttempt()
            let response: SIPResponse
            do {
                response = try await place(request, along: flow, attempt: attempt)
            } catch {
                throw explain(error, of: flow)
            }
            switch response.status {
            case 200..<300:
                return try await established(
                    request, response, attempt: attempt, along: flow, invitation: invitation, digest: digest,
                    offer: offer)
            case 401, 407:
                // RFC 3261 §22.2: a second challenge means that the credentials are wrong, unless the nonce was stale.
                let isAnswered = request.headers.contains(response.status == 407 ? .proxyAuthorization : .authorization)
                let isStale = DigestChallenge.preferred(in: response)?.isStale == true
                guard !isAnswered || isStale else { throw UserAgentError.refused(response) }
                guard digest?.authorize(&request, answering: response, using: &generator) == true else {
                    throw UserAgentError.refused(response)
                }
            case 422 where offer?.raise(by: response) == true:
                break
            default:
                if Task.isCancelled { throw UserAgentError.cancelled }
                throw UserAgentError.refused(response)
            }
            // RFC 3261 §22.2: a new transaction with the next number.
            request.headers[.cSeq] = CSeq((request.cSeq?.number ?? 1) &+ 1, .invite).description
            request.headers[.via] = makeVia(for: flow).description
        }
        throw UserAgentError.unusable("the peer asked for credentials again and again")
    }

    private func makeInvite(_ invitation: OutgoingInvite, along flow: Flow, isSecure: Bool) -> SIPRequest {
        var generator = SystemRandomNumberGenerator()
        var request = SIPRequest(method: .invite, uri: invitation.target.description, body: invitation.body)
        let host = localHost(for: flow).host
        var from = invitation.from ?? NameAddress(uri: SIPURI(user: "anonymous", host: host).description)
        from.tag = SIPIdentifier.tag(using: &generator)
        // RFC 3261 §20.39: the To URI has no parameters of the transport kind.
        let to = SIPURI(user: invitation.target.user, host: invitation.target.host, scheme: invitation.target.scheme)
        request.headers.append(.via, makeVia(for: flow).description)
        request.headers.append(.maxForwards, "70")
        request.headers.append(.from, from.description)
        request.headers.append(.to, NameAddress(uri: to.description).description)
        request.headers.append(.callID, SIPIdentifier.callID(using: &generator))
        request.headers.append(.cSeq, CSeq(1, .invite).description)
        request.headers.append(
            .contact,
            makeContact(for: flow, isSecure: isSecure, parameters: invitation.contactParameters).description)
        request.headers.append(.allow, Self.allowedMethods)
        request.headers.append(.userAgent, configuration.serverName)
        for (name, value) in invitation.headers { request.headers.append(name, value) }
        if let contentType = invitation.contentType { request.headers[.contentType] = contentType }
        return request
    }

    // MARK: The transaction

    /// Sends an INVITE and waits for its final response. The caller acknowledges a 2xx.
    func place(_ request: SIPRequest, along flow: Flow, attempt: InviteAttempt) async throws -> SIPResponse {
        guard let key = TransactionKey(sentRequest: request) else { throw UserAgentError.transportFailed }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                attempt.waiting = continuation
                attempt.transaction = sendRequest(request, along: flow, at: .now) { agent, event in
                    agent.handle(event, of: attempt, request: request)
                }
                if Task.isCancelled { cancelInvite(key) }
            }
        } onCancel: {
            Task { await self.cancelInvite(key) }
        }
    }

    private func cancelInvite(_ key: TransactionKey) {
        if let transaction = clientTransactions[key] { cancel(transaction, at: .now) }
    }

    private func handle(_ event: ClientEvent, of attempt: InviteAttempt, request: SIPRequest) {
        switch event {
        case .response(let response) where response.status < 200:
            break
        case .response(let response):
            if let waiting = attempt.waiting {
                attempt.waiting = nil
                attempt.tag = response.to?.tag
                waiting.resume(returning: response)
            } else if response.isSuccess {
                receivedAgain(response, of: attempt, request: request)
            }
        case .ended(let end):
            attempt.waiting?.resume(
                throwing: end == .timedOut ? UserAgentError.timedOut : UserAgentError.transportFailed)
            attempt.waiting = nil
        }
    }

    /// Another 2xx: a copy gets its ACK again (RFC 3261 §13.2.2.4), another branch of a fork is ended.
    private func receivedAgain(_ response: SIPResponse, of attempt: InviteAttempt, request: SIPRequest) {
        if response.to?.tag == attempt.tag {
            if let (bytes, flow) = attempt.acknowledgement { send(bytes, along: flow) }
            return
        }
        guard let origin = attempt.transaction?.flow,
            let dialog = try? Dialog(placing: request, answeredBy: response)
        else { return }
        let (_, continuation) = AsyncStream<DialogEvent>.makeStream(bufferingPolicy: .bufferingOldest(1))
        let call = Call(id: nextID(), dialog: dialog, origin: origin, events: continuation)
        Task {
            _ = try? await self.acknowledge(request, in: call, contentType: nil, body: [])
            _ = try? await self.bye(of: call, Call.Farewell(headers: [], contentType: nil, body: []))
        }
    }

    /// Sends the ACK of a 2xx (RFC 3261 §13.2.2.4) and gives it back for repetition.
    func acknowledge(
        _ request: SIPRequest, in call: Call, contentType: String?, body: [UInt8]
    ) async throws -> (bytes: [UInt8], flow: Flow) {
        let flow = try await flow(toNextHop: call.dialog.nextHop, of: call.origin, isSecure: call.dialog.isSecure)
        var acknowledgement = call.dialog.makeAcknowledgement(of: request, via: makeVia(for: flow))
        if let contentType { acknowledgement.headers[.contentType] = contentType }
        acknowledgement.body = body
        let bytes = acknowledgement.serialized()
        send(bytes, along: flow)
        return (bytes, flow)
    }

    // MARK: The call

    private func established(
        _ request: SIPRequest, _ response: SIPResponse, attempt: InviteAttempt, along flow: Flow,
        invitation: OutgoingInvite, digest: DigestClient?, offer: SessionTimerOffer?
    ) async throws -> OutgoingCall {
        let dialog: Dialog
        do {
            dialog = try Dialog(placing: request, answeredBy: response)
        } catch {
            throw UserAgentError.unusable("the 2xx makes no dialog: \(error)")
        }
        let (stream, continuation) = AsyncStream<DialogEvent>.makeStream(bufferingPolicy: .bufferingOldest(64))
        let call = Call(id: nextID(), dialog: dialog, origin: flow, events: continuation)
        call.stage = .established
        call.contactParameters = invitation.contactParameters
        call.digest = digest
        register(call)
        call.sessionTimer.machine.restart(offer?.terms(in: response), at: .now)
        arm(call)
        do {
            let answer = invitation.answer?(response)
            attempt.acknowledgement = try await acknowledge(
                request, in: call, contentType: answer?.contentType, body: answer?.body ?? [])
        } catch {
            finish(call, .transportFailed("\(error)"))
            throw error
        }
        guard !Task.isCancelled else {
            // The 2xx crossed our CANCEL.
            try? await sayGoodbye(call.id, headers: [], contentType: nil, body: [])
            throw UserAgentError.cancelled
        }
        return OutgoingCall(
            request: request, response: response, source: flow.source, dialogID: dialog.id, events: stream, agent: self,
            call: call.id)
    }
}
