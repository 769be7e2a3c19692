import SDP

/// What the recorder is told once, at start.
public struct RecorderSettings: Sendable {
    /// What a connector wants done with its calls.
    public struct ConnectorPolicy: Sendable {
        /// False: calls are answered, but nothing of them is kept.
        public var isStreaming: Bool
        /// True: media must be encrypted; plain streams are refused, and with 488 a call that has no others.
        public var requiresEncryption: Bool
        /// What streams hold.
        public var stream = StreamChoice.pcm
        /// Pressed keys stay out of logs, events, tags and audio.
        public var redactsDigits = false
        /// How long streams are kept; nil leaves what they have.
        public var retentionHours: Int?

        /// Makes a policy.
        public init(isStreaming: Bool, requiresEncryption: Bool) {
            self.isStreaming = isStreaming
            self.requiresEncryption = requiresEncryption
        }

        /// What is taken of an offer.
        var answer: AnswerPolicy {
            var policy = AnswerPolicy()
            policy.secureMedia = requiresEncryption ? .required : .accept
            // A track of payloads holds one codec.
            policy.namesOneCodec = stream == .payload
            return policy
        }
    }

    /// What a stream holds.
    public enum StreamChoice: String, Sendable, CaseIterable {
        /// Samples of 8 kHz.
        case pcm
        /// Samples of 16 kHz where the leg's codec is wideband, else of 8 kHz.
        case pcm16
        /// The same, encoded with Opus.
        case opus
        /// The leg's payloads, untouched.
        case payload
    }

    /// AWS region of names and records.
    public var region: String
    /// Twelve-digit account of names and records.
    public var accountID: String
    /// The IP address that answers name for media; nil or of the wrong family: the address at which the INVITE came in.
    public var advertisedAddress: String?
    /// More calls at a time are answered 503 with Retry-After.
    public var maximumCalls: Int
    /// A call that is not on hold and has had no packet for so long is ended; zero: never.
    public var idleTimeout: Duration
    /// Whether media may come from another port of the offer's host, or from the host that signals. False: only from
    /// exactly the offer's address.
    public var allowsNAT = true
    /// By connector id.
    public var connectors: [String: ConnectorPolicy]

    /// Makes settings; see the properties.
    public init(
        region: String, accountID: String, advertisedAddress: String?, maximumCalls: Int, idleTimeout: Duration,
        connectors: [String: ConnectorPolicy]
    ) {
        self.region = region
        self.accountID = accountID
        self.advertisedAddress = advertisedAddress
        self.maximumCalls = maximumCalls
        self.idleTimeout = idleTimeout
        self.connectors = connectors
    }
}
