import SIP
import Testing

@Suite("Reading and writing messages (RFC 3261 §7)")
struct GrammarMessageTests {
    private func request(_ text: String) throws -> SIPRequest {
        guard case .request(let request) = try SIPMessage(parsingDatagram: Array(text.utf8)) else {
            throw SIPParseError("not a request", at: 0)
        }
        return request
    }

    private static let invite = """
        INVITE sip:rec@example.com SIP/2.0\r
        v: SIP/2.0/UDP a.example;branch=z9hG4bK1;rport, SIP/2.0/TCP b.example;branch=z9hG4bK2\r
        Record-Route: <sip:p1;lr>\r
        Record-Route: <sip:p2;lr>\r
        f:Alice <sip:alice@a.example>;tag=1\r
        t :\t<sip:rec@example.com>\r
        i: call@a\r
        CSeq: 7\r
         \t INVITE\r
        m: <sip:alice@a.example>\r
        Timestamp: 54\r
        l: 3\r
        \r
        abcdef
        """

    @Test("compact names, blanks round the colon, folding, a body with surplus octets")
    func reading() throws {
        let request = try request(Self.invite)
        #expect(request.method == .invite)
        #expect(request.requestURI?.user == "rec")
        #expect(request.via?.host == "a.example")
        #expect(request.headers.listValues(.via).count == 2)
        #expect(request.from?.displayName == "Alice")
        #expect(request.to?.uri == "sip:rec@example.com")
        #expect(request.headers[.cSeq] == "7 INVITE")
        #expect(request.callID == "call@a")
        #expect(request.body == Array("abc".utf8))
        #expect(request.surplus == Array("def".utf8))
        #expect(request.faults.isEmpty)
    }

    @Test("bare LF line ends give the same message")
    func bareLineFeeds() throws {
        let text = String(decoding: Self.invite.utf8.filter { $0 != 13 }, as: UTF8.self)
        #expect(try request(text) == (try request(Self.invite)))
    }

    @Test("line ends before the start line are skipped; nothing else is a keep-alive (RFC 5626 §3.5.1)")
    func leadingLineEnds() throws {
        #expect(try request("\r\n\r\n" + Self.invite).method == .invite)
        #expect(SIPMessage.isKeepAlive(Array("\r\n\r\n".utf8)))
        #expect(!SIPMessage.isKeepAlive(Array("\r\nx".utf8)))
    }

