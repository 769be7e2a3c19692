import SIP
import Testing

@Suite("What is wrong with a message, and the answer (RFC 3261 §8.2)")
struct GrammarInspectionTests {
    /// A sound INVITE, its lines changed or removed (nil).
    private func invite(
        _ start: String = "INVITE sip:rec@example.com SIP/2.0", changing changes: [String: String?] = [:],
        adding extra: [String] = [], body: String = "v=0\r\n"
    ) -> String {
        var lines: [(String, String?)] = [
            ("Via", "SIP/2.0/UDP a.example;branch=z9hG4bK1"), ("From", "<sip:a@a.example>;tag=1"),
            ("To", "<sip:rec@example.com>"), ("Call-ID", "c@a"), ("CSeq", "1 INVITE"), ("Max-Forwards", "70"),
            ("Contact", "<sip:a@a.example>"), ("Content-Type", "application/sdp"),
            ("Content-Length", "\(body.utf8.count)"),
        ]
        for index in lines.indices { if let change = changes[lines[index].0] { lines[index].1 = change } }
        let fields = lines.compactMap { name, value in value.map { "\(name): \($0)" } } + extra
        return ([start] + fields).joined(separator: "\r\n") + "\r\n\r\n" + body
    }

    private func rejection(_ text: String, by arrival: RequestInspection.Arrival = .datagram) throws -> SIPResponse? {
        guard case .request(let request) = try SIPMessage(parsingDatagram: Array(text.utf8)) else {
            throw SIPParseError("not a request", at: 0)
        }
        return RequestInspection.rejection(of: request, arrivedBy: arrival, supportedExtensions: ["siprec", "timer"])
    }

    @Test("a sound INVITE passes, by datagram and by stream")
    func sound() throws {
        #expect(try rejection(invite()) == nil)
        #expect(try rejection(invite(), by: .stream) == nil)
        #expect(try rejection(invite(adding: ["Require: SIPREC, timer"])) == nil)
    }

    @Test(
        "a missing header is named in the 400 (§8.1.1)",
        arguments: ["Via", "From", "To", "Call-ID", "CSeq", "Contact", "Content-Type"])
    func missing(_ name: String) throws {
        let response = try rejection(invite(changing: [name: nil]))
        #expect(response?.status == 400)
        #expect(response?.reason == "Missing \(name) header")
        if name != "To" { #expect(response?.to?.tag != nil) }
    }

    @Test("what RFC 2543 clients leave out is tolerated")
    func tolerated() throws {
        #expect(try rejection(invite(changing: ["Content-Length": nil])) == nil)
        #expect(try rejection(invite(changing: ["Via": "SIP/2.0/UDP a.example", "From": "sip:a@b"])) == nil)
        let bye = invite(
            "BYE sip:rec@example.com SIP/2.0",
            changing: ["CSeq": "2 BYE", "Contact": nil, "Content-Type": nil], body: "")
        #expect(try rejection(bye) == nil)
    }

    @Test("on a stream an INVITE needs Content-Length (§20.14)")
    func streamLength() throws {
        #expect(
            try rejection(invite(changing: ["Content-Length": nil], body: ""), by: .stream)?.reason
                == "Missing Content-Length header")
    }

    @Test(
        "unreadable values are named in the 400",
        arguments: [
            ("Via", "SIP/2.0/UDP a;;,;,,"), ("Via", "SIP/2.0/UDP a;branch=z9hG4bK"), ("From", "\"A <sip:a@b>;tag=1"),
            ("To", "W, T <sip:a@b>"), ("To", "< sip:a@b >"), ("Call-ID", ""), ("Call-ID", "a b"), ("CSeq", "INVITE"),
            ("CSeq", "4294967296 INVITE"), ("Max-Forwards", "300"), ("Max-Forwards", "x"), ("Contact", "sip:a@b?x=y"),
            ("Contact", "<sip:a@b>;;"), ("Contact", "*"), ("Content-Length", "-9"), ("Content-Type", "sdp"),
        ])
    func malformed(_ name: String, _ value: String) throws {
        let response = try rejection(invite(changing: [name: value]))
        #expect(response?.status == 400)
        #expect(response?.reason.hasPrefix("Bad \(name) header: ") == true, "\(response?.reason ?? "accepted")")
    }

