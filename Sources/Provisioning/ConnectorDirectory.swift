/// Finds the connector that a request is for, and whether its source may call it.
///
/// An immutable value: built once from the configuration and shared by every thread. A look-up takes one hash for each
/// prefix length in use, so a stranger's datagram costs the same with ten thousand connectors as with one.
public struct ConnectorDirectory: Sendable {
    /// The outcome of ``resolve(host:source:)``.
    public enum Resolution: Sendable, Equatable {
        /// The connector that was meant, and its source is allowed.
        case connector(Connector)
        /// The source is in no allow list, or not in that of the connector which was meant: 403, or no answer at all.
        case sourceNotAllowed
        /// The host is no connector of this node: 404.
        case unknownHost
        /// The host is the node itself, and more than one connector allows the source: 404.
        case ambiguous
    }

    private let byHost: [String: Int]
    private let nodeHosts: Set<String>
    private let connectors: [Connector]
    private let indexByNetwork: [CIDRBlock: [Int]]
    private let prefixLengthsIPv4: [Int]
    private let prefixLengthsIPv6: [Int]

    /// Makes the directory of a configuration.
    /// - Parameter nodeHosts: further names and addresses of this node itself, such as those of its interfaces.
    public init(_ configuration: ServiceConfiguration, nodeHosts: [String] = []) {
        connectors = configuration.connectors
        var byHost: [String: Int] = [:]
        var byNetwork: [CIDRBlock: [Int]] = [:]
        for (index, connector) in connectors.enumerated() {
            byHost[connector.hostName(configuration.node.domain).lowercased()] = index
            for block in Set(connector.termination.cidrAllowedList) { byNetwork[block, default: []].append(index) }
        }
        self.byHost = byHost
        indexByNetwork = byNetwork
        let blocks = byNetwork.keys
        prefixLengthsIPv4 = Set(blocks.filter { !$0.network.isIPv6 }.map(\.prefixLength)).sorted()
        prefixLengthsIPv6 = Set(blocks.filter(\.network.isIPv6).map(\.prefixLength)).sorted()
        var hosts = Set(nodeHosts.map(Self.normal))
        hosts.insert(Self.normal(configuration.node.advertisedAddress))
        hosts.insert(Self.normal(configuration.node.domain))
        if !configuration.sip.bind.isWildcard { hosts.insert(configuration.sip.bind.description) }
        self.nodeHosts = hosts
    }

    /// Whether any connector allows a source. Asked before a datagram is parsed.
    public func allows(_ source: IPAddress) -> Bool {
        blocks(containing: source).contains { indexByNetwork[$0] != nil }
    }

    /// The connectors that allow a source, in the order of the configuration.
    public func connectors(allowing source: IPAddress) -> [Connector] {
        Set(blocks(containing: source).flatMap { indexByNetwork[$0] ?? [] }).sorted().map { connectors[$0] }
    }

    /// Finds the connector for the host of a Request-URI, without its port.
    ///
    /// `<id>.<domain>` names a connector; the node's own names and addresses stand for the one connector that allows
    /// the source. A literal address that the directory does not know counts as the node's own, since the request
    /// did arrive here: behind address translation a node does not know every address it has.
    public func resolve(host: String, source: IPAddress) -> Resolution {
        let host = Self.normal(host)
        if let index = byHost[host] {
            return connectors[index].allows(source) ? .connector(connectors[index]) : .sourceNotAllowed
        }
        let allowing = connectors(allowing: source)
        guard !allowing.isEmpty else { return .sourceNotAllowed }
        guard nodeHosts.contains(host) || IPAddress(parsing: host) != nil else { return .unknownHost }
        guard allowing.count == 1, let connector = allowing.first else { return .ambiguous }
        return .connector(connector)
    }

    private func blocks(containing source: IPAddress) -> [CIDRBlock] {
        (source.isIPv6 ? prefixLengthsIPv6 : prefixLengthsIPv4).map { CIDRBlock(containing: source, prefixLength: $0) }
    }

    /// Lower case, without the dot of a rooted name; an address in its usual form.
    private static func normal(_ host: String) -> String {
        if let address = IPAddress(parsing: host) { return address.description }
        let lower = host.lowercased()
        return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
    }
}
