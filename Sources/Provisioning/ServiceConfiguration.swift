import Addressing

/// Everything an operator can set, checked: a value of this type is fit to start the service with.
///
/// The properties without a configuration file are the embedded defaults. `docs/configuration.md` has every key.
public struct ServiceConfiguration: Sendable, Equatable {
    /// Which node this is, as records and host names show it.
    public var node = NodeSettings()
    /// Where SIP is served.
    public var sip = SIPSettings()
    /// How media is received.
    public var media = MediaSettings()
    /// The folder of streams, records and logs (private, mode 0700). Relative to the working folder when relative.
    public var data = "./data"
    /// The connectors, at least one, with distinct ids.
    public var connectors = [Connector.embedded]
    /// Where HTTP is served.
    public var http = HTTPListenerSettings()
    /// How streams are written and kept.
    public var streams = StreamSettings()
    /// What is sent elsewhere.
    public var delivery = DeliveryTargets()
    /// How the service stops.
    public var shutdown = ShutdownSettings()
    /// What is logged.
    public var logging = LoggingSettings()

    /// The embedded defaults: one connector that only this machine may call.
    public init() {}
}

/// Which node this is.
public struct NodeSettings: Sendable, Equatable {
    /// The region in records, stream names and events.
    public var region = "us-east-1"
    /// The account in records, stream names and events: 12 digits.
    public var accountId = "111122223333"
    /// The domain below which connectors have their host names, in lower case.
    public var domain = "voiceconnector.test"
    /// The IP address or host name that peers are told to send media and requests to.
    public var advertisedAddress = "127.0.0.1"
}

/// Where SIP is served.
public struct SIPSettings: Sendable, Equatable {
    /// The address to bind, also for media: `0.0.0.0`, `::`, or one of this machine's addresses.
    public var bind = IPAddress.v4(0)
    /// The UDP port; 0: any free port; `nil`: off.
    public var udp: UInt16? = 5060
    /// The TCP port; 0: any free port; `nil`: off.
    public var tcp: UInt16? = 5060
    /// The TLS port; 0: any free port; `nil`: off.
    public var tls: UInt16? = 5061
    /// The PEM file of the certificate chain; `nil`: a self-signed certificate is made.
    public var certificate: String?
    /// The PEM file of the certificate's private key; `nil` exactly when ``certificate`` is.
    public var privateKey: String?
}

/// How media is received.
public struct MediaSettings: Sendable, Equatable {
    /// How datagrams are read.
    public enum Backend: String, Sendable, CaseIterable {
        /// `io_uring` where the kernel allows it, else `epoll`.
        case auto
        /// `io_uring`, or no start.
        case ioUring = "io_uring"
        /// `epoll`, everywhere on Linux.
        case epoll
    }

    /// The UDP ports for RTP and RTCP.
    public var ports = PortRange.standard
    /// How datagrams are read.
    public var backend = Backend.auto
    /// How long a packet may be late before it is concealed; this is also the delay of the live stream.
    public var jitterBuffer = Duration.milliseconds(240)
    /// The highest number of calls at a time; further ones get 503.
    public var maxCalls = 4000
    /// The number of media threads; 0: one for each core.
    public var workers = 0
    /// Whether each media thread stays on one core.
    public var pinWorkers = false
    /// Whether media may come from elsewhere than exactly the offer's address.
    public var allowsNAT = true
    /// How long a call that is not on hold may be without packets before it is ended; zero: for ever.
    public var idleTimeout = Duration.zero
}

/// How streams are written and kept.
public struct StreamSettings: Sendable, Equatable {
    /// The longest time between a sample's turn and its write to the file.
    public var flushInterval = Duration.milliseconds(20)
    /// The longest time between a write and the request that the disk keeps it (`fsync`).
    public var syncInterval = Duration.seconds(2)
    /// The most bytes that all streams may take; beyond it the oldest are deleted. `nil`: no limit.
    public var diskBudget: Int64?
    /// The time between two looks for what is too old.
    public var retentionInterval = Duration.seconds(30)
    /// The file with the master keys under which recordings are encrypted; `nil` with ``encryptionKeyVariable``: they are
    /// written in the clear.
    public var encryptionKeyFile: String?
    /// The environment variable that holds the master keys; not together with ``encryptionKeyFile``.
    public var encryptionKeyVariable: String?
}

/// How the service stops.
public struct ShutdownSettings: Sendable, Equatable {
    /// How long live calls go on after the request to stop.
    public var drain = Duration.seconds(30)
}

/// What is logged.
public struct LoggingSettings: Sendable, Equatable {
    /// The least important level that is logged.
    public enum Level: String, Sendable, CaseIterable {
        /// Every step.
        case trace
        /// For finding faults.
        case debug
        /// What an operator wants to know.
        case info
        /// Unusual, and in order.
        case notice
        /// Something to look at.
        case warning
        /// Something failed.
        case error
        /// The service cannot go on.
        case critical
    }

    /// The least important level that is logged.
    public var level = Level.info
    /// Whether whole SIP messages go to `logs/sip.jsonl`.
    public var sipMessages = false
}

extension PortRange {
    /// 10000–19999.
    public static let standard = PortRange(checkedFirst: 10_000, checkedLast: 19_999)
}

extension ConnectorID {
    /// The id of the embedded default connector.
    public static let embedded = ConnectorID(checked: "abcd112222223333444455")
}

extension Connector {
    /// The connector that the service has when none is configured: only this machine may call it.
    public static let embedded = Connector(
        id: .embedded,
        name: "embedded default",
        termination: Termination(cidrAllowedList: [.loopbackIPv4, .loopbackIPv6])
    )
}

extension CIDRBlock {
    /// `127.0.0.1/32`.
    public static let loopbackIPv4 = CIDRBlock(address: .v4(0x7f00_0001))
    /// `::1/128`.
    public static let loopbackIPv6 = CIDRBlock(address: IPAddress(high: 0, low: 1))
}
