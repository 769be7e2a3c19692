import Hummingbird

extension Request {
    /// The first value of a query parameter, decoded.
    func queryValue(_ name: String) -> String? {
        uri.queryParameters[Substring(name)].map(String.init)
    }

    /// The base of URLs that this service hands out: the configured one, or what the client itself reached.
    func baseURL(_ settings: HTTPSettings) -> String {
        if let url = settings.publicURL {
            return url.hasSuffix("/") ? String(url.dropLast()) : url
        }
        let scheme = settings.certificate == nil ? "http" : "https"
        // A Host that is no host would end up in a URL that the client opens.
        let host = head.authority.flatMap { Self.isHost($0) ? $0 : nil } ?? "\(settings.bind):\(settings.port)"
        return "\(scheme)://\(host)"
    }

    private static func isHost(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 255
            && text.utf8.allSatisfy {
                ($0 >= 0x30 && $0 <= 0x3A) || ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A) || "-._[]".utf8.contains($0)
            }
    }
}
