import SIP

/// What happens in a call after its INVITE.
///
/// The stream of a call holds at most 64 events that nobody has taken; a request that finds it full is answered 500.
/// The stream finishes after ``ended(_:)``. Indirect, because a task that waits for the next event holds room for it for
/// the length of the call.
public indirect enum DialogEvent: Sendable {
    /// The peer sent a request: re-INVITE, UPDATE or BYE. A BYE has already been answered; the others wait for
    /// ``InDialogRequest/respond(status:reason:headers:contentType:body:)``.
    case request(InDialogRequest)
    /// The ACK of our 2xx to an INVITE or re-INVITE. In a delayed offer it carries the answer.
    case acknowledged(SIPRequest)
    /// The call is over. Nothing follows.
    case ended(DialogEnd)
}

/// Why a call is over.
public enum DialogEnd: Sendable, Equatable, CustomStringConvertible {
    /// The peer sent BYE.
    case bye
    /// The peer sent CANCEL before the final answer.
    case cancelled
    /// We refused the INVITE.
    case rejected(status: Int)
    /// The ACK of our 2xx never came; BYE was sent.
    case acknowledgementTimedOut
    /// No refresh came within the session interval (RFC 4028 §10); BYE was sent.
    case sessionExpired
    /// A message could not be sent or was never answered.
    case transportFailed(String)
    /// We sent BYE.
    case localBye

    /// A few words for a log.
    public var description: String {
        switch self {
        case .bye: "the peer ended the call"
        case .cancelled: "the peer cancelled the call"
        case .rejected(let status): "the call was refused with \(status)"
        case .acknowledgementTimedOut: "the peer never acknowledged the answer"
        case .sessionExpired: "the session timer expired"
        case .transportFailed(let reason): "transport failure: \(reason)"
        case .localBye: "ended here"
        }
    }
}
