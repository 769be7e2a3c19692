import Addressing

/// Where HTTP is served: streams, administration, listening.
public struct HTTPListenerSettings: Sendable, Equatable {
    /// The address to bind. Plain HTTP shows audio to whoever is on the way, so only this machine by default.
    public var bind = IPAddress.v4(0x7F00_0001)
    /// The port; 0: any free port; `nil`: off.
    public var port: UInt16? = 8080
    /// The PEM file of the certificate chain; `nil`: plain HTTP.
    public var certificate: String?
    /// The PEM file of the certificate's private key; `nil` exactly when ``certificate`` is.
    public var privateKey: String?
    /// The URL under which clients reach this service; `nil`: the host that they asked for.
    public var publicURL: String?
    /// Whether every request must be signed.
    public var requireSignatures = true
    /// Connections at a time; `nil`: an eighth of the process's descriptors.
    public var connections: Int?
    /// Connections at a time from one address; `nil`: half of all.
    public var connectionsPerAddress: Int?
}
