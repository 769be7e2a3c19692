/// A request as it was received or will be sent, before any decoding: what a signature covers besides the body.
public struct SignedRequestHead: Sendable {
    /// `GET`, `POST`, …, as on the request line.
    public var method: String
    /// The path as on the request line, percent escapes untouched, without the query; empty counts as `/`.
    public var path: String
    /// What follows the question mark, untouched and without it; empty when there is none.
    public var query: String
    /// Every field in the order received, repeated ones repeated, `Host` among them (from `:authority` where the
    /// HTTP library keeps it apart). Names in any case.
    public var headers: [(name: String, value: String)]

    /// Makes a head from its parts.
    public init(method: String, path: String, query: String = "", headers: [(name: String, value: String)]) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
    }

    /// Makes a head from a request target such as `/getMedia?a=b`, split at the first question mark.
    public init(method: String, target: String, headers: [(name: String, value: String)]) {
        let octets = target.utf8
        if let mark = octets.firstIndex(of: UInt8(ascii: "?")) {
            self.init(
                method: method, path: String(target[..<mark]), query: String(target[octets.index(after: mark)...]),
                headers: headers)
        } else {
            self.init(method: method, path: target, headers: headers)
        }
    }
}