    @Test("writing puts the right Content-Length in the place of a wrong one, and adds a missing one")
    func contentLength() throws {
        var message = SIPRequest(method: .options, uri: "sip:a")
        message.body = [1, 2]
        #expect(message.serialized() == Array("OPTIONS sip:a SIP/2.0\r\nContent-Length: 2\r\n\r\n\u{1}\u{2}".utf8))
        message.headers.append(.contentLength, "77")
        message.headers.append(.contentLength, "78")
        message.headers.append("X-A", "y")
        #expect(
            message.serialized()
                == Array("OPTIONS sip:a SIP/2.0\r\nContent-Length: 2\r\nX-A: y\r\n\r\n\u{1}\u{2}".utf8))
    }

    @Test("no value can smuggle a header line into what is written")
    func injection() throws {
        var message = SIPRequest(method: .options, uri: "sip:a\r\nEvil: 1")
        message.headers.append("X", "y\r\nEvil: 2\nEvil: 3")
        message.headers.append(HeaderName("Evil: 4\r\nY"), "z")
        let response = SIPResponse(status: 400, reason: "Bad\r\nEvil: 5")
        for octets in [message.serialized(), response.serialized()] {
            let lines = String(decoding: octets, as: UTF8.self).replacing("\r\n", with: "\n").split(separator: "\n")
            #expect(!lines.contains { $0.hasPrefix("Evil") })
        }
    }

    @Test("octets that are not UTF-8 are repaired, NUL and DEL are kept")
    func notUTF8() throws {
        let octets = Array("OPTIONS sip:a SIP/2.0\r\nX: a".utf8) + [0xFF, 0x00, 0x7F] + Array("b\r\n\r\n".utf8)
        let message = try SIPMessage(parsingDatagram: octets)
        #expect(message.headers["X"] == "a\u{FFFD}\u{0}\u{7F}b")
    }

    @Test(
        "what is no SIP message cannot be read",
        arguments: [
            "", "\r\n\r\n", "hello", "GET / HTTP/1.1\r\n\r\n", "INVITE\r\n\r\n", "INVITE SIP/2.0\r\n\r\n",
            "\u{16}\u{3}\u{1} x SIP/2.0",
            "SIP/2.0\r\n\r\n", "SIP/2.0 20 OK\r\n\r\n", "SIP/2.0 2000 OK\r\n\r\n", "SIP/2.0 4294967301 x\r\n\r\n",
            "SIP/2.0 099 x\r\n\r\n", "SIP/2.0 700 x\r\n\r\n", "0 0 SIP\r\nV:/\r\n",
        ])
    func unreadable(_ text: String) {
        #expect(throws: SIPParseError.self) { try SIPMessage(parsingDatagram: Array(text.utf8)) }
    }

    @Test("65,535 octets and 256 fields are read, one more is not")
    func limits() throws {
        let start = "OPTIONS sip:a SIP/2.0\r\n"
        let fields = { (count: Int) in Array((start + String(repeating: "X: y\r\n", count: count) + "\r\n").utf8) }
        #expect(try SIPMessage(parsingDatagram: fields(256)).headers.fields.count == 256)
        #expect(throws: SIPParseError.self) { try SIPMessage(parsingDatagram: fields(257)) }
        let head = Array((start + "\r\n").utf8)
        let largest = head + [UInt8](repeating: 65, count: SIPMessage.maximumSize - head.count)
        #expect(throws: Never.self) { try SIPMessage(parsingDatagram: largest) }
        #expect(throws: SIPParseError.self) { try SIPMessage(parsingDatagram: largest + [65]) }
    }

    @Test("status lines: empty reason, no blank after the code, UTF-8 (RFC 4475 §3.1.1.12, §3.1.1.13)")
    func statusLines() throws {
        for (line, reason) in [("SIP/2.0 100 ", ""), ("SIP/2.0 100", ""), ("SIP/2.0 200 = 2**3 но", "= 2**3 но")] {
            guard case .response(let response) = try SIPMessage(parsingDatagram: Array("\(line)\r\n\r\n".utf8)) else {
                Issue.record("not a response")
                continue
            }
            #expect(response.reason == reason)
        }
    }

    @Test("a response copies what §8.2.6.2 says, in order, and adds the tag once")
    func responding() throws {
        let request = try request(Self.invite)
        let ringing = request.response(180, toTag: "x")
        #expect(ringing.reason == "Ringing")
        #expect(ringing.headers.values(.via) == request.headers.values(.via))
        #expect(ringing.headers.values(.recordRoute) == ["<sip:p1;lr>", "<sip:p2;lr>"])
        #expect(ringing.to?.tag == "x")
        #expect(ringing.from == request.from)
        #expect(ringing.cSeq == request.cSeq)
        #expect(ringing.callID == request.callID)
        let trying = request.response(100, toTag: "x")
        #expect(trying.to?.tag == nil)
        #expect(trying.headers[.timestamp] == "54")
        let refusal = request.response(486, "Not now", toTag: "y")
        #expect(refusal.headers.values(.recordRoute).isEmpty)
        #expect(refusal.reason == "Not now")
        var again = request
        again.headers[.to] = "<sip:rec@example.com>;tag=old"
        #expect(again.response(200, toTag: "new").to?.tag == "old")
    }

    @Test("a stateless tag is the same for a retransmission and another for another request (§8.2.7)")
    func statelessTag() throws {
        let first = try request(Self.invite)
        var second = first
        second.headers[.callID] = "other"
        #expect(first.statelessTag() == (try request(Self.invite)).statelessTag())
        #expect(first.statelessTag() != second.statelessTag())
        #expect(first.statelessTag(salt: 1) != first.statelessTag(salt: 2))
    }

    @Test("the source is noted in the first Via only (§18.2.1, RFC 3581 §4)")
    func source() throws {
        var request = try request(Self.invite)
        request.noteSource(host: "2001:db8::7", port: 5099)
        #expect(request.via?.received == "2001:db8::7")
        #expect(request.via?.rport == 5099)
        #expect(request.headers.listValues(.via).last == "SIP/2.0/TCP b.example;branch=z9hG4bK2")
        var plain = SIPRequest(method: .options, uri: "sip:a")
        plain.headers.append(.via, "SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK3")
        plain.noteSource(host: "192.0.2.1", port: 9)
        #expect(plain.headers[.via] == "SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK3")
        plain.noteSource(host: "192.0.2.2", port: 9)
        let destination = try #require(plain.via?.responseDestination)
        #expect(destination == ("192.0.2.2", 5070))
    }
}
