import StreamSink
import Testing

@testable import Delivery

@Suite("Values of delivery")
struct PureValueTests {
    @Test("Ranges that are settled in any order join to one end", arguments: 0..<20)
    func settledRanges(seed: Int) {
        var random = SplitMix(seed: UInt64(seed))
        var start: Int64 = 0
        var lines: [Range<Int64>] = []
        for _ in 0..<200 {
            let end = start + Int64(random.next() % 50) + 1
            lines.append(start..<end)
            start = end
        }
        var settled = SettledRanges()
        for (index, line) in lines.shuffled(using: &random).enumerated() {
            #expect(!settled.contains(line))
            settled.settle(line)
            #expect(settled.contains(line))
            if index == 100 {
                #expect(SettledRanges(end: settled.end, above: settled.above.reversed()) == settled)
            }
        }
        #expect(settled == SettledRanges(end: start))
    }

    @Test(
        "Retry-After in seconds and as a date",
        arguments: [
            ("120", Duration.seconds(120)), ("0", .zero), ("-1", nil), ("", nil), ("soon", nil),
            ("Sun, 06 Nov 1994 08:50:37 GMT", .seconds(60)), ("Sun, 06 Nov 1994 08:49:00 GMT", .zero),
            ("Thu, 29 Feb 1996 00:00:00 GMT", .seconds(825_552_000 - 784_111_777)),
            ("Sun, 06 Foo 1994 08:49:37 GMT", nil),
        ] as [(String, Duration?)])
    func retryAfter(text: String, expected: Duration?) {
        #expect(RetryAfter.parse(text, nowSeconds: 784_111_777) == expected)
    }

    @Test(
        "What an answer means",
        arguments: [
            (200, nil, nil), (204, nil, nil), (302, nil, .target), (400, nil, .refused),
            (400, "ThrottlingException", .target), (400, "ExpiredTokenException", .target),
            (400, "AWS.SimpleQueueService.NonExistentQueue", .target), (401, nil, .target), (403, nil, .target),
            (404, nil, .target), (409, nil, .message), (413, nil, .refused), (429, nil, .target), (500, nil, .target),
            (503, nil, .target),
        ] as [(Int, String?, DeliveryFailure.Scope?)])
    func verdicts(status: Int, code: String?, scope: DeliveryFailure.Scope?) {
        let failure = HTTPVerdict.failure(
            status: status, code: code, message: "", retryAfter: nil, nowSeconds: 0, what: "it")
        #expect(failure?.scope == scope)
    }

