import SIP

/// How a ``SIPAgent`` listens, what it calls itself, and its limits.
public struct UserAgentConfiguration: Sendable {
    /// One address to listen on.
    public struct Listener: Sendable, Hashable {
        /// The transport.
        public var transport: SIPTransport
        /// An IPv4 or IPv6 address, or a name that resolves to one. `0.0.0.0` also listens on `::` where the machine
        /// has IPv6.
        public var host: String
        /// The port; 0 takes any free one, which ``SIPAgent/start(onInvite:)`` reports.
        public var port: UInt16

        /// Makes a listener.
        public init(_ transport: SIPTransport, host: String, port: UInt16) {
            self.transport = transport
            self.host = host
            self.port = port
        }
    }

    /// Where the certificate of the TLS listeners comes from.
    public enum Certificate: Sendable, Hashable {
        /// PEM files: the chain, leaf first, and the key.
        case files(certificatePath: String, privateKeyPath: String)
        /// A self-signed pair for `names`, made in `directory` when it is not there yet (directory 0700, key 0600).
        case selfSigned(directory: String, names: [String])
    }

    /// What to listen on. At least one.
    public var listeners: [Listener]
    /// The address or name that peers reach this machine by, when it is not the one it is bound to (NAT, containers).
    /// Written in Contact and Via. An address is used only towards peers of its own family.
    public var advertisedAddress: String?
    /// The certificate; needed when there is a TLS listener.
    public var certificate: Certificate?
    /// The value of Server and User-Agent headers.
    public var serverName: String
    /// Connections open at once; more are closed as they come. 2,048 by default, roughly 100 kB each under TLS.
    public var maximumConnections: Int
    /// Transactions at once; further INVITEs get 503. 20,000 by default, roughly 10 kB each.
    public var maximumTransactions: Int
    /// A connection without any traffic for this long is closed. 10 minutes.
    public var connectionIdleTimeout: Duration
    /// The time a peer has to finish a message it began, or to send its first one. 30 seconds.
    public var messageTimeout: Duration
    /// The transaction timers; change T1 in tests only.
    public var timers: TransactionTimers
    /// How a server's certificate is checked when a request inside a dialog needs a new TLS connection.
    public var dialogVerification: TLSVerification
    /// Called on the event loop with each message received (after the admission let its source talk) and sent. It must
    /// not block: copy, enqueue, return.
    public var capture: (@Sendable (CapturedMessage) -> Void)?

    /// Makes a configuration; see the properties for the defaults.
    public init(
        listeners: [Listener], advertisedAddress: String? = nil, certificate: Certificate? = nil,
        serverName: String = "Earshot", maximumConnections: Int = 2048, maximumTransactions: Int = 20_000,
        connectionIdleTimeout: Duration = .seconds(600), messageTimeout: Duration = .seconds(30),
        timers: TransactionTimers = TransactionTimers(), dialogVerification: TLSVerification = .full,
        capture: (@Sendable (CapturedMessage) -> Void)? = nil
    ) {
        self.listeners = listeners
        self.advertisedAddress = advertisedAddress
        self.certificate = certificate
        self.serverName = serverName
        self.maximumConnections = maximumConnections
        self.maximumTransactions = maximumTransactions
        self.connectionIdleTimeout = connectionIdleTimeout
        self.messageTimeout = messageTimeout
        self.timers = timers
        self.dialogVerification = dialogVerification
        self.capture = capture
    }
}

/// One SIP message as it was on the wire (after TLS).
public struct CapturedMessage: Sendable {
    /// Which way it went.
    public enum Direction: String, Sendable { case received, sent }

    /// Which way it went.
    public let direction: Direction
    /// The far end.
    public let remote: SIPEndpoint
    /// Our end.
    public let local: SIPEndpoint
    /// The octets. They may hold secrets (digest responses, SRTP keys): whoever stores them protects them.
    public let bytes: [UInt8]
}
