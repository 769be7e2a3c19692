import Foundation
import Testing

@testable import HTTPInterface
@testable import StreamSink

@Suite("PutMedia", .serialized)
struct PutMediaTests {
    private static func request(_ stream: String, _ more: [(String, String)] = []) -> String {
        var fields = [
            ("Host", "x"), ("Transfer-Encoding", "chunked"), ("x-amzn-stream-name", stream),
            ("x-amzn-fragment-acknowledgment-required", "1"),
        ]
        if !more.contains(where: { $0.0 == "x-amzn-fragment-timecode-type" }) {
            fields.append(("x-amzn-fragment-timecode-type", "ABSOLUTE"))
        }
        return "POST /putMedia HTTP/1.1\r\n" + RunningInterface.text(fields + more) + "\r\n"
    }

    private static func events(_ bytes: [UInt8]) -> [JSONValue] {
        bytes.split(separator: 0x0A).compactMap { try? JSONValue(parsing: Array($0)) }
    }

    private static func types(_ bytes: [UInt8]) -> [String] {
        events(bytes).compactMap { $0["EventType"]?.stringValue }
    }

    @Test("Acknowledgments come while the body is still coming, and what was sent can be read")
    func acknowledgments() async throws {
        try await RunningInterface.run { interface in
            try interface.makeStream("s", fragments: 0)
            let producer = try RawConnection(port: interface.port)
            try await producer.send(Self.request("s", [("Expect", "100-continue")]))
            #expect(try await producer.head().status == 100)
            #expect(try await producer.head().status == 200)
            let time: Int64 = 1_700_000_000_500
            let tags = MediaTag.element([MediaTag("CallId", "c-9")])
            let cluster = SampleMedia.cluster(timecode: time)
            try await producer.sendChunk(SampleMedia.header() + tags + cluster.prefix(100))
            let first = try #require(try await producer.chunk())
            let buffering = try #require(Self.events(first).first)
            #expect(buffering["EventType"]?.stringValue == "BUFFERING")
            #expect(buffering["FragmentTimecode"]?.integerValue == time)
            let number = try #require(buffering["FragmentNumber"]?.stringValue)
            try await producer.sendChunk(Array(cluster.dropFirst(100)))
            var lines: [UInt8] = []
            while !Self.types(lines).contains("PERSISTED") { lines += try #require(try await producer.chunk()) }
            #expect(Self.types(lines) == ["RECEIVED", "PERSISTED"])
            #expect(Self.events(lines).allSatisfy { $0["FragmentNumber"]?.stringValue == number })
            try await producer.send("0\r\n\r\n")
            while try await producer.chunk() != nil {}

            let stored = try interface.library.fragments(.name("s"))
            #expect(stored.map(\.number.description) == [number])
            #expect(stored.map(\.producerMilliseconds) == [time])
            let answer = try await interface.post(
                "/getMedia", #"{"StreamName":"s","StartSelector":{"StartSelectorType":"EARLIEST"}}"#)
            let fragments = try SampleMedia.fragments(answer.body)
            #expect(fragments.first?.payload.count == 1000)
            #expect(fragments.first?.tags["CallId"] == "c-9")
        }
    }

    @Test("Relative times count from the producer's start, and a stream without retention persists nothing")
    func relative() async throws {
        try await RunningInterface.run { interface in
            try interface.makeStream("s", fragments: 0, retention: 0)
            let producer = try RawConnection(port: interface.port)
            try await producer.send(
                Self.request(
                    "s",
                    [
                        ("x-amzn-fragment-timecode-type", "RELATIVE"),
                        ("x-amzn-producer-start-timestamp", "1700000000.5"),
                    ]
                ))
            try await producer.sendChunk(
                SampleMedia.header() + SampleMedia.openCluster(timecode: 0) + SampleMedia.openCluster(timecode: 1000))
            try await producer.send("0\r\n\r\n")
            let answer = try await producer.answer()
            #expect(Self.types(answer.body) == ["BUFFERING", "RECEIVED", "BUFFERING", "RECEIVED"])
            let stored = try interface.library.fragments(.name("s"))
            #expect(stored.map(\.producerMilliseconds) == [1_700_000_000_005, 1_700_000_001_005])
        }
    }

    @Test(
        "Damage is acknowledged with its error id, what came before it is kept, and the connection is closed",
        arguments: [
            (Array("no Matroska at all".utf8), 4006),
            (SampleMedia.cluster(timecode: 500), 4004),
            (MediaTag.element([MediaTag("AWS_X", "1")]), 4012),
            (SampleMedia.cluster(timecode: 2000, track: 2), 4010),
        ] as [([UInt8], Int64)])
    func faults(_ bytes: [UInt8], _ id: Int64) async throws {
        try await RunningInterface.run { interface in
            try interface.makeStream("s", fragments: 0)
            let producer = try RawConnection(port: interface.port)
            try await producer.send(Self.request("s"))
            try await producer.sendChunk(SampleMedia.header() + SampleMedia.cluster(timecode: 1000))
            try await producer.sendChunk(bytes + [UInt8](repeating: 0, count: 4096))
            let answer = try await producer.answer()
            #expect(Self.types(answer.body).prefix(3) == ["BUFFERING", "RECEIVED", "PERSISTED"])
            #expect(Self.types(answer.body).last == "ERROR")
            #expect(Self.events(answer.body).last?["ErrorId"]?.integerValue == id)
            #expect(await producer.closes())
            #expect(try interface.library.fragments(.name("s")).count == 1)
            #expect(interface.service.counters.values.ingestErrors == 1)
        }
    }

    @Test("A stream takes one producer; when it has gone, the next")
    func one() async throws {
        try await RunningInterface.run { interface in
            try interface.makeStream("s", fragments: 0)
            let first = try RawConnection(port: interface.port)
            try await first.send(Self.request("s"))
            #expect(try await first.head().status == 200)
            let second = try RawConnection(port: interface.port)
            try await second.send(Self.request("s"))
            let refused = try await second.answer()
            #expect(refused.status == 400)
            #expect(refused.errorType == "ConnectionLimitExceededException")
            // Goes away without a word.
            first.close()
            var status = 0
            for _ in 0..<50 where status != 200 {
                try await Task.sleep(for: .milliseconds(50))
                let third = try RawConnection(port: interface.port)
                try await third.send(Self.request("s"))
                status = try await third.head().status
            }
            #expect(status == 200)
        }
    }

    @Test("A producer that sends nothing hears IDLE, and is closed after a while")
    func idle() async throws {
        var limits = RunningInterface.testLimits
        limits.ingestIdleTime = .milliseconds(400)
        limits.ingestIdleEnd = .milliseconds(1300)
        try await RunningInterface.run(limits: limits) { interface in
            try interface.makeStream("s", fragments: 0)
            let producer = try RawConnection(port: interface.port)
            try await producer.send(Self.request("s"))
            let answer = try await producer.answer()
            #expect(Self.types(answer.body).allSatisfy { $0 == "IDLE" })
            #expect(Self.types(answer.body).count >= 1)
            #expect(await producer.closes())
        }
    }

    @Test(
        "Fields that cannot be used are refused before the body",
        arguments: [
            [("x-amzn-stream-name", "s")],
            [("x-amzn-fragment-timecode-type", "ABSOLUTE")],
            [("x-amzn-stream-name", "no"), ("x-amzn-fragment-timecode-type", "ABSOLUTE")],
            [("x-amzn-stream-name", "s"), ("x-amzn-stream-arn", "a"), ("x-amzn-fragment-timecode-type", "ABSOLUTE")],
            [("x-amzn-stream-name", "s"), ("x-amzn-fragment-timecode-type", "RELATIVE")],
            [
                ("x-amzn-stream-name", "s"), ("x-amzn-fragment-timecode-type", "RELATIVE"),
                ("x-amzn-producer-start-timestamp", "yesterday"),
            ],
        ])
    func fields(_ fields: [(String, String)]) async throws {
        try await RunningInterface.run { interface in
            try interface.makeStream("s", fragments: 0)
            let producer = try RawConnection(port: interface.port)
            try await producer.send(
                "POST /putMedia HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n"
                    + RunningInterface.text(fields) + "\r\n")
            var answer = try await producer.head()
            if answer.status == 100 { answer = try await producer.head() }
            #expect(answer.status == 400 || answer.status == 404)
            #expect(answer.errorType != nil)
        }
    }

    @Test(
        "The producer's start is read as AWS's own producers print it",
        arguments: [
            ("1700000000", 1_700_000_000_000), ("1700000000.5", 1_700_000_000_005),
            ("1700000000.05", 1_700_000_000_005), ("1700000000.123", 1_700_000_000_123),
            ("1700000000.1239", 1_700_000_000_123), ("1700000000.", nil), ("", nil), ("-1", nil), ("1e9", nil),
            ("99999999999999999999", nil),
        ] as [(String, Int64?)])
    func start(_ text: String, _ milliseconds: Int64?) {
        #expect(PutMediaHead.milliseconds(text) == milliseconds)
    }
}
