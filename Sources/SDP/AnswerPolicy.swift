/// What an answerer takes, RFC 3264 §6. A value: pass a changed copy to change the rules.
public struct AnswerPolicy: Sendable, Equatable {
    /// What happens to encrypted (`RTP/SAVP`, `RTP/SAVPF`) and to plain lines.
    public enum SecureMedia: Sendable, Equatable {
        /// Only plain lines are taken.
        case refuse
        /// Both are taken; encrypted ones where one `a=crypto` is usable and ``LocalMedia/crypto`` holds our key.
        case accept
        /// Only encrypted lines are taken.
        case required
    }

    /// Audio that can be decoded.
    public struct Encoding: Sendable, Equatable {
        /// As `a=rtpmap` writes it, in any case of letters.
        public var name: String
        /// Of the RTP clock.
        public var clockRate: Int
        /// Channels at most.
        public var maximumChannels: Int

        /// A mono encoding unless said otherwise.
        public init(_ name: String, clockRate: Int = 8000, maximumChannels: Int = 1) {
            self.name = name
            self.clockRate = clockRate
            self.maximumChannels = max(1, maximumChannels)
        }
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
    /// Audio that can be decoded; see ``answered(_:)``. G.722 has a clock of 8000 (RFC 3551 §4.5.2), Opus is always
    /// written with two channels (RFC 7587 §7) and by some with one.
    public var encodings = [
        Encoding("PCMU"), Encoding("PCMA"), Encoding("G722"),
        Encoding("opus", clockRate: 48_000, maximumChannels: 2),
    ]
    /// The answer names one codec, the first that it would name otherwise: the sender then cannot change it without
    /// another offer.
    public var namesOneCodec = false
    /// What happens to encrypted and to plain lines.
    public var secureMedia = SecureMedia.accept
    /// Crypto suites that may be agreed on, as `a=crypto` names them, in any case of letters.
    public var cryptoSuites = AnswerPolicy.standardCryptoSuites
    /// How directions are answered.
    public var direction = Direction.recorder
    /// Whether `a=rtcp-mux` is echoed.
    public var multiplexesRTCP = true

    /// The suites of RFC 4568 §6.2, RFC 6188 §4 and RFC 7714 §14.2 that encrypt and authenticate. RFC 6188 writes
    /// `AES_256_CM_…`, many peers write `AES_CM_256_…`.
    public static let standardCryptoSuites = [
        "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AES_CM_192_HMAC_SHA1_80", "AES_CM_192_HMAC_SHA1_32",
        "AES_CM_256_HMAC_SHA1_80", "AES_CM_256_HMAC_SHA1_32", "AES_192_CM_HMAC_SHA1_80", "AES_192_CM_HMAC_SHA1_32",
        "AES_256_CM_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_32", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM",
    ]

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
    /// Our key where the line is encrypted: tag and suite of the line of the offer that is taken. Without it an encrypted
    /// line is refused.
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
    /// Plain RTP without a usable `a=crypto`, and the policy requires encryption.
    case plainMediaRefused
    /// A secure profile without a usable `a=crypto`.
    case noUsableKey
    /// A profile whose keys come by DTLS (RFC 5764), which is not supported.
    case dtlsRefused
    /// More audio lines than ``AnswerPolicy/maximumAudio``.
    case tooManyAudio
    /// The `m=` line has no port or no transport.
    case unreadable
}
