/// The parameters of a challenge or of credentials: `Digest name=value, name="value", …` (RFC 7616 §3.3).
struct DigestParameters {
    private static let maximumCount = 32

    private var values: [String: String] = [:]

    /// Reads them; empty list elements are tolerated, a name given twice is not.
    init(parsing text: some StringProtocol) throws(SIPParseError) {
        var scanner = OctetScanner(text)
        scanner.skipBlanks()
        guard try scanner.token("an authentication scheme").equalsIgnoringCase("Digest") else {
            throw scanner.failure("expected the scheme Digest")
        }
        guard scanner.current?.isBlank == true else { throw scanner.failure("expected a blank after the scheme") }
        while true {
            scanner.skipBlanks()
            while scanner.take(Octet.comma) { scanner.skipBlanks() }
            if scanner.isAtEnd { return }
            let name = try scanner.token("a parameter name").lowercasedASCII
            scanner.skipBlanks()
            guard scanner.take(Octet.equals) else { throw scanner.failure("expected '='") }
            scanner.skipBlanks()
            let value =
                scanner.current == Octet.quote
                ? try scanner.quotedString()
                : String(decoding: scanner.take(while: \.isParameterValue), as: UTF8.self)
            guard values.updateValue(value, forKey: name) == nil, values.count <= Self.maximumCount else {
                throw scanner.failure("a parameter is given twice, or there are too many")
            }
            scanner.skipBlanks()
            guard scanner.isAtEnd || scanner.current == Octet.comma else { throw scanner.failure("expected ','") }
        }
    }

    subscript(name: String) -> String? { values[name] }

    func required(_ name: String) throws(SIPParseError) -> String {
        guard let value = values[name], !value.isEmpty else {
            throw SIPParseError("the \(name) parameter is missing", at: 0)
        }
        return value
    }

    /// Whether a header value has the scheme Digest.
    static func isDigest(_ text: String) -> Bool {
        var scanner = OctetScanner(text)
        scanner.skipBlanks()
        return String(decoding: scanner.take(while: \.isToken), as: UTF8.self).equalsIgnoringCase("Digest")
    }
}
