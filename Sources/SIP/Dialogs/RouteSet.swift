/// The proxies the requests of a dialog go through, in the order we visit them (RFC 3261 §12.1, §12.2.1.1).
public struct RouteSet: Sendable, Equatable {
    /// The most Record-Route values accepted. A path of more hops is a loop or an attack: Max-Forwards starts at 70.
    public static let maximumCount = 70

    /// The Route values as the peer wrote them, first hop first.
    public let values: [String]
    /// The URI of the first hop; nil when there are no routes.
    public let firstHop: SIPURI?

    /// - Parameters:
    ///   - headers: of the request (server) or of the response (client) that creates the dialog.
    ///   - reversed: true at the client, which sees the proxies in the order of the answer's way back (§12.1.2).
    init(recordedIn headers: HeaderFields, reversed: Bool) throws(DialogError) {
        let recorded = headers.listValues(.recordRoute)
        guard recorded.count <= Self.maximumCount else { throw .tooManyRoutes(count: recorded.count) }
        var first: SIPURI?
        for (position, value) in recorded.enumerated() {
            guard let address = try? NameAddress(parsing: value), let uri = address.sipURI else {
                throw .unusableRoute(value)
            }
            if position == (reversed ? recorded.count - 1 : 0) { first = uri }
        }
        values = reversed ? recorded.reversed() : recorded
        firstHop = first
    }

    /// True when the first hop is a loose router (`lr` in its URI), or there is none.
    public var isLoose: Bool { firstHop?.isLooseRouter ?? true }
}

extension SIPURI {
    /// RFC 3261 §19.1.1: `lr` marks a proxy that follows RFC 3261 rather than RFC 2543 routing.
    var isLooseRouter: Bool { parameters.contains { $0.name.lowercased() == "lr" } }

    /// The URI as a Request-URI may be written: without what §19.1.1 (table 1) forbids there, headers and `method`.
    var asRequestURI: SIPURI {
        var uri = self
        uri.headers = []
        uri.parameters.removeAll { $0.name.lowercased() == "method" }
        return uri
    }
}
