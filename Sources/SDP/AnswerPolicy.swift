/// What an answerer takes, RFC 3264 §6. A value: pass a changed copy to change the rules.
public struct AnswerPolicy: Sendable, Equatable {
    /// What happens to `RTP/SAVP` lines.
    public enum SecureMedia: Sendable, Equatable {
        /// Port 0: keys cannot be used.
        case refuse
        /// Taken where ``LocalMedia/crypto`` holds our key.
        case accept
    }

    /// How the direction of an answer follows from the offer.
    public enum Direction: Sendable, Equatable {
        /// The answerer only listens, see ``MediaDirection/answeredByRecorder``.
        case recorder
        /// Both ways, see ``MediaDirection/reversed``.
        case mirror
    }

    /// Audio lines beyond this number get port 0.
    public var maximumAudio = 4
    /// Encodings kept in an answer, any case of letters. Audio of 8 kHz mono only.
    public var encodings = ["PCMU", "PCMA", "telephone-event", "CN"]
    /// Whether SRTP can be taken.
    public var secureMedia = SecureMedia.refuse
    /// How directions are answered.
    public var direction = Direction.recorder
    /// Whether `a=rtcp-mux` is echoed.
    public var multiplexesRTCP = true

    /// The policy of a recorder: see the values of the properties.
    public init() {}
}

/// Where we receive the media of one `m=` line.
public struct LocalMedia: Sendable, Equatable {
    /// Nil: the address of the session's `c=`.
    public var address: ConnectionAddress?
    /// The RTP port.
    public var port: UInt16
    /// Nil: the port after ``port``. Ignored where RTCP is multiplexed.
    public var rtcpPort: UInt16?
    /// Our key where the offer was secure.
    public var crypto: CryptoAttribute?

    /// A place to receive on.
    public init(
        address: ConnectionAddress? = nil, port: UInt16, rtcpPort: UInt16? = nil, crypto: CryptoAttribute? = nil
    ) {
        self.address = address
        self.port = port
        self.rtcpPort = rtcpPort
        self.crypto = crypto
    }
}

/// Whether an `m=` line can be taken, and why not.
public enum MediaVerdict: String, Sendable, Equatable {
    case accepted
    /// The offer itself has port 0.
    case removed
    /// Video, application, image (T.38), text, …
    case notAudio
    /// Neither RTP/AVP nor a secure profile.
    case unsupportedTransport
    /// A secure profile, and the policy refuses it.
    case secureMediaRefused
    /// More audio lines than ``AnswerPolicy/maximumAudio``.
    case tooManyAudio
    /// The `m=` line has no port or no transport.
    case unreadable
}
