/// One end of a dialog, RFC 3261 §12: a value that knows how to address the peer and in which order requests come.
///
/// A server makes it from the INVITE and its own response, a client from its INVITE and the peer's response (one
/// ``Dialog`` for each To tag when a proxy forks). It owns no timers; see ``AcceptedInvite`` and ``SessionTimer``. Keep
/// one copy, with one owner: its sequence numbers must not fork.
public struct Dialog: Sendable {
    /// Where in its life the dialog is.
    public enum State: Sendable, Hashable {
        /// Created by a provisional response with a To tag.
        case early
        /// A 2xx was sent or received.
        case confirmed
        /// Over: BYE, a final non-2xx to the first INVITE, or an answer that ends dialogs (RFC 5057 §5.1).
        case terminated
    }

    /// Which end we are: who sent the INVITE.
    public enum Role: Sendable, Hashable { case server, client }

    /// Call-ID and tags.
    public let id: DialogID
    /// Our end in the first INVITE.
    public let role: Role
    /// From header value of our requests, with our tag.
    public let localAddress: NameAddress
    /// To header value of our requests, with the peer's tag if it has one.
    public let remoteAddress: NameAddress
    /// The Request-URI was `sips:`; then only secure next hops are allowed (§12.1.1).
    public let isSecure: Bool
    /// Early, confirmed or over.
    public internal(set) var state: State
    /// The CSeq number of our latest request; nil before the first one.
    public internal(set) var localSequence: UInt32?
    /// The CSeq number of the peer's latest request; nil before the first one.
    public internal(set) var remoteSequence: UInt32?
    /// Proxies of our requests. A client's is final with the 2xx (§13.2.2.4), a server's never changes.
    public internal(set) var routeSet: RouteSet
    /// Where the peer wants our requests: the URI of its latest Contact.
    public internal(set) var remoteTarget: SIPURI
    /// The INVITE transaction that has no final response yet; there may be only one (§14).
    var pendingInvite: PendingInvite?

    enum PendingInvite: Sendable, Hashable { case serving(UInt32), placing(UInt32) }

    /// The server's end, from the INVITE it received and the response it sends (§12.1.1).
    ///
    /// - Parameters:
    ///   - request: the INVITE, with Contact.
    ///   - response: 101…299 with our To tag.
    public init(serving request: SIPRequest, answeredWith response: SIPResponse) throws(DialogError) {
        state = try Self.state(for: response)
        guard let callID = request.callID else { throw .missingHeader("Call-ID") }
        guard let cSeq = request.cSeq else { throw .missingHeader("CSeq") }
        guard let from = request.from else { throw .missingHeader("From") }
        guard let to = response.to, let tag = to.tag, !tag.isEmpty else { throw .missingLocalTag }
        id = DialogID(callID: callID, localTag: tag, remoteTag: from.tag ?? "")
        role = .server
        localAddress = to.onlyTag
        remoteAddress = from.onlyTag
        isSecure = request.requestURI?.scheme == .sips
        remoteSequence = cSeq.number
        routeSet = try RouteSet(recordedIn: request.headers, reversed: false)
        remoteTarget = try Self.target(in: request.headers)
        pendingInvite = response.status < 200 ? .serving(cSeq.number) : nil
    }

    /// The client's end, from the INVITE it sent and a response it received (§12.1.2).
    ///
    /// - Parameters:
    ///   - request: the INVITE as sent.
    ///   - response: 101…299. A provisional one needs a To tag; a 2xx of an RFC 2543 server may have none.
    public init(placing request: SIPRequest, answeredBy response: SIPResponse) throws(DialogError) {
        state = try Self.state(for: response)
        guard let callID = request.callID else { throw .missingHeader("Call-ID") }
        guard let cSeq = request.cSeq else { throw .missingHeader("CSeq") }
        guard let from = request.from, let tag = from.tag, !tag.isEmpty else { throw .missingLocalTag }
        guard let to = response.to, to.tag != nil || response.status >= 200 else { throw .missingHeader("To (tag)") }
        id = DialogID(callID: callID, localTag: tag, remoteTag: to.tag ?? "")
        role = .client
        localAddress = from.onlyTag
        remoteAddress = to.onlyTag
        isSecure = request.requestURI?.scheme == .sips
        localSequence = cSeq.number
        routeSet = try RouteSet(recordedIn: response.headers, reversed: true)
        remoteTarget = try Self.target(in: response.headers)
        pendingInvite = response.status < 200 ? .placing(cSeq.number) : nil
    }

    /// The application ends the dialog: BYE sent or answered, or an early one given up.
    public mutating func terminate() {
        state = .terminated
        pendingInvite = nil
    }

    /// Where requests of this dialog are sent: the first route, or the peer itself (§8.1.2, §12.2.1.1). The same for
    /// loose and for strict routers.
    public var nextHop: SIPURI { routeSet.firstHop ?? remoteTarget }

    /// Takes a Contact of a target refresh or of the 2xx; without a usable one the target stays (§12.2.1.2, §12.2.2).
    mutating func refreshTarget(from headers: HeaderFields) {
        if let target = try? Self.target(in: headers) { remoteTarget = target }
    }

    private static func state(for response: SIPResponse) throws(DialogError) -> State {
        switch response.status {
        case 101..<200: .early
        case 200..<300: .confirmed
        case _: throw .notDialogCreating(status: response.status)
        }
    }

    private static func target(in headers: HeaderFields) throws(DialogError) -> SIPURI {
        guard let value = headers.listValues(.contact).first else { throw .missingHeader("Contact") }
        guard let contact = try? NameAddress(parsing: value), let uri = contact.sipURI else {
            throw .unusableContact(value)
        }
        return uri.asRequestURI
    }
}

extension NameAddress {
    /// §12.2.1.1: From and To carry URI and tag; other parameters of the first INVITE are not repeated.
    fileprivate var onlyTag: NameAddress {
        var copy = self
        copy.parameters.removeAll { $0.name.lowercased() != "tag" }
        return copy
    }
}
