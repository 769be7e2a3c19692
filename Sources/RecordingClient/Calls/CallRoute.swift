import Addressing
import SIP
import UserAgent

/// Where calls go, and the address they come from.
struct CallRoute: Sendable {
    let remote: SIPEndpoint
    let local: IPAddress

    /// Looks names up; blocks while it asks the resolver.
    init(_ settings: CampaignSettings) throws(CampaignError) {
        guard let transport = settings.transport else {
            throw .transport(settings.target.transport ?? "")
        }
        var host = settings.target.host
        var port = settings.target.port
        if let proxy = settings.proxy {
            guard let place = try? SIPURI(parsing: "sip:" + proxy), place.user == nil, place.parameters.isEmpty else {
                throw .proxy(proxy)
            }
            host = place.host
            port = place.port ?? port
        }
        guard let address = IPAddress.resolve(host) else { throw .unresolved(host) }
        remote = SIPEndpoint(address: address, port: port ?? transport.defaultPort, transport: transport)
        if let own = settings.localAddress {
            guard let parsed = IPAddress(parsing: own), !parsed.isUnspecified else { throw .localAddress(own) }
            guard parsed.isIPv4 == address.isIPv4 else { throw .families(local: own, remote: address.description) }
            local = parsed
        } else {
            guard let own = address.localAddressTowards else { throw .unreachable(address.description) }
            local = own
        }
    }
}

/// Why no call could be placed at all.
public enum CampaignError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A transport that is not spoken.
    case transport(String)
    /// The proxy is not `host` or `host:port`.
    case proxy(String)
    /// A name without an address.
    case unresolved(String)
    /// Not an address of a machine.
    case localAddress(String)
    /// One is IPv4, the other IPv6.
    case families(local: String, remote: String)
    /// There is no route.
    case unreachable(String)
    /// A number outside its range.
    case range(String)
    /// The user agent did not start.
    case agent(String)

    /// What, where, and how to mend it.
    public var description: String {
        switch self {
        case .transport(let name): "transport=\(name) is not spoken here; use udp, tcp or tls"
        case .proxy(let text): "--proxy \(text): write a host or host:port"
        case .unresolved(let host):
            "the host name “\(host)” has no address; check it, or say with --proxy HOST:PORT where to send the call"
        case .localAddress(let text): "--local-address \(text): write an IPv4 or IPv6 address of this machine"
        case .families(let local, let remote):
            "--local-address \(local) cannot reach \(remote): one is IPv4, the other IPv6"
        case .unreachable(let host): "this machine has no route to \(host)"
        case .range(let text): text
        case .agent(let reason): reason
        }
    }
}
