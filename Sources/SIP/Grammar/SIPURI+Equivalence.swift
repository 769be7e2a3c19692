extension SIPURI {
    /// Parameters that make two URIs differ even when only one of them has it (RFC 3261 §19.1.4).
    private static let significant = ["user", "ttl", "method", "maddr", "transport"]

    /// Whether two URIs mean the same resource by the rules of RFC 3261 §19.1.4.
    public func isEquivalent(to other: SIPURI) -> Bool {
        guard isSameResource(as: other), headers.count == other.headers.count else { return false }
        for parameter in parameters {
            if let counterpart = other.parameters.first(named: parameter.name) {
                guard Self.sameValue(parameter.value, counterpart.value) else { return false }
            } else if Self.significant.contains(parameter.name.lowercasedASCII) {
                return false
            }
        }
        guard
            other.parameters.allSatisfy({
                has($0.name) || !Self.significant.contains($0.name.lowercasedASCII)
            })
        else { return false }
        return headers.allSatisfy { header in
            other.headers.first(named: header.name).map { $0.value == header.value } ?? false
        }
    }

    /// Whether scheme, user, password, host and port are the same, whatever the parameters and headers say.
    func isSameResource(as other: SIPURI) -> Bool {
        scheme == other.scheme && user == other.user && password == other.password
            && host == other.host && port == other.port
    }

    private static func sameValue(_ left: String?, _ right: String?) -> Bool {
        (left ?? "").equalsIgnoringCase(right ?? "")
    }
}