    @Test(
        "Addresses",
        arguments: [
            ("http://localhost:8080/a/b/?x=1", "http://localhost:8080/a/b", "localhost:8080"),
            ("https://Example.com:443", "https://example.com", "example.com"),
            ("http://[::1]:80/", "http://[::1]", "[::1]"), ("http://[::1]:81/", "http://[::1]:81", "[::1]:81"),
            ("ftp://a", nil, ""), ("http://", nil, ""), ("http://u:p@h/", nil, ""), ("http://h:0/", nil, ""),
            ("http://a b/", nil, ""), ("http://h/#f", nil, ""),
        ] as [(String, String?, String)])
    func addresses(text: String, description: String?, authority: String) {
        let url = EndpointURL(text)
        #expect(url?.description == description)
        if let url { #expect(url.authority == authority) }
    }

    @Test("PutEvents answers: each entry by itself")
    func putEvents() {
        let answer =
            #"{"FailedEntryCount":2,"Entries":[{"EventId":"1"},{"ErrorCode":"InternalFailure"},{"ErrorCode":"MalformedDetail","ErrorMessage":"m"}]}"#
        let results = EventBridgeTarget.results(Array(answer.utf8), count: 3)
        let scopes = results.map { result -> DeliveryFailure.Scope? in
            if case .failed(let failure) = result { failure.scope } else { nil }
        }
        #expect(scopes == [nil, .message, .refused])
        let wrong = EventBridgeTarget.results(Array("<html>".utf8), count: 2)
        #expect(wrong.allSatisfy { $0 != .acknowledged } && wrong.count == 2)
        #expect(EventBridgeTarget.epochSeconds("1994-11-06T08:49:37Z") == 784_111_777)
    }

    @Test("Base64 and HMAC against the vectors of their RFCs")
    func vectors() {
        let pairs = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        for (text, expected) in pairs { #expect(Base64Text.encode(Array(text.utf8)) == expected) }
        // python3: hmac.new(b"secret", b"1700000000.{}", "sha256").hexdigest()
        #expect(
            WebhookTarget.signature(Array("{}".utf8), secret: "secret", atSeconds: 1_700_000_000)
                == "t=1700000000,v1=b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163")
    }

    @Test("Too large events lose their recording metadata and say so")
    func largeEvents() throws {
        let metadata = String(repeating: "x", count: 300_000)
        let line = #"{"id":"1","detail":{"transactionId":"t","siprecMetadata":"\#(metadata)","version":"0"}}"#
        let event = try EventSummary(line: Array(line.utf8))
        let body = String(decoding: event.body(limit: 250_000), as: UTF8.self)
        #expect(body == #"{"id":"1","detail":{"transactionId":"t","siprecMetadataOmitted":true,"version":"0"}}"#)
        #expect(event.body(limit: 1_000_000) == Array(line.utf8))
    }

    @Test("Acknowledgements in pieces, with and without line ends; nonsense is refused")
    func acknowledgements() throws {
        let text =
            #"{"EventType":"BUFFERING","FragmentTimecode":5,"FragmentNumber":"1"}"# + "\n"
            + #"{"EventType":"RECEIVED","FragmentTimecode":5,"FragmentNumber":"1"}{"EventType":"IDLE"}"# + "\r\n"
            + #"{"Acknowledgement":{"AckEventType":"ERROR","ErrorId":"4004","ErrorCode":"A}\"B"}}"#
        for size in [1, 3, 1000] {
            var parser = AcknowledgementParser()
            var kinds: [FragmentAcknowledgement.Kind] = []
            var bytes = Array(text.utf8)[...]
            while !bytes.isEmpty {
                kinds += try parser.append(bytes.prefix(size)).map(\.kind)
                bytes = bytes.dropFirst(size)
            }
            #expect(kinds == [.buffering, .received, .idle, .error(id: 4004, code: "A}\"B")])
        }
        var parser = AcknowledgementParser()
        #expect(throws: DeliveryFailure.self) { try parser.append(Array("<html>".utf8)) }
        var endless = AcknowledgementParser()
        #expect(throws: DeliveryFailure.self) { try endless.append(Array(repeating: UInt8(ascii: "{"), count: 20_000)) }
    }

    private func acknowledgement(_ kind: String, _ timecode: Int64, error: Int64? = nil) throws
        -> FragmentAcknowledgement
    {
        var members: [JSONValue.Member] = [
            .init("EventType", .string(kind)), .init("FragmentTimecode", .integer(timecode)),
        ]
        if let error { members.append(.init("ErrorId", .integer(error))) }
        return try #require(FragmentAcknowledgement(.object(members)))
    }

    @Test("PERSISTED counts where it comes, RECEIVED where it does not")
    func progress() throws {
        var progress = ForwardProgress()
        let received = progress.receive(try acknowledgement("RECEIVED", 1000))
        #expect(received == .kept(1000))
        let complete = progress.isComplete(last: 1000)
        #expect(complete)
        let persisted = progress.receive(try acknowledgement("PERSISTED", 1000))
        #expect(persisted == .kept(1000))
        let later = progress.receive(try acknowledgement("RECEIVED", 2000))
        #expect(later == .none, "not yet on the far disk")
        let waiting = progress.isComplete(last: 2000)
        #expect(!waiting)
        let keptUpToNow = progress.keptUpTo
        #expect(keptUpToNow == 1000)
    }

    @Test("A leg's place survives as it was written last, and a longer one before it leaves nothing behind")
    func forwardCursor() throws {
        let bench = try Bench()
        let cursor = ForwardCursor(path: "\(bench.path)/leg.json")
        #expect(cursor.load() == nil)
        cursor.save(nil)
        #expect(cursor.load() == ForwardCursor.Place(keptUpTo: nil))
        for time in [1_700_000_000_123, Int64.min, 7] {
            cursor.save(time)
            #expect(cursor.load() == ForwardCursor.Place(keptUpTo: time))
        }
        try bench.write(Array("{".utf8), to: "leg.json")
        #expect(cursor.load() == ForwardCursor.Place(keptUpTo: nil), "something was sent; how much is not known")
        cursor.remove()
        #expect(cursor.load() == nil)
    }

    @Test("A stranger's text makes no lines of its own in the log")
    func reasons() {
        let text = "answered\r\n2026 error\u{1B}[2Jforged\u{2028}line\u{85}" + String(repeating: "x", count: 900)
        let failure = DeliveryFailure(.target, text)
        #expect(failure.reason.hasPrefix("answered  2026 error [2Jforged line x"))
        #expect(failure.reason.unicodeScalars.count == 500)
    }

    @Test("Of a secret path nothing is told but the server")
    func origins() throws {
        let url = try #require(EndpointURL("https://hooks.example.com:8443/services/T0/secret?token=secret"))
        #expect(url.origin == "https://hooks.example.com:8443")
    }

    @Test("A fragment that is refused three times is left out, others are not")
    func refusedFragment() throws {
        var progress = ForwardProgress(keptUpTo: 500)
        for expected in 1...3 {
            let action = progress.receive(try acknowledgement("ERROR", 1000, error: 4006))
            if expected < 3 {
                #expect(action == .reconnect(reason: "error 4006"))
            } else {
                #expect(action == .skip(1000, reason: "error 4006"))
            }
        }
        let skippedNow = progress.skipped
        #expect(skippedNow == [1000])
        let old = progress.receive(try acknowledgement("ERROR", 0, error: 4003))
        #expect(old == .reconnect(reason: "error 4003"))
        let down = progress.receive(try acknowledgement("ERROR", 0, error: 5000))
        #expect(down == .failed(DeliveryFailure(.message, "PutMedia answered error 5000")))
    }

    @Test("The ledger remembers, closes, forgets and survives its own file")
    func ledger() throws {
        var ledger = ObjectLedger()
        ledger.settle("one", in: "a/2026/01/02")
        ledger.settle("two", in: "a/2026/01/03")
        guard case .append(let bytes)? = ledger.change else { return #expect(Bool(false), "lines to append") }
        ledger.wasSaved()
        #expect(ledger.change == nil)
        var again = ObjectLedger(parsing: bytes + Array("+ 1 torn".utf8))
        #expect(again.has("one", in: "a/2026/01/02"))
        #expect(!again.has("two", in: "a/2026/01/02"))
        again.close("a/2026/01/02", change: 77)
        #expect(again.folders["a/2026/01/02"]?.closedAtChange == 77)
        #expect(!again.has("one", in: "a/2026/01/02"))
        again.forget("a/2026/01/03")
        #expect(!again.has("two", in: "a/2026/01/03"))
    }
}
