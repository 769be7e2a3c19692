import Addressing

/// The name of a connector: 22 characters of `a`–`z` and `0`–`9`.
public struct ConnectorID: Sendable, Hashable, CustomStringConvertible {
    /// How many characters every id has.
    public static let length = 22

    /// The id as written.
    public let description: String

    /// Checks and wraps an id; `nil` when it is not 22 characters of `a`–`z` and `0`–`9`.
    public init?(_ text: String) {
        guard text.utf8.count == Self.length else { return nil }
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): continue
            default: return nil
            }
        }
        description = text
    }

    /// For constants that are known to be right.
    init(checked text: String) {
        description = text
    }
}

/// A Voice Connector: one customer's door to the service, with who may come in and what happens to the audio.
public struct Connector: Sendable, Equatable {
    /// The id; also the first label of the connector's host name.
    public var id: ConnectorID
    /// A name for people.
    public var name: String
    /// Whether signalling must come over TLS and media must be encrypted.
    public var requireEncryption: Bool
    /// Who may send calls, and how many.
    public var termination: Termination
    /// Whether and how the audio is streamed.
    public var streaming: Streaming

    /// Makes a connector. Values are not checked against each other here; the loader does that.
    public init(
        id: ConnectorID, name: String, requireEncryption: Bool = false, termination: Termination = Termination(),
        streaming: Streaming = Streaming()
    ) {
        self.id = id
        self.name = name
        self.requireEncryption = requireEncryption
        self.termination = termination
        self.streaming = streaming
    }

    /// The SIP host name by which the connector is reached: `<id>.<domain>`.
    public func hostName(_ domain: String) -> String {
        "\(id).\(domain)"
    }

    /// Whether a source address is in the allow list.
    public func allows(_ address: IPAddress) -> Bool {
        termination.cidrAllowedList.contains { $0.contains(address) }
    }
}

extension Connector {
    /// Who may send calls to a connector, and how many.
    public struct Termination: Sendable, Equatable {
        /// The sources that may send requests. Empty: none may.
        public var cidrAllowedList: [CIDRBlock]
        /// The digest users. Empty: requests from an allowed source are not challenged.
        public var credentials: [Credential]
        /// The highest number of new calls a second.
        public var cpsLimit: Int

        /// Makes the value.
        public init(cidrAllowedList: [CIDRBlock] = [], credentials: [Credential] = [], cpsLimit: Int = 50) {
            self.cidrAllowedList = cidrAllowedList
            self.credentials = credentials
            self.cpsLimit = cpsLimit
        }
    }

    /// A digest user (RFC 3261 §22).
    public struct Credential: Sendable, Equatable {
        /// The user name, unique in its connector.
        public var username: String
        /// The password, never printed.
        public var password: Secret

        /// Makes the value.
        public init(username: String, password: Secret) {
            self.username = username
            self.password = password
        }
    }

    /// Whether and how a connector's audio is streamed.
    public struct Streaming: Sendable, Equatable {
        /// What a stream holds.
        public enum Format: String, Sendable, CaseIterable {
            /// Decoded audio of 8 kHz, 16 bit.
            case pcm
            /// Decoded audio of 16 kHz where the leg's codec is wideband (G.722, Opus), else of 8 kHz.
            case pcm16
            /// Decoded audio, encoded again with Opus: about a tenth of the size of ``pcm``.
            case opus
            /// The leg's own payloads, untouched.
            case payload
        }

        /// Whether streaming is off: calls are answered, but their audio is not kept.
        public var disabled: Bool
        /// What a stream holds.
        public var format: Format
        /// Whether the keys that people press stay out of logs, events, tags and audio.
        public var redactDigits: Bool
        /// How many hours audio is kept; 0: no data retention.
        public var dataRetentionInHours: Int
        /// Where streaming events go, besides the log of events.
        public var notificationTargets: [NotificationTarget]
        /// Whether live audio is sent on to Kinesis Video Streams.
        public var forwardToKinesisVideo = false

        /// Makes the value.
        public init(
            disabled: Bool = false, format: Format = .pcm, redactDigits: Bool = false, dataRetentionInHours: Int = 24,
            notificationTargets: [NotificationTarget] = []
        ) {
            self.disabled = disabled
            self.format = format
            self.redactDigits = redactDigits
            self.dataRetentionInHours = dataRetentionInHours
            self.notificationTargets = notificationTargets
        }
    }

    /// A kind of receiver of streaming events.
    public enum NotificationTarget: String, Sendable, CaseIterable {
        /// An event bus.
        case eventBridge = "EventBridge"
        /// A topic.
        case sns = "SNS"
        /// A queue.
        case sqs = "SQS"
        /// A receiver of POST requests.
        case webhook = "Webhook"
    }

    /// The digest password of a user; `nil` for an unknown user.
    ///
    /// The caller must take the same time for an unknown user, or names can be found by timing.
    public func password(of username: String) -> Secret? {
        termination.credentials.first { $0.username == username }?.password
    }
}
