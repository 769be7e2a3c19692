import Addressing

/// What one connector takes.
public struct AdmissionRule: Sendable, CustomStringConvertible {
    /// The connector.
    public var connectorID: String
    /// The host name that a Request-URI names it by; compared without regard to case.
    public var hostName: String
    /// Sources that may use it. Empty: none.
    public var allowed: [CIDRBlock]
    /// Passwords by user name; empty asks for no credentials.
    public var credentials: [String: String]
    /// New calls a second; 0 takes none.
    public var cpsLimit: Int
    /// Only TLS.
    public var requireEncryption: Bool

    /// Makes a rule.
    public init(
        connectorID: String, hostName: String, allowed: [CIDRBlock], credentials: [String: String] = [:],
        cpsLimit: Int = 50, requireEncryption: Bool = false
    ) {
        self.connectorID = connectorID
        self.hostName = hostName
        self.allowed = allowed
        self.credentials = credentials
        self.cpsLimit = cpsLimit
        self.requireEncryption = requireEncryption
    }

    /// Names, never passwords.
    public var description: String {
        "\(connectorID) (\(hostName)), \(allowed.count) networks, \(credentials.count) users, \(cpsLimit) calls a second"
            + (requireEncryption ? ", TLS only" : "")
    }
}
