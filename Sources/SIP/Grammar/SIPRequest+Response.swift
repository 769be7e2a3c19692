extension SIPRequest {
    /// A response to this request (RFC 3261 §8.2.6.2): Via values, From, To, Call-ID and CSeq are copied as they
    /// were written, even when unreadable; Timestamp in a 100; Record-Route in the 1xx and 2xx of an INVITE
    /// (§12.1.1).
    ///
    /// - Parameters:
    ///   - status: 100 to 699.
    ///   - reason: the reason phrase; nil takes the usual one.
    ///   - toTag: added to To when it has no tag; never in a 100.
    public func response(_ status: Int, _ reason: String? = nil, toTag: String? = nil) -> SIPResponse {
        var response = SIPResponse(status: status, reason: reason)
        for field in headers.fields where field.name == .via { response.headers.fields.append(field) }
        if method == .invite, status > 100, status < 300 {
            for field in headers.fields where field.name == .recordRoute { response.headers.fields.append(field) }
        }
        if let from = headers[.from] { response.headers.append(.from, from) }
        if let to = headers[.to] {
            let needsTag = status > 100 && self.to?.tag == nil
            response.headers.append(.to, needsTag ? to + (toTag.map { ";tag=\($0)" } ?? "") : to)
        }
        if let callID = headers[.callID] { response.headers.append(.callID, callID) }
        if let cSeq = headers[.cSeq] { response.headers.append(.cSeq, cSeq) }
        if status == 100, let timestamp = headers[.timestamp] { response.headers.append(.timestamp, timestamp) }
        return response
    }

    /// A To tag for a response sent without a transaction: the same for each retransmission of the request
    /// (RFC 3261 §8.2.7), from its Via, From, Call-ID and CSeq.
    ///
    /// - Parameter salt: a number of this process, so that outsiders cannot foretell tags.
    public func statelessTag(salt: UInt64 = 0) -> String {
        // FNV-1a, 64 bits: tags need to be unlike each other, not secret.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ salt
        for name in [HeaderName.via, .from, .callID, .cSeq] {
            for octet in (headers[name] ?? "").utf8 {
                hash = (hash ^ UInt64(octet)) &* 0x0000_0100_0000_01b3
            }
            hash = (hash ^ 0xFF) &* 0x0000_0100_0000_01b3
        }
        return String(hash, radix: 16)
    }
}
