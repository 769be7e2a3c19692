/// `name-addr` or `addr-spec` with header parameters: From, To, Contact, Route, Record-Route
/// (RFC 3261 §20.10, §25.1).
public struct NameAddress: Sendable, Equatable, CustomStringConvertible {
    /// The display name without quotation marks and escapes; nil when there is none.
    public var displayName: String?
    /// The URI as written, without `<>`. Any scheme.
    public var uri: String
    /// Header parameters; those inside `<>` belong to the URI.
    public var parameters: [Parameter]

    /// Makes an address.
    public init(displayName: String? = nil, uri: String, parameters: [Parameter] = []) {
        self.displayName = displayName
        self.uri = uri
        self.parameters = parameters
    }

    /// The URI read as `sip:` or `sips:`; nil for other schemes.
    public var sipURI: SIPURI? { try? SIPURI(parsing: uri) }

    /// The `tag` parameter; setting nil removes it.
    public var tag: String? {
        get { parameters.first(named: "tag")?.value }
        set { parameters.set("tag", to: newValue) }
    }

    /// `"Name" <uri>;parameters`; the URI always stands in `<>`, so that no parameter changes its owner.
    public var description: String {
        let name = displayName.map { $0.quoted + " " } ?? ""
        return "\(name)<\(uri)>\(parameters.headerText)"
    }
}

extension NameAddress {
    /// Reads one address; a comma-separated list must be split before.
    ///
    /// An unquoted display name may hold any visible character but `,;:"<>`, more than the grammar allows,
    /// as many clients write such names. Blanks inside `<>`, a comma in an unquoted name and a bare URI
    /// with `?` are errors: their meaning is ambiguous (RFC 4475 §3.1.2.13 to §3.1.2.15).
    public init(parsing text: some StringProtocol) throws(SIPParseError) {
        var scanner = OctetScanner(text)
        scanner.skipBlanks()
        if scanner.current == Octet.quote {
            displayName = try scanner.quotedString()
            scanner.skipBlanks()
            uri = try Self.bracketedURI(&scanner)
        } else {
            var lookahead = scanner
            let name = lookahead.take {
                $0 != Octet.less && $0 != Octet.colon && $0 != Octet.quote && $0 != Octet.semicolon
            }
            if lookahead.current == Octet.less {
                guard name.allSatisfy({ $0.isVisible || $0.isBlank }), !name.contains(Octet.comma) else {
                    throw scanner.failure("the display name needs quotation marks")
                }
                let trimmed = String(decoding: name, as: UTF8.self).trimmedBlanks
                displayName = trimmed.isEmpty ? nil : trimmed
                scanner = lookahead
                uri = try Self.bracketedURI(&scanner)
            } else {
                displayName = nil
                let bare = scanner.take { $0.isVisible && $0 != Octet.semicolon && $0 != Octet.comma }
                // RFC 3261 §20: a URI with a comma, question mark or semicolon must stand in <>.
                guard !bare.contains(Octet.question) else {
                    throw scanner.failure("a URI with '?' must stand in <>")
                }
                uri = String(decoding: bare, as: UTF8.self)
            }
        }
        parameters = try scanner.headerParameters()
        try Self.check(uri, in: scanner)
    }

    private static func bracketedURI(_ scanner: inout OctetScanner) throws(SIPParseError) -> String {
        guard scanner.take(Octet.less) else { throw scanner.failure("expected '<'") }
        let content = scanner.take(while: { $0.isVisible && $0 != Octet.greater && $0 != Octet.less })
        guard scanner.take(Octet.greater) else { throw scanner.failure("expected '>' after the URI") }
        return String(decoding: content, as: UTF8.self)
    }

    /// A `sip:` URI must be readable; of any other only the scheme is looked at.
    private static func check(_ uri: String, in scanner: OctetScanner) throws(SIPParseError) {
        guard let scheme = URIScheme(of: uri) else { throw scanner.failure("expected a URI") }
        if scheme.isSIP { _ = try SIPURI(parsing: uri) }
    }
}

/// The scheme of any absolute URI (RFC 3986 §3.1).
struct URIScheme {
    /// Lower case.
    let name: String

    /// Nil when the text does not begin with a scheme and a colon, or nothing follows.
    init?(of uri: String) {
        guard let colon = uri.utf8.firstIndex(of: Octet.colon) else { return nil }
        let scheme = uri.utf8[..<colon]
        guard let first = scheme.first, first.isAlpha, uri.utf8.index(after: colon) < uri.utf8.endIndex,
            scheme.allSatisfy({ $0.isAlphanumeric || "+-.".utf8.contains($0) })
        else { return nil }
        name = String(decoding: scheme, as: UTF8.self).lowercasedASCII
    }

    var isSIP: Bool { name == "sip" || name == "sips" }
}
