extension SIPURI {
    /// Reads a URI without `<>`.
    ///
    /// Characters in the user part that the grammar wants escaped (such as `#`) are tolerated; blanks,
    /// control characters, quotation marks and `<>` are not.
    public init(parsing text: some StringProtocol) throws(SIPParseError) {
        var scanner = OctetScanner(text)
        let name = scanner.take(while: \.isAlpha)
        guard scanner.take(Octet.colon),
            let scheme = Scheme(rawValue: String(decoding: name, as: UTF8.self).lowercasedASCII)
        else { throw scanner.failure("expected a sip: or sips: URI") }

        var user: String?
        var password: String?
        // '@' is in no other part unescaped, so what stands before it is the user part, even if it looks
        // like parameters or headers (RFC 4475 §3.1.1.9).
        if scanner.rest.contains(Octet.at) {
            let userText = scanner.take { $0.isUserCharacter && $0 != Octet.colon }
            guard !userText.isEmpty else { throw scanner.failure("the user part is empty") }
            user = try Self.unescape(userText, in: scanner)
            if scanner.take(Octet.colon) {
                password = try Self.unescape(scanner.take(while: \.isUserCharacter), in: scanner)
            }
            guard scanner.take(Octet.at) else { throw scanner.failure("unexpected character in the user part") }
        }
        let place = try HostText(scanning: &scanner, allowingBlanks: false)
        self.init(user: user, host: place.host, port: place.port, scheme: scheme)
        self.password = password
        while scanner.take(Octet.semicolon) {
            parameters.append(try Self.pair(scanning: &scanner, endingAt: [Octet.semicolon, Octet.question]))
        }
        if scanner.take(Octet.question) {
            repeat {
                headers.append(try Self.pair(scanning: &scanner, endingAt: [Octet.ampersand]))
            } while scanner.take(Octet.ampersand)
        }
        guard scanner.isAtEnd else { throw scanner.failure("unexpected character in the URI") }
    }

    private static func pair(
        scanning scanner: inout OctetScanner, endingAt ends: [UInt8]
    ) throws(SIPParseError) -> Parameter {
        let name = scanner.take { $0.isURICharacter && $0 != Octet.equals && !ends.contains($0) }
        guard !name.isEmpty else { throw scanner.failure("empty parameter or header in the URI") }
        var parameter = Parameter(try unescape(name, in: scanner))
        if scanner.take(Octet.equals) {
            parameter.value = try unescape(
                scanner.take { $0.isURICharacter && !ends.contains($0) }, in: scanner)
        }
        return parameter
    }

    private static func unescape(_ octets: ArraySlice<UInt8>, in scanner: OctetScanner) throws(SIPParseError) -> String
    {
        guard let text = PercentEncoding.decode(octets) else {
            throw scanner.failure("'%' without two hexadecimal digits in the URI")
        }
        return text
    }
}

extension UInt8 {
    fileprivate var isURICharacter: Bool {
        isVisible && self != Octet.quote && self != Octet.less && self != Octet.greater
    }

    fileprivate var isUserCharacter: Bool { isURICharacter && self != Octet.at }
}
