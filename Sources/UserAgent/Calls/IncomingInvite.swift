import SIP
import Synchronization

/// A call that was admitted and waits for an answer, and afterwards the handle of the call.
///
/// If it is dropped before a final answer, the call is answered 500. Keep it, or its ``events``, for as long as the
/// call lives.
public final class IncomingInvite: Sendable {
    /// The INVITE without its body; see ``takeBody()``.
    public let request: SIPRequest
    /// Where it came from and where it arrived.
    public let source: RequestSource
    /// The connector that the admission found.
    public let connectorID: String
    /// The user who was authenticated, if credentials are asked for.
    public let username: String?
    /// Call-ID and tags, for logs and for finding the call again.
    public let dialogID: DialogID
    /// What happens in the call: one consumer.
    public let events: AsyncStream<DialogEvent>

    private let agent: SIPAgent
    private let call: UInt64
    private let isAnswered = Atomic(false)
    private let body: Mutex<[UInt8]>

    init(
        request: SIPRequest, source: RequestSource, admitted: Admitted, dialogID: DialogID,
        events: AsyncStream<DialogEvent>, agent: SIPAgent, call: UInt64
    ) {
        body = Mutex(request.body)
        self.request = request.head
        self.source = source
        connectorID = admitted.connectorID
        username = admitted.username
        self.dialogID = dialogID
        self.events = events
        self.agent = agent
        self.call = call
    }

    /// The INVITE's body, to the first who asks; empty for others. It is not kept for the life of the call, because with
    /// recording metadata it is the largest part of it.
    public func takeBody() -> [UInt8] {
        body.withLock { body in
            defer { body = [] }
            return body
        }
    }

    /// Sends a provisional response, e.g. 180. 100 is sent without being asked for when 200 ms pass without an answer.
    public func provisional(_ status: Int, reason: String? = nil, headers: [(HeaderName, String)] = []) async {
        guard (101..<200).contains(status) else { return }
        await agent.answerInvite(call, with: Answer(status: status, reason: reason, headers: headers))
    }

    /// Accepts the call with 200. Contact, Allow, Supported, Record-Route and the session timer are added.
    ///
    /// - Parameter contactParameters: parameters of our Contact, e.g. `Parameter("+sip.srs")` (RFC 7866 §6.1.2); they
    ///   stay for the whole call.
    /// - Returns: false when the call was already over, cancelled for instance; see ``events`` for why.
    @discardableResult
    public func accept(
        headers: [(HeaderName, String)] = [], contactParameters: [Parameter] = [], contentType: String? = nil,
        body: [UInt8] = []
    ) async -> Bool {
        guard !isAnswered.exchange(true, ordering: .relaxed) else { return false }
        let answer = Answer(status: 200, headers: headers, contentType: contentType, body: body)
        return await agent.answerInvite(call, with: answer, contactParameters: contactParameters)
    }

    /// Refuses the call with 300…699. Without effect when it was answered before.
    public func reject(status: Int, reason: String? = nil, headers: [(HeaderName, String)] = []) async {
        guard (300..<700).contains(status), !isAnswered.exchange(true, ordering: .relaxed) else { return }
        await agent.answerInvite(call, with: Answer(status: status, reason: reason, headers: headers))
    }

    /// Ends the call with BYE; an INVITE without final answer is refused with 480. Returns at once; the BYE waits for
    /// the ACK of our 2xx if that has not come (RFC 3261 §15).
    ///
    /// - Parameter reason: the text of a Reason header (RFC 3326).
    public func bye(
        reason: String? = nil, headers: [(HeaderName, String)] = [], contentType: String? = nil, body: [UInt8] = []
    ) async {
        isAnswered.store(true, ordering: .relaxed)
        await agent.hangUp(call, reason: reason, headers: headers, contentType: contentType, body: body)
    }

    /// Sends a re-INVITE inside the call and acknowledges its 2xx.
    ///
    /// - Returns: the 2xx.
    /// - Throws: ``UserAgentError``; ``UserAgentError/refused(_:)`` with the final response otherwise.
    public func reinvite(
        headers: [(HeaderName, String)] = [], contentType: String? = nil, body: [UInt8] = []
    ) async throws -> SIPResponse {
        try await agent.request(.invite, in: call, headers: headers, contentType: contentType, body: body)
    }

    /// Sends an UPDATE inside the call (RFC 3311); see ``reinvite(headers:contentType:body:)`` for the result.
    public func update(
        headers: [(HeaderName, String)] = [], contentType: String? = nil, body: [UInt8] = []
    ) async throws -> SIPResponse {
        try await agent.request(.update, in: call, headers: headers, contentType: contentType, body: body)
    }

    deinit {
        guard !isAnswered.load(ordering: .relaxed) else { return }
        let (agent, call) = (agent, call)
        Task { await agent.answerInvite(call, with: Answer(status: 500, reason: "Call was not handled")) }
    }
}
