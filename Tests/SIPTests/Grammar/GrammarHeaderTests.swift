import SIP
import Testing

@Suite("Header fields and their values (RFC 3261 §7.3, §20)")
struct GrammarHeaderTests {
    @Test(
        "compact and full names are the same name (§7.3.3)",
        arguments: [
            ("v", "Via"), ("i", "Call-ID"), ("m", "Contact"), ("e", "Content-Encoding"), ("l", "Content-Length"),
            ("c", "Content-Type"), ("f", "From"), ("s", "Subject"), ("k", "Supported"), ("t", "To"),
            ("x", "Session-Expires"), ("r", "Refer-To"), ("o", "Event"),
        ])
    func compactNames(_ compact: String, _ full: String) {
        #expect(HeaderName(compact) == HeaderName(full))
        #expect(HeaderName(compact.uppercased()).spelling == full)
    }

    @Test("names compare without case and are spelled as registered, else as written")
    func names() {
        #expect(HeaderName("cALL-iD").spelling == "Call-ID")
        #expect(HeaderName("X-Voice").spelling == "X-Voice")
        #expect(HeaderName("X-VOICE") == HeaderName("x-voice"))
        #expect(HeaderName("C%6Fntact") != .contact)
        // KELVIN SIGN is no K, whatever Unicode says of its lower case.
        #expect(HeaderName("\u{212A}") != .supported)
    }

    @Test("setting a field replaces the first and removes the rest")
    func setting() {
        var headers = HeaderFields()
        headers.append("A", "1")
        headers.append("B", "2")
        headers.append("a", "3")
        headers["A"] = "4"
        headers["C"] = "5"
        #expect(headers.fields.map(\.value) == ["4", "2", "5"])
        headers["B"] = nil
        headers.prepend("D", "6")
        #expect(headers.fields.map(\.value) == ["6", "4", "5"])
        #expect(headers.values("a") == ["4"])
    }

