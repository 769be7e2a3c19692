import SIP
import Synchronization

/// A request that the peer sent inside a call. Answer it once; if it is dropped unanswered, it is answered 500.
public final class InDialogRequest: Sendable {
    /// The request.
    public let request: SIPRequest
    private let agent: SIPAgent
    private let call: UInt64
    private let transaction: UInt64
    private let isAnswered: Atomic<Bool>

    init(request: SIPRequest, agent: SIPAgent, call: UInt64, transaction: UInt64, isAnswered: Bool) {
        self.request = request
        self.agent = agent
        self.call = call
        self.transaction = transaction
        self.isAnswered = Atomic(isAnswered)
    }

    /// Answers. Via, From, To, Call-ID, CSeq, Server and, in a 2xx, Contact, Allow, Supported and the session timer are
    /// added. Without effect for BYE, after the first answer, and when the call is over.
    public func respond(
        status: Int, reason: String? = nil, headers: [(HeaderName, String)] = [], contentType: String? = nil,
        body: [UInt8] = []
    ) async {
        let answer = Answer(status: status, reason: reason, headers: headers, contentType: contentType, body: body)
        if status >= 200 {
            guard !isAnswered.exchange(true, ordering: .relaxed) else { return }
        }
        await agent.answer(transaction: transaction, of: call, with: answer)
    }

    deinit {
        guard !isAnswered.load(ordering: .relaxed) else { return }
        let (agent, call, transaction) = (agent, call, transaction)
        Task {
            await agent.answer(
                transaction: transaction, of: call, with: Answer(status: 500, reason: "Request was not handled"))
        }
    }
}

/// What a consumer wants to answer, before the user agent adds its part.
struct Answer: Sendable {
    var status: Int
    var reason: String?
    var headers: [(HeaderName, String)] = []
    var contentType: String?
    var body: [UInt8] = []
}
