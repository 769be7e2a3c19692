/// A transport that carries SIP messages (RFC 3261 §18).
public enum SIPTransport: String, Hashable, Sendable, CaseIterable {
    case udp, tcp, tls

    /// Whether the transport delivers every message once and in order, so that nothing is retransmitted
    /// by a transaction (RFC 3261 §17).
    public var isReliable: Bool { self != .udp }

    /// Whether what it carries cannot be read on the way.
    public var isEncrypted: Bool { self == .tls }

    /// The name written in a Via header (RFC 3261 §20.42).
    public var viaName: String {
        switch self {
        case .udp: "UDP"
        case .tcp: "TCP"
        case .tls: "TLS"
        }
    }

    /// The port meant where none is written (RFC 3261 §19.1.2).
    public var defaultPort: UInt16 { self == .tls ? 5061 : 5060 }
}
