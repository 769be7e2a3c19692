/// A network address as `c=` and `o=` write it, RFC 8866 §5.7.
public struct ConnectionAddress: Sendable, Equatable, Hashable, CustomStringConvertible {
    /// The address family of `c=IN <family> …`.
    public enum Family: Sendable, Equatable, Hashable {
        case ip4
        case ip6
        /// Anything else, as written.
        case other(String)

        init(_ text: String) {
            switch text.asciiLowercased {
            case "ip4": self = .ip4
            case "ip6": self = .ip6
            default: self = .other(text)
            }
        }

        var text: String {
            switch self {
            case .ip4: "IP4"
            case .ip6: "IP6"
            case .other(let text): text
            }
        }
    }

    /// The family as written; ``init(host:)`` finds it from the host.
    public let family: Family
    /// The host as written, without TTL and count (`224.2.1.1/127` is `224.2.1.1`) and without brackets.
    public let host: String

    /// Makes an address; a host with a colon is IPv6.
    public init(host: String) {
        self.host = ConnectionAddress.withoutBrackets(host)
        family = host.utf8.contains(UInt8(ascii: ":")) ? .ip6 : .ip4
    }

    /// Reads `IN IP4 192.0.2.1`; nil where a word is missing. The network type is not looked at: it is always `IN`.
    public init?(parsing text: some StringProtocol) {
        let words = text.asciiWords(limit: 4)
        guard words.count >= 3 else { return nil }
        guard let host = words[2].asciiSplit(UInt8(ascii: "/"), limit: 2).first, !host.isEmpty else { return nil }
        self.host = ConnectionAddress.withoutBrackets(host)
        let written = Family(words[1])
        // A colon makes it IPv6 whatever the label says: some sources write IP4 before every address.
        family = host.utf8.contains(UInt8(ascii: ":")) ? .ip6 : written
    }

    /// `0.0.0.0` or `::`: no address is known (RFC 3264 §8.4 used it for hold).
    public var isUnspecified: Bool {
        if host.utf8.contains(UInt8(ascii: ":")) { return host.utf8.allSatisfy { $0 == 0x3A || $0 == 0x30 } }
        return host == "0.0.0.0"
    }

    /// The value of a `c=` line: `IN IP4 192.0.2.1`.
    public var description: String { "IN \(family.text) \(host)" }

    private static func withoutBrackets(_ host: String) -> String {
        let bytes = host.utf8
        guard bytes.first == UInt8(ascii: "["), bytes.last == UInt8(ascii: "]") else { return host }
        return String(decoding: bytes.dropFirst().dropLast(), as: UTF8.self)
    }
}
