import SIP

/// Requests that we send inside calls.
extension SIPAgent {
    /// Sends a request inside a call and waits for its 2xx; an INVITE is acknowledged.
    func request(
        _ method: SIPMethod, in id: UInt64, headers: [(HeaderName, String)], contentType: String?, body: [UInt8],
        answer: OutgoingInvite.DelayedAnswer? = nil
    ) async throws -> SIPResponse {
        guard let call = calls[id], call.stage == .established else { throw UserAgentError.callEnded }
        let flow = try await flow(toNextHop: call.dialog.nextHop, of: call.origin, isSecure: call.dialog.isSecure)
        var credentials: SIPResponse?
        // The second round answers a challenge.
        for _ in 0..<2 {
            guard call.stage == .established else { throw UserAgentError.callEnded }
            // RFC 3261 §14.1: one INVITE at a time, in either direction.
            if method == .invite, call.openInvite != nil || call.isPlacingInvite {
                throw UserAgentError.inviteInProgress
            }
            var request = makeRequest(method, in: call, along: flow, contentType: contentType, body: body)
            for (name, value) in headers { request.headers.append(name, value) }
            if let challenge = credentials {
                var generator = SystemRandomNumberGenerator()
                guard call.digest?.authorize(&request, answering: challenge, using: &generator) == true else {
                    throw UserAgentError.refused(challenge)
                }
            }
            let response = try await exchange(request, in: call, along: flow, answer: answer)
            if response.isSuccess { return response }
            guard response.status == 401 || response.status == 407, call.digest != nil, credentials == nil else {
                throw UserAgentError.refused(response)
            }
            credentials = response
        }
        throw UserAgentError.callEnded
    }

    private func makeRequest(
        _ method: SIPMethod, in call: Call, along flow: Flow, contentType: String?, body: [UInt8]
    ) -> SIPRequest {
        let refreshesTarget = method == .invite || method == .update
        let contact =
            refreshesTarget
            ? makeContact(for: flow, isSecure: call.dialog.isSecure, parameters: call.contactParameters) : nil
        var request = call.dialog.makeRequest(
            method, via: makeVia(for: flow), contact: contact, contentType: contentType, body: body)
        request.headers[.userAgent] = configuration.serverName
        if refreshesTarget {
            request.headers.append(.allow, Self.allowedMethods)
            // RFC 4028 §7.4: each such request says again who refreshes, or the timer would end with its 2xx.
            if let terms = call.sessionTimer.machine.terms {
                SessionTimerOffer(interval: terms.interval)
                    .write(into: &request, refresher: terms.weRefresh ? .uac : .uas)
            }
        }
        return request
    }

    private func exchange(
        _ request: SIPRequest, in call: Call, along flow: Flow, answer: OutgoingInvite.DelayedAnswer?
    ) async throws -> SIPResponse {
        let isInvite = request.method == .invite
        if isInvite { call.isPlacingInvite = true }
        defer { if isInvite { call.isPlacingInvite = false } }
        let attempt = InviteAttempt()
        let response: SIPResponse
        do {
            response =
                isInvite
                ? try await place(request, along: flow, attempt: attempt)
                : try await sendAndWait(request, along: flow)
        } catch {
            // RFC 3261 §12.2.1.2: no answer at all ends the dialog.
            call.dialog.requestFailed(request)
            finish(call, .transportFailed("\(request.method): \(error)"))
            throw error
        }
        call.dialog.received(response, to: request)
        if response.isSuccess {
            if isInvite {
                let body = answer?(response)
                attempt.acknowledgement = try await acknowledge(
                    request, in: call, contentType: body?.contentType, body: body?.body ?? [])
            }
            if let terms = call.sessionTimer.machine.terms, isInvite || request.method == .update {
                let offer = SessionTimerOffer(interval: terms.interval)
                call.sessionTimer.machine.restart(offer.terms(in: response), at: .now)
                arm(call)
            }
        }
        if call.dialog.state == .terminated, call.stage == .established {
            finish(call, .transportFailed("\(request.method) was answered \(response.status) \(response.reason)"))
        }
        return response
    }

    /// RFC 4028 §7.4: half of the interval is over and refreshing is our part.
    func refreshSession(of call: Call) {
        let id = call.id
        Task { _ = try? await self.request(.update, in: id, headers: [], contentType: nil, body: []) }
    }
}
