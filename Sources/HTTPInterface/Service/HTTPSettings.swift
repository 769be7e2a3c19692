/// Where and how the HTTP interface listens, and what it says about itself.
public struct HTTPSettings: Sendable {
    /// The address to listen on; the loopback address unless someone decided otherwise.
    public var bind: String
    /// The TCP port; 0 lets the system choose (tests), ``HTTPService/boundPort`` then tells which.
    public var port: Int
    /// Path of the certificate chain (PEM); TLS needs both this and ``privateKey``.
    public var certificate: String?
    /// Path of the private key (PEM).
    public var privateKey: String?
    /// The base URL that clients are sent to (`GetDataEndpoint`, HLS); without it the request's own `Host` is used.
    public var publicURL: String?
    /// Whether requests must be signed; without it every caller may do everything.
    public var requireSignatures: Bool
    /// The region in ARNs and in what is signed.
    public var region: String
    /// The account in ARNs.
    public var accountID: String
    /// Connections at once; `nil`: an eighth of the process's descriptors. See ``ConnectionBounds``.
    public var connections: Int?
    /// Connections at once from one address; `nil`: half of all.
    public var connectionsPerAddress: Int?
    /// What one client may cost.
    public var limits: HTTPLimits

    /// Makes settings; only the port has no default.
    public init(
        bind: String = "127.0.0.1", port: Int, certificate: String? = nil, privateKey: String? = nil,
        publicURL: String? = nil, requireSignatures: Bool = true, region: String = "us-east-1",
        accountID: String = "000000000000", connections: Int? = nil, connectionsPerAddress: Int? = nil,
        limits: HTTPLimits = HTTPLimits()
    ) {
        self.bind = bind
        self.port = port
        self.certificate = certificate
        self.privateKey = privateKey
        self.publicURL = publicURL
        self.requireSignatures = requireSignatures
        self.region = region
        self.accountID = accountID
        self.connections = connections
        self.connectionsPerAddress = connectionsPerAddress
        self.limits = limits
    }
}