    @Test(
        "single headers given twice (RFC 4475 §3.3.8)",
        arguments: ["Call-ID: x", "CSeq: 1 INVITE", "From: <sip:a@b>", "t: <sip:a@b>", "Max-Forwards: 5", "l: 99"])
    func repeated(_ line: String) throws {
        let response = try rejection(invite(adding: [line]))
        #expect(response?.status == 400)
        #expect(response?.reason.hasPrefix("More than one ") == true)
    }

    @Test("the same Content-Length twice is no conflict")
    func sameLengthTwice() throws {
        #expect(try rejection(invite(adding: ["l: 5"])) == nil)
    }

    @Test(
        "start lines (RFC 4475 §3.1.2)",
        arguments: [
            ("INVITE  sip:a@b SIP/2.0", 400), ("INVITE sip:a@b  SIP/2.0", 400), ("INVITE sip:a@b SIP/2.0  ", 400),
            ("INVITE sip:a@b; lr SIP/2.0", 400), ("INVITE <sip:a@b> SIP/2.0", 400), ("INVITE sip:a@b", 400),
            ("INVITE sip:a@b?Route=%3Csip:c%3E SIP/2.0", 400), ("INVITE sip:2001:db8::10 SIP/2.0", 400),
            ("INVITE a@b SIP/2.0", 400), ("INVITE sip:a@b SIP/7.0", 505), ("INVITE sip:a@b SIP/2.01", 505),
            ("INVITE tel:+123 SIP/2.0", 416), ("INVITE soap.beep://192.0.2.103:3002 SIP/2.0", 416),
            ("OPTIONS sip:a@b SIP/2.0", 400), ("invite sip:a@b SIP/2.0", 400),
        ])
    func startLines(_ line: String, _ status: Int) throws {
        #expect(try rejection(invite(line))?.status == status)
    }

    @Test("a header line without colon, and one that is cut off")
    func headerLines() throws {
        #expect(try rejection(invite(adding: ["Foobar roobar"]))?.reason == "Line 11 is not a header field")
        #expect(try rejection(invite(adding: ["A b: c"]))?.status == 400)
        let cut = String(decoding: invite(body: "").utf8.dropLast(5), as: UTF8.self)
        #expect(try rejection(cut)?.reason == "The last header field is cut off")
    }

