import SIP

/// A call to place with ``SIPAgent/invite(_:)``.
public struct OutgoingInvite: Sendable {
    /// User name and password for a digest challenge.
    public struct Credentials: Sendable, CustomStringConvertible {
        /// The user name.
        public var username: String
        /// The password; never logged.
        public var password: String

        /// Makes credentials.
        public init(username: String, password: String) {
            self.username = username
            self.password = password
        }

        /// The user name only.
        public var description: String { username }
    }

    /// The Request-URI, and the To header.
    public var target: SIPURI
    /// Where the INVITE is sent; nil takes the host, port and transport of ``target``.
    public var destination: SIPEndpoint?
    /// The From header; a tag is added. nil takes `sip:anonymous@` our own address.
    public var from: NameAddress?
    /// Further headers.
    public var headers: [(HeaderName, String)]
    /// Parameters of our Contact, e.g. `Parameter("+sip.src")`.
    public var contactParameters: [Parameter]
    /// The media type of ``body``; nil when there is none.
    public var contentType: String?
    /// The body.
    public var body: [UInt8]
    /// For a digest challenge; without them a challenge is a refusal.
    public var credentials: Credentials?
    /// How a TLS server's certificate is checked.
    public var verification: TLSVerification
    /// The session interval to ask for in seconds (RFC 4028); nil for no session timer. Refreshes are sent as UPDATE
    /// without a body.
    public var sessionInterval: UInt32?
    /// For a delayed offer (an INVITE without a body): makes the body of the ACK from the 2xx that carries the offer.
    public var answer: DelayedAnswer?

    /// Makes the answer to a delayed offer from the 2xx that carries the offer. Called on the event loop.
    public typealias DelayedAnswer = @Sendable (SIPResponse) -> (contentType: String, body: [UInt8])?

    /// Makes an invitation; see the properties.
    public init(
        target: SIPURI, destination: SIPEndpoint? = nil, from: NameAddress? = nil,
        headers: [(HeaderName, String)] = [], contactParameters: [Parameter] = [], contentType: String? = nil,
        body: [UInt8] = [], credentials: Credentials? = nil, verification: TLSVerification = .full,
        sessionInterval: UInt32? = nil, answer: DelayedAnswer? = nil
    ) {
        self.target = target
        self.destination = destination
        self.from = from
        self.headers = headers
        self.contactParameters = contactParameters
        self.contentType = contentType
        self.body = body
        self.credentials = credentials
        self.verification = verification
        self.sessionInterval = sessionInterval
        self.answer = answer
    }
}

/// A call that we placed and that was accepted.
public final class OutgoingCall: Sendable {
    /// The INVITE as it was sent last, with credentials if they were asked for.
    public let request: SIPRequest
    /// The 2xx.
    public let response: SIPResponse
    /// Our end and the far end of the INVITE.
    public let source: RequestSource
    /// Call-ID and tags.
    public let dialogID: DialogID
    /// What the peer does in the call: one consumer.
    public let events: AsyncStream<DialogEvent>

    private let agent: SIPAgent
    private let call: UInt64

    init(
        request: SIPRequest, response: SIPResponse, source: RequestSource, dialogID: DialogID,
        events: AsyncStream<DialogEvent>, agent: SIPAgent, call: UInt64
    ) {
        self.request = request
        self.response = response
        self.source = source
        self.dialogID = dialogID
        self.events = events
        self.agent = agent
        self.call = call
    }

    /// Sends a re-INVITE and acknowledges its 2xx.
    ///
    /// - Returns: the 2xx.
    /// - Throws: ``UserAgentError``; ``UserAgentError/refused(_:)`` with the final response otherwise.
    public func reinvite(
        headers: [(HeaderName, String)] = [], contentType: String? = nil, body: [UInt8] = [],
        answer: OutgoingInvite.DelayedAnswer? = nil
    ) async throws -> SIPResponse {
        try await agent.request(
            .invite, in: call, headers: headers, contentType: contentType, body: body, answer: answer)
    }

    /// Sends an UPDATE (RFC 3311); see ``reinvite(headers:contentType:body:)`` for the result.
    public func update(
        headers: [(HeaderName, String)] = [], contentType: String? = nil, body: [UInt8] = []
    ) async throws -> SIPResponse {
        try await agent.request(.update, in: call, headers: headers, contentType: contentType, body: body)
    }

    /// Sends an OPTIONS inside the call, as session border controllers do to see whether it is alive.
    public func options() async throws -> SIPResponse {
        try await agent.request(.options, in: call, headers: [], contentType: nil, body: [])
    }

    /// Ends the call with BYE and waits for the answer. Without effect when the call is already over.
    public func bye(
        headers: [(HeaderName, String)] = [], contentType: String? = nil, body: [UInt8] = []
    ) async throws {
        try await agent.sayGoodbye(call, headers: headers, contentType: contentType, body: body)
    }
}
