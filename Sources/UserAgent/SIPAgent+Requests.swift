import Logging
import NIOCore
import SIP

/// Requests that belong to no call.
extension SIPAgent {
    func receivedOutsideDialog(
        _ request: SIPRequest, key: TransactionKey?, along flow: Flow, arrival: RequestInspection.Arrival,
        at now: ContinuousClock.Instant
    ) {
        guard passesScreening(request, along: flow, at: now) else { return }
        let tag = request.statelessTag(salt: tagSalt)
        if let rejection = RequestInspection.rejection(
            of: request, arrivedBy: arrival, supportedExtensions: Self.supportedExtensions, toTag: tag)
        {
            return refuse(request, with: rejection, along: flow)
        }
        guard let key else { return refuse(request, 400, along: flow) }
        guard request.to?.tag == nil else { return refuse(request, 481, along: flow) }
        // RFC 3261 §8.2.2.2: the same request over another path.
        if let merged = MergedRequestKey(request), mergedRequests[merged] != nil {
            return refuse(request, 482, along: flow)
        }
        switch request.method {
        case .invite, .options:
            admit(request, key: key, along: flow, at: now)
        case .update:
            // UPDATE is spoken inside SIPREC dialogs only.
            refuse(request, 405, headers: [(.allow, Self.allowedMethods)], along: flow)
        default:
            // BYE and CANCEL: there is nothing they could end.
            refuse(request, 481, along: flow)
        }
    }

    func passesScreening(_ request: SIPRequest, along flow: Flow, at now: ContinuousClock.Instant) -> Bool {
        switch admission.screen(flow.source.remote, now: now) {
        case .pass:
            return true
        case .refuse:
            // What is malformed besides is rubbish, and rubbish from a stranger is never answered; no ACK is.
            guard request.method != .ack, RequestInspection.fault(of: request, arrivedBy: .datagram) == nil else {
                counters.droppedRequests &+= 1
                return false
            }
            refuse(request, 403, along: flow)
        case .drop:
            counters.droppedRequests &+= 1
            // A stranger with a connection could otherwise go on sending what has to be parsed.
            if case .connection(let id) = flow.socket { connections[id]?.channel.close(promise: nil) }
        }
        return false
    }

    private func admit(
        _ request: SIPRequest, key: TransactionKey, along flow: Flow, at now: ContinuousClock.Instant
    ) {
        let admitted: Admitted
        switch admission.admit(request, from: flow.source, now: now) {
        case .admitted(let value): admitted = value
        case .refused(let status, let reason, let headers):
            logger.debug(
                "request refused",
                metadata: [
                    "status": "\(status)", "method": "\(request.method)", "remote": "\(flow.source.remote)",
                    "callID": "\(request.callID ?? "")",
                ])
            return refuse(request, status, reason, headers: headers, along: flow)
        case .drop:
            counters.droppedRequests &+= 1
            return
        }
        guard phase == .running else {
            return refuse(request, 503, "Going out of service", headers: [(.retryAfter, "30")], along: flow)
        }
        guard transactionCount < configuration.maximumTransactions else {
            return refuse(request, 503, "Too many transactions", headers: [(.retryAfter, "5")], along: flow)
        }
        if request.method == .options {
            let transaction = makeServerTransaction(request, key: key, along: flow, at: now)
            respond(optionsResponse(to: request), in: transaction, at: now)
        } else {
            startCall(request, key: key, admitted: admitted, along: flow, at: now)
        }
    }

    /// RFC 3261 §11.2.
    func optionsResponse(to request: SIPRequest) -> SIPResponse {
        var response = request.response(200, toTag: request.statelessTag(salt: tagSalt))
        response.headers.append(.allow, Self.allowedMethods)
        response.headers.append(.accept, Self.acceptedTypes)
        response.headers.append(.supported, Self.supportedExtensions.joined(separator: ", "))
        return response
    }

    private func startCall(
        _ request: SIPRequest, key: TransactionKey, admitted: Admitted, along flow: Flow,
        at now: ContinuousClock.Instant
    ) {
        if case .rejected(let response) = sessionPolicy.negotiate(request) {
            return refuse(request, with: withTag(response, of: request), along: flow)
        }
        var generator = SystemRandomNumberGenerator()
        let tag = SIPIdentifier.tag(using: &generator)
        let dialog: Dialog
        do throws(DialogError) {
            dialog = try Dialog(serving: request, answeredWith: request.response(183, toTag: tag))
        } catch {
            return refuse(request, 400, error.description, along: flow)
        }
        let transaction = makeServerTransaction(request, key: key, along: flow, at: now)
        let (stream, continuation) = AsyncStream<DialogEvent>.makeStream(bufferingPolicy: .bufferingOldest(64))
        let call = Call(id: nextID(), dialog: dialog, origin: flow, admitted: admitted, events: continuation)
        register(call)
        call.openInvite = transaction
        transaction.call = call
        let invite = IncomingInvite(
            request: request, source: flow.source, admitted: admitted, dialogID: dialog.id, events: stream, agent: self,
            call: call.id)
        guard let onInvite else { return }
        Task { await onInvite(invite) }
    }

    func register(_ call: Call) {
        calls[call.id] = call
        dialogs[call.dialog.id] = call
        timedOwners[call.id] = call
        counters.dialogs = calls.count
    }

    /// The session timers of a server that lets the client refresh (RFC 4028).
    var sessionPolicy: SessionTimerPolicy { SessionTimerPolicy() }

    private func withTag(_ response: SIPResponse, of request: SIPRequest) -> SIPResponse {
        var response = response
        if response.to?.tag == nil, let to = response.headers[.to] {
            response.headers[.to] = to + ";tag=" + request.statelessTag(salt: tagSalt)
        }
        return response
    }

    /// RFC 3261 §9.2.
    func receivedCancel(
        _ request: SIPRequest, key: TransactionKey?, of invite: ServerTransaction, along flow: Flow,
        at now: ContinuousClock.Instant
    ) {
        guard let key else { return refuse(request, 400, along: flow) }
        let transaction = makeServerTransaction(request, key: key, along: flow, at: now)
        // "The To tag of the response to the CANCEL and the To tag in the response to the original request SHOULD be
        // the same."
        let tag = invite.call?.dialog.id.localTag ?? request.statelessTag(salt: tagSalt)
        respond(request.response(200, toTag: tag), in: transaction, at: now)
        guard invite.isOpen else { return }
        respond(invite.request.response(487, toTag: tag), in: invite, at: now)
        guard let call = invite.call else { return }
        call.openRequests[invite.id] = nil
        if call.openInvite === invite { call.openInvite = nil }
        // A cancelled re-INVITE leaves the session as it was.
        call.dialog.answered(invite.request, with: invite.request.response(487, toTag: tag))
        if call.stage == .inviting { finish(call, .cancelled) }
    }
}
