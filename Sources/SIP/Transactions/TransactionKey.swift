/// What makes two messages belong to one transaction: RFC 3261 §17.1.3 (client) and §17.2.3 (server).
///
/// With the magic cookie in the branch, the key is branch, sent-by and method. Without it, the peer follows
/// RFC 2543 and the key is taken from the fields §17.2.3 lists. An ACK has the key of its INVITE. Client and
/// server keys are never equal, so both kinds may live in one table.
public struct TransactionKey: Hashable, Sendable {
    private enum Identity: Hashable {
        case client(branch: String)
        /// `sentBy` is part of the key: another client could choose the same branch, by accident or on purpose.
        case server(branch: String, sentBy: String)
        /// `toTag` is empty for INVITE and ACK, see ``TransactionKey/init(receivedRequest:)``.
        case rfc2543(uri: String, toTag: String, fromTag: String, callID: String, cSeq: UInt32, via: String)
    }

    private let identity: Identity
    private let method: SIPMethod

    /// The key of the server transaction that a received request starts or belongs to.
    ///
    /// The ACK of a non-2xx response gets the key of its INVITE. The ACK of a 2xx has a branch of its own
    /// and finds nothing: look for its dialog instead. A CANCEL has its own key; for the transaction it
    /// cancels see ``init(cancelledBy:)``. `nil` when Via, CSeq or Call-ID cannot be read.
    public init?(receivedRequest request: SIPRequest) {
        self.init(receivedRequest: request, method: request.method == .ack ? .invite : request.method)
    }

    /// The key of the INVITE server transaction that a received CANCEL asks to end (RFC 3261 §9.2). `nil` when
    /// the request is no CANCEL or cannot be read.
    public init?(cancelledBy cancel: SIPRequest) {
        guard cancel.method == .cancel else { return nil }
        self.init(receivedRequest: cancel, method: .invite)
    }

    /// The key of the client transaction for a request we send. `nil` when it has no Via with a branch.
    public init?(sentRequest request: SIPRequest) {
        guard let branch = request.via?.branch else { return nil }
        identity = .client(branch: branch.lowercased())
        method = request.method
    }

    /// The key of the client transaction that a received response answers (RFC 3261 §17.1.3: branch of the top
    /// Via, method of the CSeq). `nil` when it has no readable Via branch or CSeq.
    public init?(receivedResponse response: SIPResponse) {
        guard let branch = response.via?.branch, let cSeq = response.cSeq else { return nil }
        identity = .client(branch: branch.lowercased())
        method = cSeq.method
    }

    private init?(receivedRequest request: SIPRequest, method: SIPMethod) {
        guard let via = request.via else { return nil }
        self.method = method
        let sentBy = "\(via.host):\(via.port ?? Self.defaultPort(of: via.transport))"
        if let branch = via.branch?.lowercased(), branch.hasPrefix(Self.magicCookie), branch != Self.magicCookie {
            identity = .server(branch: branch, sentBy: sentBy)
            return
        }
        guard let callID = request.callID, let cSeq = request.cSeq else { return nil }
        // §17.2.3 compares the To tag of an ACK with that of our response, which the INVITE does not know. Call-ID,
        // CSeq, From tag and Via tell INVITEs apart without it.
        let toTag = method == .invite ? "" : request.to?.tag ?? ""
        identity = .rfc2543(
            uri: request.uri, toTag: toTag, fromTag: request.from?.tag ?? "", callID: callID, cSeq: cSeq.number,
            // Not the whole header: `received` and `rport` are our own marks on it (§18.2.1, RFC 3581 §4).
            via: "\(via.transport) \(sentBy);\(via.branch ?? "")")
    }

    /// RFC 3261 §8.1.1.7, in lower case: tokens are compared without case (§7.3.1). A branch that is the bare cookie
    /// identifies nothing (RFC 4475 §3.2.1) and is treated as RFC 2543.
    private static let magicCookie = Via.magicCookie.lowercased()

    private static func defaultPort(of transport: String) -> UInt16 {
        transport == "TLS" ? 5061 : 5060
    }
}
