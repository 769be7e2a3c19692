import Logging
import Synchronization
import Testing

@testable import HTTPInterface

@Suite("Requests that never become whole", .serialized, .timeLimit(.minutes(1)))
struct HalfRequestTests {
    /// Long times, so that only the shutdown itself can end what is half.
    private static var patient: HTTPLimits {
        var limits = HTTPLimits()
        limits.headerTime = .seconds(30)
        limits.bodyTime = .seconds(30)
        limits.idleTime = .seconds(30)
        return limits
    }

    private static let post = "POST /listStreams HTTP/1.1\r\nHost: x\r\n"

    @Test(
        "The end of the service waits for none of them",
        arguments: [
            "", "POST /listStr", "POST /listStreams HTTP/1.1\r\nHost: x\r\nX-Half",
            post + "Content-Length: 100\r\n\r\n", post + "Content-Length: 100\r\n\r\n{",
            post + "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n",
            post + "Content-Length: 2\r\n\r\n{}POST /listStreams HTTP/1.1\r\nHo",
            "POST /putMedia HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nx-amzn-stream-name: s\r\n"
                + "x-amzn-fragment-timecode-type: ABSOLUTE\r\n\r\n",
        ])
    func shutdown(_ text: String) async throws {
        let held = Mutex<RawConnection?>(nil)
        let ending = Mutex(ContinuousClock.now)
        try await RunningInterface.run(limits: Self.patient) { interface in
            try interface.makeStream("s", fragments: 0)
            let connection = try RawConnection(port: interface.port)
            held.withLock { $0 = connection }
            try await connection.send(text)
            for _ in 0..<250 where interface.service.counters.values.openConnections == 0 {
                try await Task.sleep(for: .milliseconds(20))
            }
            try await Task.sleep(for: .milliseconds(200))
            // Neither refused nor answered in the meantime: it is the shutdown that ends it.
            #expect(interface.service.counters.values.openConnections == 1)
            ending.withLock { $0 = .now }
        }
        #expect(ContinuousClock.now - ending.withLock { $0 } < .seconds(2))
    }

