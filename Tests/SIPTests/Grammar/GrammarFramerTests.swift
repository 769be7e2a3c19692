import SIP
import Testing

@Suite("Messages in a stream (RFC 3261 §18.3, RFC 5626 §3.5.1)")
struct GrammarFramerTests {
    private static let message = "OPTIONS sip:a SIP/2.0\r\nCSeq: 1 OPTIONS\r\nl:\r\n  4\r\n\r\nbody"

    private func events(_ text: String, limits: StreamFramer.Limits = .init()) throws(StreamFramingError)
        -> [StreamFramer.Event]
    {
        var framer = StreamFramer(limits: limits)
        var events: [StreamFramer.Event] = []
        for octet in text.utf8 {
            framer.append([octet])
            while let event = try framer.next() { events.append(event) }
        }
        return events
    }

    @Test("octet by octet, with a folded compact Content-Length")
    func octetByOctet() throws {
        let found = try events(Self.message + Self.message)
        #expect(found == [.message(Array(Self.message.utf8)), .message(Array(Self.message.utf8))])
    }

    @Test("bare LF line ends")
    func bareLineFeeds() throws {
        let text = "OPTIONS sip:a SIP/2.0\nContent-Length: 1\n\nx"
        #expect(try events(text) == [.message(Array(text.utf8))])
    }

    @Test("two line ends between messages are a ping, one is nothing")
    func keepAlive() throws {
        #expect(try events("\r\n\r\n") == [.keepAlive])
        #expect(try events("\r\n").isEmpty)
        #expect(try events("\r\n\r\n\r\n\r\n") == [.keepAlive, .keepAlive])
        #expect(try events("\r\n" + Self.message + "\r\n").count == 1)
    }

    @Test("without Content-Length the message ends with its header")
    func noLength() throws {
        let text = "OPTIONS sip:a SIP/2.0\r\n\r\n"
        #expect(try events(text + text).count == 2)
    }

    @Test(
        "streams that cannot be cut",
        arguments: [
            ("GET / HTTP/1.1\r\n", StreamFramingError.Reason.notSIP),
            ("\u{16}\u{3}\u{1}\n", .notSIP),
            ("\rx\n", .notSIP),
            ("OPTIONS sip:a SIP/2.0\r\nl: -1\r\n\r\n", .contentLength),
            ("OPTIONS sip:a SIP/2.0\r\nl: 99999999999999999999999\r\n\r\n", .contentLength),
            ("OPTIONS sip:a SIP/2.0\r\nl: 1\r\nContent-Length: 2\r\n\r\n", .contentLength),
            ("OPTIONS sip:a SIP/2.0\r\nl: 65530\r\n\r\n", .messageTooLarge(limit: 65_535)),
            ("OPTIONS sip:a SIP/2.0\r\nl: 9223372036854775807\r\n\r\n", .messageTooLarge(limit: 65_535)),
        ])
    func faults(_ text: String, _ reason: StreamFramingError.Reason) {
        let error = #expect(throws: StreamFramingError.self) { try events(text) }
        #expect(error?.reason == reason)
        if reason != .notSIP { #expect(error?.head == Array(text.utf8)) }
    }

    @Test("a header section without end stops at 16 KiB, fields at 256; the error stays")
    func headerLimits() throws {
        let start = "OPTIONS sip:a SIP/2.0\r\n"
        var error = #expect(throws: StreamFramingError.self) {
            try events(start + "X: " + String(repeating: "y", count: 17_000))
        }
        #expect(error?.reason == .headerTooLarge(limit: 16_384))
        error = #expect(throws: StreamFramingError.self) {
            try events(start + String(repeating: "X: y\r\n", count: 257))
        }
        #expect(error?.reason == .tooManyFields(limit: 256))
        #expect(try events(start + String(repeating: "X: y\r\n", count: 256) + "\r\n").count == 1)
        var framer = StreamFramer()
        framer.append("rubbish\n".utf8)
        #expect(throws: StreamFramingError.self) { _ = try framer.next() }
        framer.append(Self.message.utf8)
        #expect(throws: StreamFramingError.self) { _ = try framer.next() }
    }

    @Test("the largest message in single octets takes no time that grows with its square")
    func largestMessage() throws {
        let head = "MESSAGE sip:a SIP/2.0\r\nContent-Length: 65000\r\n\r\n"
        #expect(try events(head + String(repeating: "b", count: 65_000)).count == 1)
    }

    @Test("a smaller Content-Length and then other text ends the connection instead of being misread")
    func lengthTooSmall() {
        let error = #expect(throws: StreamFramingError.self) {
            try events("OPTIONS sip:a SIP/2.0\r\nl: 2\r\n\r\nv=0\r\no=- 0 0 IN IP4 h\r\n")
        }
        #expect(error?.reason == .notSIP)
    }
}
