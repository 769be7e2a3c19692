/// Which way media flows, seen from the side that wrote it, RFC 8866 §6.7.
public enum MediaDirection: String, Sendable, Equatable, CaseIterable {
    case sendrecv, sendonly, recvonly, inactive

    /// The writer of this direction sends media.
    public var sends: Bool { self == .sendrecv || self == .sendonly }
    /// The writer of this direction receives media.
    public var receives: Bool { self == .sendrecv || self == .recvonly }

    /// The same flow seen from the other side.
    public var reversed: MediaDirection {
        switch self {
        case .sendonly: .recvonly
        case .recvonly: .sendonly
        case .sendrecv, .inactive: self
        }
    }

    /// What a recorder answers: it never sends, and it never takes away what was offered to it.
    ///
    /// RFC 3264 §6.1 and RFC 7866 §7.2: `sendonly` and `sendrecv` give `recvonly`; `recvonly` and `inactive` give
    /// `inactive`. Answering `inactive` to `sendonly` leaves some sources silent for the whole call.
    public var answeredByRecorder: MediaDirection { sends ? .recvonly : .inactive }
}
