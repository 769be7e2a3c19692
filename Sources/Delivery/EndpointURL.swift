/// An HTTP address in the parts that a request needs.
public struct EndpointURL: Sendable, Hashable, CustomStringConvertible {
    /// Whether it is `https`.
    public let isSecure: Bool
    /// The host, an IPv6 address in brackets.
    public let host: String
    /// The port, when it is not the scheme's own.
    public let port: Int?
    /// The path, without a slash at its end; empty for the root.
    public let path: String
    /// What follows the question mark.
    public let query: String

    /// Reads `http://host[:port][/path][?query]` or the same with `https`; nil for anything else, and for addresses with
    /// a user or a fragment.
    public init?(_ text: String) {
        let isSecure = text.lowercased().hasPrefix("https://")
        guard isSecure || text.lowercased().hasPrefix("http://"),
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !text.contains("#")
        else { return nil }
        let rest = text.dropFirst(isSecure ? 8 : 7)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        guard !authority.isEmpty, !authority.contains("@") else { return nil }
        var host = authority
        var port: Int?
        if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
            guard let number = Int(authority[authority.index(after: colon)...]), (1...65535).contains(number) else {
                return nil
            }
            host = authority[..<colon]
            port = number == (isSecure ? 443 : 80) ? nil : number
        }
        guard !host.isEmpty, host.hasPrefix("[") == host.contains(":") else { return nil }
        let target = rest[authority.endIndex...]
        var path = String(target.prefix { $0 != "?" })
        while path.hasSuffix("/") { path.removeLast() }
        self.isSecure = isSecure
        self.host = host.lowercased()
        self.port = port
        self.path = path
        query = target.firstIndex(of: "?").map { String(target[target.index(after: $0)...]) } ?? ""
    }

    init(isSecure: Bool, host: String, port: Int?, path: String, query: String = "") {
        self.isSecure = isSecure
        self.host = host
        self.port = port
        self.path = path
        self.query = query
    }

    /// What the `Host` field says.
    public var authority: String { host + (port.map { ":\($0)" } ?? "") }
    /// Whether it is one of AWS's own.
    public var isAWS: Bool { host.hasSuffix(".amazonaws.com") || host.hasSuffix(".amazonaws.com.cn") }
    /// Scheme, host and port: what may be told of an address whose path and query may have secrets in them.
    public var origin: String { "\(isSecure ? "https" : "http")://\(authority)" }
    /// The address without its query, which may have a secret in it.
    public var description: String { origin + path }
}
