/// Requests we send inside the dialog: RFC 3261 §12.2.1.
extension Dialog {
    /// A request of this dialog with the next CSeq number. Not for ACK (``makeAcknowledgement(of:via:)``) and not
    /// for CANCEL (``SIPRequest/cancelling(_:)``), which repeat a number.
    ///
    /// - Parameters:
    ///   - via: our Via with a fresh branch (``SIPIdentifier/branch(using:)``).
    ///   - contact: our Contact; INVITE and UPDATE must have one (§12.2.1.1, RFC 3311 §5.1).
    ///   - contentType: of `body`; nil when there is none.
    public mutating func makeRequest(
        _ method: SIPMethod, via: Via, contact: NameAddress? = nil, contentType: String? = nil, body: [UInt8] = []
    ) -> SIPRequest {
        // §8.1.1.5 wants the first number below 2³¹; it is 1 where the peer's INVITE made the dialog.
        let number = (localSequence ?? 0) &+ 1
        localSequence = number
        if method == .invite { pendingInvite = .placing(number) }
        var request = skeleton(method, number: number, via: via)
        if let contact { request.headers.append(.contact, contact.description) }
        if let contentType { request.headers.append(.contentType, contentType) }
        request.body = body
        return request
    }

    /// The ACK of a 2xx we received (§13.2.2.4). Send it outside any transaction, again for every copy of the 2xx.
    ///
    /// - Parameters:
    ///   - invite: the INVITE that was answered; number and credentials come from it.
    ///   - via: our Via with a fresh branch.
    public func makeAcknowledgement(of invite: SIPRequest, via: Via) -> SIPRequest {
        var request = skeleton(.ack, number: invite.cSeq?.number ?? localSequence ?? 1, via: via)
        for name in [HeaderName.authorization, .proxyAuthorization] {
            for value in invite.headers.values(name) { request.headers.append(name, value) }
        }
        return request
    }

    /// A response to one of our requests came, provisional ones too: confirms the dialog, moves the target, ends it.
    ///
    /// Call it for the first INVITE as well, when its dialog was made from an earlier response.
    public mutating func received(_ response: SIPResponse, to request: SIPRequest) {
        let status = response.status
        if status >= 200, let number = request.cSeq?.number, pendingInvite == .placing(number) { pendingInvite = nil }
        // A 481 to a CANCEL means its INVITE, not the dialog.
        guard state != .terminated, request.method != .cancel else { return }
        switch status {
        case 200..<300 where request.method == .invite && state == .early:
            state = .confirmed
            // §13.2.2.4: "the route set in the dialog MUST be recomputed based on the 2xx response".
            if let routes = try? RouteSet(recordedIn: response.headers, reversed: true) { routeSet = routes }
            refreshTarget(from: response.headers)
        case 200..<300 where request.method.refreshesTarget:
            refreshTarget(from: response.headers)
        case 200..<300 where request.method == .bye:
            terminate()
        // The peer, or the way to it, does not know the dialog: RFC 3261 §12.2.1.2 and RFC 5057 §5.1.
        case 404, 408, 410, 416, 480, 481, 482, 484, 485, 502, 604:
            terminate()
        case 300... where request.method == .invite && state == .early:
            terminate()
        case 300... where request.method == .bye:
            // §15.1.1: the session is over whatever the answer; only a challenge asks for another try.
            if status != 401 && status != 407 { terminate() }
        case _:
            break
        }
    }

    /// One of our requests got no final response (time-out or transport error): as a 408, it ends the dialog (§12.2.1.2).
    public mutating func requestFailed(_ request: SIPRequest) {
        if request.method != .ack && request.method != .cancel { terminate() }
    }

    private func skeleton(_ method: SIPMethod, number: UInt32, via: Via) -> SIPRequest {
        var request = SIPRequest(method: method, uri: requestURI, headers: HeaderFields(), body: [])
        request.headers.append(.via, via.description)
        for value in routes { request.headers.append(.route, value) }
        request.headers.append(.maxForwards, "70")
        request.headers.append(.from, localAddress.description)
        request.headers.append(.to, remoteAddress.description)
        request.headers.append(.callID, id.callID)
        request.headers.append(.cSeq, "\(number) \(method.rawValue)")
        return request
    }

    /// §12.2.1.1: a strict router wants to see itself in the Request-URI.
    private var requestURI: String {
        guard !routeSet.isLoose, let first = routeSet.firstHop else { return remoteTarget.description }
        return first.asRequestURI.description
    }

    /// §12.2.1.1: for a strict router "the remote target URI" goes "as the last value" of Route.
    private var routes: [String] {
        routeSet.isLoose ? routeSet.values : routeSet.values.dropFirst() + ["<\(remoteTarget)>"]
    }
}

extension SIPMethod {
    /// Requests that may move the peer's Contact: RFC 3261 §12.2, RFC 3311 §5.1.
    var refreshesTarget: Bool { self == .invite || self == .update }
}
