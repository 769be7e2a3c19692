import Addressing

/// One end of a SIP flow: an address, a port and the transport spoken there.
public struct SIPEndpoint: Hashable, Sendable {
    /// The address; IPv4-mapped IPv6 is the same as IPv4.
    public var address: IPAddress
    /// The port in host byte order.
    public var port: UInt16
    /// The transport.
    public var transport: SIPTransport
    /// The interface index of a link-local IPv6 address, otherwise 0.
    public var zone: UInt32

    /// Makes an endpoint.
    public init(address: IPAddress, port: UInt16, transport: SIPTransport, zone: UInt32 = 0) {
        self.address = address
        self.port = port
        self.transport = transport
        self.zone = zone
    }

    /// Makes an endpoint of a textual address (brackets allowed); nil when `ip` is not an address.
    public init?(ip: some StringProtocol, port: UInt16, transport: SIPTransport) {
        guard let address = IPAddress(parsing: ip) else { return nil }
        self.init(address: address, port: port, transport: transport)
    }

    /// The address as text, without brackets.
    public var ip: String { address.description }
}

extension SIPEndpoint: CustomStringConvertible {
    /// `udp 192.0.2.1:5060`, `tls [2001:db8::1]:5061`.
    public var description: String { "\(transport.rawValue) \(address.hostText):\(port)" }
}

/// Where a request came from and where it arrived.
public struct RequestSource: Hashable, Sendable {
    /// The far end, as the socket saw it.
    public let remote: SIPEndpoint
    /// Our end. The address is the one the packet was sent to, also on a socket bound to the wildcard address.
    public let local: SIPEndpoint

    /// The transport of both ends.
    public var transport: SIPTransport { remote.transport }

    /// Makes a source.
    public init(remote: SIPEndpoint, local: SIPEndpoint) {
        self.remote = remote
        self.local = local
    }
}