    @Test("lists are split at commas outside quotation marks and <> (§7.3.1)")
    func lists() {
        var headers = HeaderFields()
        headers.append(.contact, "\"a, \\\", b\" <sip:x,y@h>;p=\"1,2\" , sip:c@d")
        headers.append(.contact, "<sip:e@f>,,")
        #expect(
            headers.listValues(.contact) == ["\"a, \\\", b\" <sip:x,y@h>;p=\"1,2\"", "sip:c@d", "<sip:e@f>"])
        #expect(headers.values(.contact).count == 2)
        #expect(headers.addresses(.contact).compactMap(\.sipURI?.user) == ["x,y", "c", "e"])
    }

    struct Address: Sendable, CustomTestStringConvertible {
        var text: String
        var name: String?
        var uri: String
        var parameters: [Parameter]
        var testDescription: String { text }
        init(_ text: String, _ name: String?, _ uri: String, _ parameters: [Parameter] = []) {
            (self.text, self.name, self.uri, self.parameters) = (text, name, uri, parameters)
        }
    }

    @Test(
        "addresses (§20.10, §20.20)",
        arguments: [
            Address("sip:a@b", nil, "sip:a@b"),
            Address("sip:a@b;tag=1", nil, "sip:a@b", [Parameter("tag", "1")]),
            Address("<sip:a@b;x=y>;tag=1", nil, "sip:a@b;x=y", [Parameter("tag", "1")]),
            Address("caller<sip:a@b>;tag=3", "caller", "sip:a@b", [Parameter("tag", "3")]),
            Address("token1~` token2'+_ x*%!.- <sip:a@b>", "token1~` token2'+_ x*%!.-", "sip:a@b"),
            Address("\"J \\\\\\\"\"   <sip:a@b> ; tag = 9", "J \\\"", "sip:a@b", [Parameter("tag", "9")]),
            Address("\"\" <sip:a@b>", "", "sip:a@b"),
            Address("Käthe (Sales) <sip:a@b>", "Käthe (Sales)", "sip:a@b"),
            Address("<tel:+1234>", nil, "tel:+1234"),
            Address("isbn:2983792873", nil, "isbn:2983792873"),
            Address("<sip:a@b?Route=%3Csip:c%3E>", nil, "sip:a@b?Route=%3Csip:c%3E"),
            Address(
                "<sip:a@b>;+sip.src;q=0.5;x=\"a;b\"", nil, "sip:a@b",
                [Parameter("+sip.src"), Parameter("q", "0.5"), Parameter("x", "a;b")]),
        ])
    func addresses(_ example: Address) throws {
        let address = try NameAddress(parsing: example.text)
        #expect(address == NameAddress(displayName: example.name, uri: example.uri, parameters: example.parameters))
        #expect(try NameAddress(parsing: address.description) == address)
    }

    @Test(
        "addresses with faults (RFC 4475 §3.1.2)",
        arguments: [
            "", "*", "\"a <sip:a@b>", "\"a\" sip:a@b", "a, b <sip:a@b>", "< sip:a@b >", "<sip:a@b", "<>", "<a@b>",
            "a@b",
            "sip:a@b?x=y", "<sip:a@b>;;", "<sip:a@b>;", "<sip:a@b> x", "<sip:a@b>;tag=a b", "<sip:a@b>, <sip:c@d>",
            "<sip:a@2001:db8::1>", "sip:a@b;x=\"y", "\"a\\",
        ])
    func faultyAddresses(_ text: String) {
        #expect(throws: SIPParseError.self) { try NameAddress(parsing: text) }
    }

    @Test("the tag is set, replaced and removed")
    func tag() throws {
        var address = try NameAddress(parsing: "sip:a@b;TAG=x")
        #expect(address.tag == "x")
        address.tag = "y"
        #expect(address.description == "<sip:a@b>;TAG=y")
        address.tag = nil
        #expect(address.description == "<sip:a@b>")
    }

    @Test("Via with blanks in every place the grammar allows them (§20.42)")
    func via() throws {
        let via = try Via(
            parsing: "SIP  / 2.0 / tls     Spindle.example.com : 5070  ;  branch  =   z9hG4bK9ikj8 ; rport")
        #expect(via.transport == "TLS")
        #expect(via.host == "spindle.example.com")
        #expect(via.port == 5070)
        #expect(via.branch == "z9hG4bK9ikj8")
        #expect(via.wantsRport && via.rport == nil)
        #expect(via.description == "SIP/2.0/TLS spindle.example.com:5070;branch=z9hG4bK9ikj8;rport")
    }

    @Test(
        "Via: received in brackets or not is the same address (RFC 5118 §4.5)",
        arguments: ["received=[2001:db8::9:255]", "received=2001:db8::9:255"])
    func viaReceived(_ parameter: String) throws {
        let via = try Via(parsing: "SIP/2.0/UDP [2001:db8::9:1];\(parameter);branch=z9hG4bKas3")
        #expect(via.received == "2001:db8::9:255")
        #expect(via.host == "2001:db8::9:1")
        #expect(via.responseDestination == ("2001:db8::9:255", 5060))
    }

    @Test(
        "Via values with faults",
        arguments: [
            "", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/2.0 h", "SIP/3.0/UDP h", "HTTP/2.0/UDP h", "SIP/2.0/UDP h;;",
            "SIP/2.0/UDP h;",
            "SIP/2.0/UDP h:99999", "SIP/2.0/UDP 2001:db8::1", "SIP/2.0/UDP h x", "SIP/2.0/UDPh", "SIP/2.0/UDP h, x",
            ";0=;", "//",
        ])
    func faultyVias(_ text: String) {
        #expect(throws: SIPParseError.self) { try Via(parsing: text) }
    }

    @Test(
        "where responses go (RFC 3261 §18.2.2, RFC 3581 §4)",
        arguments: [
            ("SIP/2.0/UDP h", "h", 5060), ("SIP/2.0/TLS h", "h", 5061), ("SIP/2.0/UDP h:6000", "h", 6000),
            ("SIP/2.0/UDP h:6000;received=192.0.2.1", "192.0.2.1", 6000),
            ("SIP/2.0/UDP h:6000;received=192.0.2.1;rport=7000", "192.0.2.1", 7000),
            ("SIP/2.0/UDP h:6000;received=192.0.2.1;rport=7000;maddr=192.0.2.9", "192.0.2.9", 6000),
        ])
    func destinations(_ text: String, _ host: String, _ port: UInt16) throws {
        let destination = try Via(parsing: text).responseDestination
        #expect(destination == (host, port))
    }

    @Test("CSeq takes 32 bits, zeros in front, and one token (§20.16)")
    func cSeq() throws {
        #expect(try CSeq(parsing: "0009  INVITE") == CSeq(9, .invite))
        #expect(try CSeq(parsing: "4294967295 BYE").number == .max)
        for text in ["", "1", "INVITE", "4294967296 BYE", "-1 BYE", "1 BYE x", "36893488147419103232 REGISTER", "1BYE"]
        {
            #expect(throws: SIPParseError.self) { try CSeq(parsing: text) }
        }
    }

    @Test("values with parameters: Content-Type, Session-Expires, Reason")
    func parameterizedValues() throws {
        let type = try ParameterizedValue(parsing: "multipart / mixed ; boundary=\"a b;c\"; x")
        #expect(type.value == "multipart/mixed")
        #expect(type[parameter: "BOUNDARY"] == "a b;c")
        #expect(try ParameterizedValue(parsing: "1800;refresher=uac")[parameter: "refresher"] == "uac")
        for text in ["", ";x", "a b", "text/plain; =", "a\"b"] {
            #expect(throws: SIPParseError.self) { try ParameterizedValue(parsing: text) }
        }
    }

    @Test("an error says what was expected and where, and quotes nothing of the input")
    func errors() {
        let error = #expect(throws: SIPParseError.self) { try CSeq(parsing: "1 ?secret") }
        #expect(error?.description == "expected a method (at octet 2)")
    }
}

@Suite("Bounds on lists")
struct GrammarListBoundTests {
    @Test("a line of 60,000 commas is one bad value, not 60,000 values")
    func commas() throws {
        var headers = HeaderFields()
        headers.append(.via, "SIP/2.0/UDP a" + String(repeating: ",x", count: 30_000))
        #expect(headers.listValues(.via).count == 256)
        var request = SIPRequest(method: .options, uri: "sip:a", headers: headers)
        #expect(request.via?.host == "a")
        request.noteSource(host: "192.0.2.1", port: 1)
        #expect(request.via?.received == "192.0.2.1")
    }
}
