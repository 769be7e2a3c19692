import SIP

/// Why a user agent could not start, or a request of ours did not succeed.
public enum UserAgentError: Error, Sendable, CustomStringConvertible {
    /// ``SIPAgent/start(onInvite:)`` was called twice, or after ``SIPAgent/stop()``.
    case notIdle
    /// The user agent is stopped.
    case stopped
    /// A listener could not be bound.
    case bindFailed(listener: String, reason: String)
    /// There is a TLS listener but no certificate is configured.
    case noCertificate
    /// A host name could not be resolved.
    case unresolved(host: String)
    /// There is no socket of the transport and address family to send from.
    case noSocket(String)
    /// The connection could not be opened.
    case connectFailed(endpoint: String, reason: String)
    /// The message could not be sent, or the connection was lost before the answer.
    case transportFailed
    /// No final answer came in time.
    case timedOut
    /// The peer refused: its final response.
    case refused(SIPResponse)
    /// The call is over, so nothing can be sent in it.
    case callEnded
    /// Another INVITE of the call is under way (RFC 3261 §14.1).
    case inviteInProgress
    /// The response or its dialog could not be used.
    case unusable(String)
    /// The task that placed the call was cancelled; the call was cancelled too.
    case cancelled

    /// What, where, and how to mend it.
    public var description: String {
        switch self {
        case .notIdle: "the user agent was started before; make a new one"
        case .stopped: "the user agent is stopped"
        case .bindFailed(let listener, let reason):
            "cannot listen on \(listener): \(reason); stop the program that uses the port, or choose another port"
        case .noCertificate: "a TLS listener needs a certificate: configure one, or a directory for a self-signed one"
        case .unresolved(let host): "the host name \"\(host)\" has no address; check the name and the resolver"
        case .noSocket(let what): "no \(what) socket is open to send from; add a listener for it"
        case .connectFailed(let endpoint, let reason): "cannot connect to \(endpoint): \(reason)"
        case .transportFailed: "the message could not be sent, or the connection was lost before the answer"
        case .timedOut: "no final answer came in time"
        case .refused(let response): "the peer refused: \(response.status) \(response.reason)"
        case .callEnded: "the call is over"
        case .inviteInProgress: "another INVITE of this call is under way"
        case .unusable(let reason): reason
        case .cancelled: "cancelled"
        }
    }
}
