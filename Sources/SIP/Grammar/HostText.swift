/// `host` and `hostport` of RFC 3261 §25.1.
struct HostText {
    /// Lower case; an IPv6 address without its brackets.
    var host: String
    var port: UInt16?

    /// The longest name DNS allows is 253 octets; a little room is left for a final dot and the like.
    private static let maximumLength = 255

    init(scanning scanner: inout OctetScanner, allowingBlanks: Bool) throws(SIPParseError) {
        if scanner.take(Octet.leftBracket) {
            let address = scanner.take { $0.hexValue != nil || $0 == Octet.colon || $0 == Octet.dot }
            guard let text = Self.ipv6(address), scanner.take(Octet.rightBracket) else {
                throw scanner.failure("unreadable IPv6 address")
            }
            host = text
        } else {
            let name = scanner.take {
                $0.isAlphanumeric || $0 == Octet.minus || $0 == Octet.dot || $0 == Octet.underscore
            }
            guard !name.isEmpty, name.first != Octet.dot, name.count <= Self.maximumLength else {
                throw scanner.failure("expected a host name or address")
            }
            host = String(decoding: name, as: UTF8.self).lowercasedASCII
        }
        var afterHost = scanner
        if allowingBlanks { afterHost.skipBlanks() }
        guard afterHost.take(Octet.colon) else { return }
        if allowingBlanks { afterHost.skipBlanks() }
        scanner = afterHost
        guard let port = scanner.take(while: \.isDigit).decimalValue(as: UInt16.self) else {
            throw scanner.failure("expected a port number from 0 to 65535")
        }
        self.port = port
    }

    /// Checks an IPv6 address and gives it in lower case.
    ///
    /// A third colon before an IPv4 tail is dropped: RFC 5118 §4.10 tells of a fault in the grammar of
    /// RFC 3261 that made implementations write `:::192.0.2.1`.
    private static func ipv6(_ octets: ArraySlice<UInt8>) -> String? {
        guard octets.count >= 2, octets.count <= 46 else { return nil }
        var text = String(decoding: octets, as: UTF8.self).lowercasedASCII
        if text.utf8.contains(Octet.dot) { text = text.replacingTripleColon }
        var groups = 0
        var hasGap = false
        let pieces = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, piece) in pieces.enumerated() {
            let isOuter = index == 0 || index == pieces.count - 1
            switch piece.utf8.count {
            case 0 where isOuter:
                // Only "::" may stand at an end.
                let neighbour = index == 0 ? 1 : pieces.count - 2
                guard pieces.indices.contains(neighbour), pieces[neighbour].isEmpty else { return nil }
            case 0:
                guard !hasGap else { return nil }
                hasGap = true
            case _ where piece.utf8.contains(Octet.dot):
                guard index == pieces.count - 1, isIPv4(piece) else { return nil }
                groups += 2
            case 1...4:
                groups += 1
            default:
                return nil
            }
        }
        guard hasGap ? groups <= 7 : groups == 8 else { return nil }
        return text
    }

    /// Whether the text is four decimal numbers up to 255.
    static func isIPv4(_ text: some StringProtocol) -> Bool {
        let pieces = text.utf8.split(separator: Octet.dot, omittingEmptySubsequences: false)
        return pieces.count == 4 && pieces.allSatisfy { $0.count <= 3 && $0.decimalValue(as: UInt8.self) != nil }
    }

    /// How a host is written next to a port: IPv6 in brackets.
    static func written(_ host: String, port: UInt16?) -> String {
        let text = host.utf8.contains(Octet.colon) ? "[\(host)]" : host
        return port.map { "\(text):\($0)" } ?? text
    }
}

extension String {
    fileprivate var replacingTripleColon: String {
        var result: [UInt8] = []
        var run = 0
        for octet in utf8 {
            run = octet == Octet.colon ? run + 1 : 0
            if run != 3 { result.append(octet) }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