    @Test("a datagram that ends before its body gets 400, surplus octets are ignored (§18.3)")
    func lengths() throws {
        #expect(
            try rejection(invite(changing: ["Content-Length": "9999"]))?.reason
                == "Content-Length is 9999 but the body has 5 octets")
        #expect(try rejection(invite(changing: ["Content-Length": "3"])) == nil)
    }

    @Test(
        "a method that is not taken gets 405 with Allow (§8.2.1)",
        arguments: ["REGISTER", "NEWMETHOD", "RE%47IST%45R"])
    func methods(_ method: String) throws {
        let response = try rejection(invite("\(method) sip:a@b SIP/2.0", changing: ["CSeq": "1 \(method)"]))
        #expect(response?.status == 405)
        #expect(response?.headers[.allow] == "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE")
    }

    @Test("Require names what is unsupported (§8.2.2.3), but not in CANCEL")
    func extensions() throws {
        let response = try rejection(invite(adding: ["Require: siprec, nope", "Require: nada", "Proxy-Require: x"]))
        #expect(response?.status == 420)
        #expect(response?.headers[.unsupported] == "nope, nada")
        let cancel = invite(
            "CANCEL sip:a@b SIP/2.0", changing: ["CSeq": "1 CANCEL"], adding: ["Require: nope"])
        #expect(try rejection(cancel) == nil)
    }

    @Test(
        "bodies (§8.2.3)",
        arguments: [
            ("application/SDP; charset=utf-8", 0), ("multipart/mixed;boundary=x", 0),
            ("multipart/alternative;boundary=x", 0),
            ("application/rs-metadata", 0), ("application/rs-metadata+xml", 0), ("application/unknownformat", 415),
            ("multipartx/mixed", 415),
        ])
    func bodies(_ type: String, _ status: Int) throws {
        let response = try rejection(invite(changing: ["Content-Type": type]))
        #expect((response?.status ?? 0) == status)
        if status == 415 { #expect(response?.headers[.accept]?.hasPrefix("application/sdp") == true) }
    }

    @Test("an optional body is not judged, an encoded one is refused, no body needs no type")
    func bodyHandling() throws {
        let unknown = ["Content-Type": "x/y" as String?]
        #expect(try rejection(invite(changing: unknown, adding: ["Content-Disposition: x;handling=optional"])) == nil)
        #expect(try rejection(invite(changing: unknown, body: "")) == nil)
        let zipped = try rejection(invite(adding: ["e: gzip"]))
        #expect(zipped?.status == 415)
        #expect(zipped?.headers[.acceptEncoding] == "identity")
    }

    @Test(
        "Accept must take SDP (§20.1)",
        arguments: [
            ("application/sdp", 0), ("text/plain, application/*;q=0.5", 0), ("*/*", 0), ("text/nobodyKnowsThis", 406),
            ("", 406),
            ("application/rs-metadata, application/rs-metadata-request", 0),
        ])
    func accept(_ value: String, _ status: Int) throws {
        let response = try rejection(invite(adding: ["Accept: \(value)"]))
        #expect((response?.status ?? 0) == status)
        if status == 406 { #expect(response?.headers[.warning]?.hasPrefix("399 ") == true) }
    }

    @Test("an ACK is never answered, but its fault is told")
    func acknowledgement() throws {
        let text = invite("ACK sip:a@b SIP/2.0", changing: ["CSeq": "1 INVITE"], body: "")
        #expect(try rejection(text) == nil)
        guard case .request(let request) = try SIPMessage(parsingDatagram: Array(text.utf8)) else { return }
        #expect(RequestInspection.fault(of: request, arrivedBy: .datagram) == .methodMismatch)
    }

    @Test("the same request gets the same To tag again (§8.2.7)")
    func sameTag() throws {
        let text = invite(changing: ["Contact": nil])
        #expect(try rejection(text)?.to?.tag == (try rejection(text)?.to?.tag))
    }

    @Test(
        "responses that are dropped (§8.1.3.3, RFC 4475 §3.1.2.5, §3.3.10)",
        arguments: [
            ("SIP/2.0 200 OK", "1 INVITE", "", MessageFault?.none),
            ("SIP/2.0 200 OK", "9292394834772304023312 OPTIONS", "", .malformed(.cSeq, "expected a number below 2^32")),
            (
                "SIP/2.0 503 Busy", "1 INVITE", "Retry-After: 949302838503028349304023988\r\n",
                .malformed(.retryAfter, "expected seconds below 2^32")
            ),
            ("SIP/2.0 200 OK", "1 INVITE", "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK2\r\n", .severalViaValues),
            ("SIP/7.0 200 OK", "1 INVITE", "", .version),
        ])
    func responses(_ start: String, _ cSeq: String, _ extra: String, _ fault: MessageFault?) throws {
        let text =
            "\(start)\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n"
            + "Call-ID: x\r\nCSeq: \(cSeq)\r\n\(extra)\r\n"
        guard case .response(let response) = try SIPMessage(parsingDatagram: Array(text.utf8)) else {
            Issue.record("not a response")
            return
        }
        #expect(ResponseInspection.fault(of: response) == fault)
    }
}