    @Test("The end of the service waits a bounded time for a reader that takes nothing")
    func stalledReader() async throws {
        var limits = Self.patient
        limits.shutdownTime = .milliseconds(500)
        let held = Mutex<RawConnection?>(nil)
        let ending = Mutex(ContinuousClock.now)
        try await RunningInterface.run(limits: limits) { interface in
            try interface.makeStream("s", fragments: 0)
            try await blocking {
                let ingest = try interface.library.openIngest(.name("s"))
                defer { ingest.close() }
                try ingest.append(header: SampleMedia.header())
                for time in 1...8 {
                    _ = try ingest.append(
                        cluster: SampleMedia.cluster(timecode: Int64(time), frames: 10, bytes: 100_000),
                        producerMilliseconds: Int64(time), durationMilliseconds: 1)
                }
            }
            let connection = try RawConnection(port: interface.port, receiveBuffer: 4096)
            held.withLock { $0 = connection }
            let body = #"{"StreamName":"s","StartSelector":{"StartSelectorType":"EARLIEST"}}"#
            try await connection.send(
                "POST /getMedia HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            try await Task.sleep(for: .milliseconds(300))
            ending.withLock { $0 = .now }
        }
        #expect(ContinuousClock.now - ending.withLock { $0 } < .seconds(3))
    }

    @Test("An answer that is under way goes out whole when the service ends")
    func answer() async throws {
        let reading = Mutex<Task<Answer, any Error>?>(nil)
        var limits = Self.patient
        limits.tailTime = .seconds(60)
        try await RunningInterface.run(limits: limits) { interface in
            try interface.makeStream("s", fragments: 2)
            reading.withLock {
                $0 = Task {
                    try await interface.post(
                        "/getMedia", #"{"StreamName":"s","StartSelector":{"StartSelectorType":"EARLIEST"}}"#)
                }
            }
            try await Task.sleep(for: .milliseconds(300))
        }
        let answer = try #require(try await reading.withLock { $0 }?.value)
        // Both, and the one that ends the body.
        #expect(try SampleMedia.fragments(answer.body).count == 3)
    }

    @Test(
        "A bad chunk size and a body that ends too soon are the client's fault: 400, and no line above debug",
        arguments: ["Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", "Content-Length: 100\r\n\r\n{"])
    func damagedBody(_ rest: String) async throws {
        let log = NotedLog()
        try await RunningInterface.run(logger: log.logger) { interface in
            let connection = try RawConnection(port: interface.port)
            try await connection.send(Self.post + rest)
            connection.closeOutput()
            let answer = try await connection.answer()
            #expect(answer.status == 400)
            #expect(answer.errorType == "MalformedHttpRequestException")
            #expect(answer.headers["x-amzn-requestid"]?.isEmpty == false)
            #expect(answer.json["message"]?.stringValue?.isEmpty == false)
            #expect(await connection.closes())
            #expect(interface.service.counters.values.failed == 0)
        }
        let told = log.lines.filter { $0.text.contains("/listStreams") }
        #expect(!told.isEmpty)
        #expect(told.allSatisfy { $0.level == .debug }, "\(told)")
        #expect(log.lines.allSatisfy { $0.level < .warning }, "\(log.lines)")
    }

    @Test("A header and a body have each their time; a kept connection's next header has it from its first byte")
    func times() async throws {
        var limits = HTTPLimits()
        limits.headerTime = .milliseconds(400)
        limits.bodyTime = .milliseconds(400)
        limits.idleTime = .milliseconds(2500)
        try await RunningInterface.run(limits: limits) { interface in
            let whole = Self.post + "Content-Length: 2\r\n\r\n{}"
            let header = try RawConnection(port: interface.port)
            try await header.send("POST /listStreams HTTP/1.1\r\nHo")
            let late = try await header.answer()
            #expect(late.status == 408)
            #expect(late.errorType == "RequestTimeoutException")
            #expect(await header.closes())

            let body = try RawConnection(port: interface.port)
            try await body.send(Self.post + "Content-Length: 100\r\n\r\n{")
            #expect(try await body.answer().status == 408)
            #expect(await body.closes())

            let kept = try RawConnection(port: interface.port)
            try await kept.send(whole)
            #expect(try await kept.answer().status == 200)
            // Longer than a header may take: the connection is idle.
            try await Task.sleep(for: .milliseconds(900))
            try await kept.send(whole)
            #expect(try await kept.answer().status == 200)
            try await kept.send("POST ")
            let start = ContinuousClock.now
            #expect(try await kept.answer().status == 408)
            #expect(ContinuousClock.now - start < .milliseconds(2400))
            #expect(interface.service.counters.values.slowRequests == 3)

            let idle = try RawConnection(port: interface.port)
            try await idle.send(whole)
            #expect(try await idle.answer().status == 200)
            let waiting = ContinuousClock.now
            #expect(await idle.closes())
            #expect(ContinuousClock.now - waiting > .milliseconds(2000))
            #expect(interface.service.counters.values.slowRequests == 3)
        }
    }

    @Test("An answer that is still going out does not cost the request behind it, however slowly that comes")
    func halfBehindWhole() async throws {
        try await RunningInterface.run { interface in
            let connection = try RawConnection(port: interface.port)
            let whole = Self.post + "Content-Length: 2\r\n\r\n{}"
            try await connection.send(whole + Self.post + "Content-Length: 2\r\n\r\n{")
            #expect(try await connection.answer().status == 200)
            try await Task.sleep(for: .milliseconds(200))
            try await connection.send("}")
            #expect(try await connection.answer().status == 200)
        }
    }
}

/// A logger that keeps what is logged.
final class NotedLog: Sendable {
    struct Line: Sendable {
        var level: Logger.Level
        var text: String
    }

    private let noted = Mutex<[Line]>([])

    var lines: [Line] { noted.withLock { $0 } }

    var logger: Logger {
        var logger = Logger(label: "noted") { _ in Handler(log: self) }
        logger.logLevel = .debug
        return logger
    }

    private struct Handler: LogHandler {
        let log: NotedLog
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .debug

        init(log: NotedLog) { self.log = log }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let line = Line(level: event.level, text: "\(event.message) \(event.metadata ?? [:])")
            log.noted.withLock { $0.append(line) }
        }
    }
}
