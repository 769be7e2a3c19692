/// A header field name: equal without regard to case, and to its compact form (RFC 3261 §7.3.1, §7.3.3).
public struct HeaderName: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The spelling used on output: the registered one when the name is known, else as it was written.
    public let spelling: String
    /// Lower-case full form; decides equality.
    private let key: String

    /// Makes a name from any spelling; `v` gives `Via`.
    public init(_ text: some StringProtocol) {
        let key = text.lowercasedASCII
        if let known = Self.known[key] {
            self = known
        } else {
            spelling = String(text)
            self.key = key
        }
    }

    /// Makes a name from a literal.
    public init(stringLiteral value: String) { self.init(value) }

    fileprivate init(registered spelling: String) {
        self.spelling = spelling
        key = spelling.lowercasedASCII
    }

    /// Without regard to case.
    public static func == (left: HeaderName, right: HeaderName) -> Bool { left.key == right.key }

    /// Agrees with `==`.
    public func hash(into hasher: inout Hasher) { hasher.combine(key) }

    /// The output spelling.
    public var description: String { spelling }

    /// Whether the name may be written into a message: names are tokens.
    var isWritable: Bool { spelling.isToken }
}

extension HeaderName {
    /// Every known name by its lower-case full and compact form.
    private static let known: [String: HeaderName] = {
        var table: [String: HeaderName] = [:]
        for name in registered { table[name.key] = name }
        for (compact, full) in compactForms { table[compact] = HeaderName(registered: full) }
        return table
    }()

    /// The compact forms of the IANA registry.
    private static let compactForms: [(String, String)] = [
        ("a", "Accept-Contact"), ("b", "Referred-By"), ("c", "Content-Type"), ("d", "Request-Disposition"),
        ("e", "Content-Encoding"), ("f", "From"), ("i", "Call-ID"), ("j", "Reject-Contact"), ("k", "Supported"),
        ("l", "Content-Length"), ("m", "Contact"), ("n", "Identity-Info"), ("o", "Event"), ("r", "Refer-To"),
        ("s", "Subject"), ("t", "To"), ("u", "Allow-Events"), ("v", "Via"), ("x", "Session-Expires"),
        ("y", "Identity"),
    ]

    private static let registered: [HeaderName] = [
        via, from, to, callID, cSeq, contact, maxForwards, contentType, contentLength, contentDisposition,
        contentEncoding, route, recordRoute, require, proxyRequire, supported, unsupported, allow, accept,
        acceptEncoding, authorization, wwwAuthenticate, proxyAuthorization, proxyAuthenticate, sessionExpires,
        minSE, retryAfter, server, userAgent, warning, reason, expires, timestamp,
    ]

    /// `Via`, compact `v`.
    public static let via = HeaderName(registered: "Via")
    /// `From`, compact `f`.
    public static let from = HeaderName(registered: "From")
    /// `To`, compact `t`.
    public static let to = HeaderName(registered: "To")
    /// `Call-ID`, compact `i`.
    public static let callID = HeaderName(registered: "Call-ID")
    /// `CSeq`.
    public static let cSeq = HeaderName(registered: "CSeq")
    /// `Contact`, compact `m`.
    public static let contact = HeaderName(registered: "Contact")
    /// `Max-Forwards`.
    public static let maxForwards = HeaderName(registered: "Max-Forwards")
    /// `Content-Type`, compact `c`.
    public static let contentType = HeaderName(registered: "Content-Type")
    /// `Content-Length`, compact `l`.
    public static let contentLength = HeaderName(registered: "Content-Length")
    /// `Content-Disposition`.
    public static let contentDisposition = HeaderName(registered: "Content-Disposition")
    /// `Content-Encoding`, compact `e`.
    public static let contentEncoding = HeaderName(registered: "Content-Encoding")
    /// `Route`.
    public static let route = HeaderName(registered: "Route")
    /// `Record-Route`.
    public static let recordRoute = HeaderName(registered: "Record-Route")
    /// `Require`.
    public static let require = HeaderName(registered: "Require")
    /// `Proxy-Require`.
    public static let proxyRequire = HeaderName(registered: "Proxy-Require")
    /// `Supported`, compact `k`.
    public static let supported = HeaderName(registered: "Supported")
    /// `Unsupported`.
    public static let unsupported = HeaderName(registered: "Unsupported")
    /// `Allow`.
    public static let allow = HeaderName(registered: "Allow")
    /// `Accept`.
    public static let accept = HeaderName(registered: "Accept")
    /// `Accept-Encoding`.
    public static let acceptEncoding = HeaderName(registered: "Accept-Encoding")
    /// `Authorization`.
    public static let authorization = HeaderName(registered: "Authorization")
    /// `WWW-Authenticate`.
    public static let wwwAuthenticate = HeaderName(registered: "WWW-Authenticate")
    /// `Proxy-Authorization`.
    public static let proxyAuthorization = HeaderName(registered: "Proxy-Authorization")
    /// `Proxy-Authenticate`.
    public static let proxyAuthenticate = HeaderName(registered: "Proxy-Authenticate")
    /// `Session-Expires`, compact `x` (RFC 4028).
    public static let sessionExpires = HeaderName(registered: "Session-Expires")
    /// `Min-SE` (RFC 4028).
    public static let minSE = HeaderName(registered: "Min-SE")
    /// `Retry-After`.
    public static let retryAfter = HeaderName(registered: "Retry-After")
    /// `Server`.
    public static let server = HeaderName(registered: "Server")
    /// `User-Agent`.
    public static let userAgent = HeaderName(registered: "User-Agent")
    /// `Warning`.
    public static let warning = HeaderName(registered: "Warning")
    /// `Reason` (RFC 3326).
    public static let reason = HeaderName(registered: "Reason")
    /// `Expires`.
    public static let expires = HeaderName(registered: "Expires")
    /// `Timestamp`.
    public static let timestamp = HeaderName(registered: "Timestamp")
}
