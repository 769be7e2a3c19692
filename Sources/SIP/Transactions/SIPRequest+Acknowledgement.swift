extension SIPRequest {
    /// The ACK of a non-2xx final response, as the client transaction builds it (RFC 3261 §17.1.1.3).
    ///
    /// Same Request-URI, Call-ID, From, CSeq number, Route and top Via as the INVITE; To from the response, because it
    /// carries the tag. The ACK of a 2xx is ``Dialog/makeAcknowledgement(of:via:)``.
    public static func acknowledging(_ response: SIPResponse, to invite: SIPRequest) -> SIPRequest {
        var request = invite.sibling(method: .ack)
        if let to = response.headers[.to] { request.headers[.to] = to }
        // §22.1: an ACK duplicates the credentials of its INVITE.
        for name in [HeaderName.authorization, .proxyAuthorization] {
            for value in invite.headers.values(name) { request.headers.append(name, value) }
        }
        return request
    }

    /// The CANCEL of a request we sent (RFC 3261 §9.1): same Request-URI, Call-ID, From, To, CSeq number, Route and top
    /// Via. Require and Proxy-Require must not be in it. Send it only after a provisional response.
    public static func cancelling(_ request: SIPRequest) -> SIPRequest {
        request.sibling(method: .cancel)
    }

    /// A request of another method in the same hop-by-hop place: what ACK and CANCEL have in common.
    private func sibling(method: SIPMethod) -> SIPRequest {
        var copy = SIPRequest(method: method, uri: uri, headers: HeaderFields(), body: [])
        // "A single Via header field value equal to the top Via": one line may hold several.
        if let topVia = headers.listValues(.via).first { copy.headers.append(.via, topVia) }
        for value in headers.values(.route) { copy.headers.append(.route, value) }
        copy.headers.append(.maxForwards, "70")
        for name in [HeaderName.from, .to, .callID] {
            if let value = headers[name] { copy.headers.append(name, value) }
        }
        copy.headers.append(.cSeq, "\(cSeq?.number ?? 0) \(method.rawValue)")
        return copy
    }
}
