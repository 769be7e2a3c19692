/// One `via-parm` (RFC 3261 §20.42), with `received` and `rport` (RFC 3581).
public struct Via: Sendable, Equatable, CustomStringConvertible {
    /// What every RFC 3261 branch begins with (§8.1.1.7).
    public static let magicCookie = "z9hG4bK"

    /// `UDP`, `TCP`, `TLS`, …, in upper case.
    public var transport: String
    /// The sent-by host in lower case; IPv6 without brackets.
    public var host: String
    /// The sent-by port when written.
    public var port: UInt16?
    /// All parameters.
    public var parameters: [Parameter]

    /// Makes a Via value.
    public init(transport: String, host: String, port: UInt16? = nil, parameters: [Parameter] = []) {
        self.transport = transport
        self.host = host.lowercasedASCII
        self.port = port
        self.parameters = parameters
    }

    /// The transaction id; nil in requests of RFC 2543 clients.
    public var branch: String? {
        get { parameters.first(named: "branch")?.value }
        set { parameters.set("branch", to: newValue) }
    }

    /// The address the request came from; brackets round IPv6 are taken off (RFC 5118 §4.5).
    public var received: String? {
        get {
            guard let value = parameters.first(named: "received")?.value else { return nil }
            guard value.utf8.first == Octet.leftBracket, value.utf8.last == Octet.rightBracket else { return value }
            return String(value.dropFirst().dropLast())
        }
        set { parameters.set("received", to: newValue) }
    }

    /// The port the request came from, once a server has filled it in.
    public var rport: UInt16? {
        get { parameters.first(named: "rport")?.value?.utf8.decimalValue(as: UInt16.self) }
        set { parameters.set("rport", to: newValue.map(String.init)) }
    }

    /// Whether the client asked for symmetric response routing: `rport` is present (RFC 3581 §3).
    public var wantsRport: Bool { parameters.first(named: "rport") != nil }

    /// Where a response goes when it is not sent on the connection of its request (RFC 3261 §18.2.2,
    /// RFC 3581 §4).
    public var responseDestination: (host: String, port: UInt16) {
        let usual: UInt16 = transport == "TLS" ? 5061 : 5060
        if let maddr = parameters.first(named: "maddr")?.value { return (maddr, port ?? usual) }
        if let received { return (received, rport ?? port ?? usual) }
        return (host, rport ?? port ?? usual)
    }

    /// The value as it stands in the header.
    public var description: String {
        "SIP/2.0/\(transport) \(HostText.written(host, port: port))\(parameters.headerText)"
    }
}

extension Via {
    /// Reads one value; a comma-separated list must be split before. Blanks may stand round `/`, `:`, `;`, `=`.
    public init(parsing text: some StringProtocol) throws(SIPParseError) {
        var scanner = OctetScanner(text)
        scanner.skipBlanks()
        let name = try scanner.token("the protocol name SIP")
        try Self.slash(&scanner)
        let version = try scanner.token("the protocol version 2.0")
        guard name.equalsIgnoringCase("SIP"), version == "2.0" else {
            throw scanner.failure("expected the protocol SIP/2.0")
        }
        try Self.slash(&scanner)
        transport = String(decoding: try scanner.token("a transport").utf8.map(\.uppercasedASCII), as: UTF8.self)
        guard scanner.current?.isBlank == true else { throw scanner.failure("expected a blank and a host") }
        scanner.skipBlanks()
        let sentBy = try HostText(scanning: &scanner, allowingBlanks: true)
        host = sentBy.host
        port = sentBy.port
        parameters = try scanner.headerParameters()
    }

    private static func slash(_ scanner: inout OctetScanner) throws(SIPParseError) {
        scanner.skipBlanks()
        guard scanner.take(Octet.slash) else { throw scanner.failure("expected '/'") }
        scanner.skipBlanks()
    }
}

extension UInt8 {
    fileprivate var uppercasedASCII: UInt8 { self >= 0x61 && self <= 0x7A ? self & 0xDF : self }
}
