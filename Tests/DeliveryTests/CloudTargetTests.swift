import Crypto
import Foundation
import Logging
import StreamSink
import Synchronization
import Testing

@testable import Delivery

@Suite("Services of AWS and what speaks like them")
struct CloudTargetTests {
    @Test("EventBridge gets batches, and only the entries that failed again")
    func eventBridge() async throws {
        let failed = Mutex<Set<String>>([])
        let server = try await ScriptedServer(
            .init(reply: { request in
                let entries = (try? JSONValue(parsing: request.body))?["Entries"]?.arrayValue ?? []
                let answers = entries.map { entry -> String in
                    let detail = entry["Detail"]?.stringValue ?? ""
                    let call = (try? JSONValue(parsing: Array(detail.utf8)))?["transactionId"]?.stringValue ?? ""
                    // Every third call fails once.
                    let isFirst = failed.withLock { $0.insert(call).inserted }
                    let number = Int(call.drop { !$0.isNumber }) ?? 0
                    return isFirst && number % 3 == 0 ? #"{"ErrorCode":"InternalFailure"}"# : #"{"EventId":"x"}"#
                }
                return .status(200, body: #"{"FailedEntryCount":1,"Entries":[\#(answers.joined(separator: ","))]}"#)
            }))
        let bench = try Bench()
        try bench.append((0..<40).map { Bench.event("e\($0)", call: "call \($0)") })
        let settings = Bench.quick { settings in
            settings.eventBridge = try? DeliverySettings.EventBridge(service: Bench.service(at: server.url))
            settings.requests = 1
        }
        let statistics = try await bench.running(settings) { service in
            try await eventually("40") { service.statistics[0].acknowledged == 40 }
        }
        #expect(statistics[0].failures == 14)
        #expect(server.requests.first.map { (try? JSONValue(parsing: $0.body))?["Entries"]?.arrayValue?.count } == 10)
        let retries = server.requests.filter { (try? JSONValue(parsing: $0.body))?["Entries"]?.arrayValue?.count == 1 }
        #expect(retries.count == 14)
        let request = try #require(server.requests.first)
        #expect(request.headers["X-Amz-Target"] == ["AWSEvents.PutEvents"])
        #expect(request.headers["Authorization"].first?.contains("/us-east-1/events/aws4_request") ?? false)
        await server.stop()
    }

    @Test("SNS and SQS are told the ID, and FIFO ones the call")
    func queues() async throws {
        let server = try await ScriptedServer(
            .init(reply: { request in
                request.headers["X-Amz-Target"].first == nil
                    ? .status(200, body: "<PublishResponse><MessageId>1</MessageId></PublishResponse>")
                    : .status(200, body: #"{"MessageId":"1"}"#)
            }))
        let bench = try Bench()
        try bench.append([Bench.event("e&1", call: "call")])
        let settings = Bench.quick { settings in
            guard let service = try? Bench.service(at: server.url),
                let queue = EndpointURL(server.url + "/1/q.fifo")
            else { return }
            settings.sns = DeliverySettings.SNS(service: service, topicARN: "arn:aws:sns:us-east-1:1:t.fifo")
            settings.sqs = DeliverySettings.SQS(service: service, queueURL: queue)
        }
        try await bench.running(settings) { _ in try await eventually("both") { server.requests.count == 2 } }
        let sns = try #require(server.requests.first { $0.headers["X-Amz-Target"].isEmpty }).text
        #expect(sns.contains("MessageDeduplicationId=e%261") && sns.contains("MessageGroupId=call"))
        let sqs = try #require(server.requests.first { !$0.headers["X-Amz-Target"].isEmpty })
        let json = try JSONValue(parsing: sqs.body)
        #expect(json["MessageDeduplicationId"]?.stringValue == "e&1")
        #expect(json["MessageBody"]?.stringValue == Bench.event("e&1", call: "call"))
        #expect(json["MessageAttributes"]?["eventId"]?["StringValue"]?.stringValue == "e&1")
        await server.stop()
    }

    @Test("Records go under their own keys with a checksum, through hang-ups in the upload, and once")
    func records() async throws {
        let hangUps = Mutex(3)
        let server = try await ScriptedServer(
            .init(
                reply: { $0.number % 5 == 3 ? .status(500, body: "<Error><Code>InternalError</Code></Error>") : .ok },
                early: { _, bytes in
                    guard bytes > 0 else { return .readOn }
                    return hangUps.withLock { left in
                        left -= 1
                        return left >= 0 ? .hangUp : .readOn
                    }
                }))
        let bench = try Bench()
        let day = UTCTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)).dateFolder
        let keys = (0..<20).map { "Amazon-Chime-Voice-Connector-CDRs/json/vc/\(day)/10.00.0\($0 % 10).000_t\($0)" }
        for key in keys.prefix(10) { try bench.write(Array("{\"key\":\"\(key)\"}".utf8), to: "objects/" + key) }
        let settings = Bench.quick { settings in
            settings.records = try? DeliverySettings.Bucket(
                service: Bench.service(at: server.url), bucket: "cdrs", prefix: "site 1/")
        }
        try await bench.running(settings) { service in
            try await eventually("10 records") { service.statistics[0].acknowledged == 10 }
            for key in keys.suffix(10) { try bench.write(Array("{\"key\":\"\(key)\"}".utf8), to: "objects/" + key) }
            try await eventually("20 records") { service.statistics[0].acknowledged == 20 }
        }
        let good = Set(server.requests.map(\.uri))
        #expect(good == Set(keys.map { "/cdrs/site%201/" + $0 }))
        for request in server.requests {
            let digest = Array(SHA256.hash(data: request.body))
            #expect(request.headers["X-Amz-Checksum-Sha256"] == [Base64Text.encode(digest)])
            #expect(request.headers["X-Amz-Content-Sha256"] == [hexadecimal(digest)])
        }
        let count = server.requests.count
        try await bench.running(settings) { _ in try await Task.sleep(for: .milliseconds(300)) }
        #expect(server.requests.count == count, "nothing is sent again after a restart")
        // Without the ledger everything is.
        try FileManager.default.removeItem(atPath: "\(bench.path)/delivery/records.cursor")
        try await bench.running(settings) { service in
            try await eventually("20 again") { service.statistics[0].acknowledged == 20 }
        }
        await server.stop()
    }

    @Test("A record that comes within a tick of its folder's clock is found all the same, and only once")
    func sameTick() async throws {
        let bench = try Bench()
        let day = UTCTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)).dateFolder
        let folder = "Amazon-Chime-Voice-Connector-CDRs/json/vc/\(day)"
        let feed = ObjectFeed(
            root: "\(bench.path)/objects", prefixes: [], ledger: nil, pace: .init(quick: .zero, full: .zero),
            logger: Logger(label: "feed"))
        try bench.write([1], to: "objects/\(folder)/10.00.00.000_a")
        #expect(await feed.poll(limit: 10).count == 1)
        let before = try #require(DiskFile.status("\(bench.path)/objects/\(folder)")?.changed)
        try bench.write([2], to: "objects/\(folder)/10.00.00.001_b")
        let time = timespec(tv_sec: Int(before / 1_000_000_000), tv_nsec: Int(before % 1_000_000_000))
        #expect(utimensat(AT_FDCWD, "\(bench.path)/objects/\(folder)", [time, time], 0) == 0)
        #expect(DiskFile.status("\(bench.path)/objects/\(folder)")?.changed == before)
        #expect(await feed.poll(limit: 10).map(\.lane) == ["\(folder)/10.00.00.001_b"])
        #expect(await feed.poll(limit: 10).isEmpty)
    }

    @Test("While a bucket is down no file is made for it; it is asked first")
    func knocking() async throws {
        let isDown = Mutex(true)
        let server = try await ScriptedServer(
            .init(reply: { _ in isDown.withLock { $0 } ? .status(503) : .ok }))
        let bench = try Bench()
        let stream = "ChimeVoiceConnector-vc-11111111-2222-3333-4444-555555555555"
        try bench.write([1, 2, 3], to: "streams/\(stream)/000004_call-1_0.mkv")
        let extra = #","streamArn":"arn:aws:kinesisvideo:us-east-1:1:stream/\#(stream)/1""#
        try bench.append([Bench.event("e", call: "call-1", status: "ENDED", extra: extra)])
        let made = Mutex(0)
        struct Counted: RecordingFormatter {
            let made: @Sendable () -> Void
            func format(_ recording: FinishedRecording) async throws -> FormattedRecording {
                made()
                return try await StoredRecordings().format(recording)
            }
        }
        let settings = Bench.quick { settings in
            guard let service = try? Bench.service(at: server.url) else { return }
            var recordings = DeliverySettings.Recordings(bucket: .init(service: service, bucket: "audio"))
            recordings.delay = .zero
            recordings.formatter = Counted(made: { made.withLock { $0 += 1 } })
            settings.recordings = recordings
        }
        try await bench.running(settings) { service in
            try await eventually("some tries") { service.statistics[0].failures > 4 }
            #expect(made.withLock { $0 } == 1)
            isDown.withLock { $0 = false }
            try await eventually("the recording") { service.statistics[0].acknowledged == 1 }
        }
        #expect(made.withLock { $0 } == 2)
        #expect(server.requests.filter { $0.method == "HEAD" }.allSatisfy { $0.uri == "/audio" })
        await server.stop()
    }

    @Test("A recording is streamed with its metadata; one that is gone becomes a dead letter")
    func recordings() async throws {
        let server = try await ScriptedServer(.init())
        let bench = try Bench()
        let stream = "ChimeVoiceConnector-vc-11111111-2222-3333-4444-555555555555"
        var random = SplitMix(seed: 7)
        let content = (0..<3_000_001).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        try bench.write(content, to: "streams/\(stream)/000004_call-1_0.mkv")
        let arn = "arn:aws:kinesisvideo:us-east-1:1:stream/\(stream)/1"
        let extra =
            #","streamArn":"\#(arn)","startTime":"2026-11-23T10:00:00.000Z","fromNumber":"+1555","isCaller":true,"sdp":{"mediaIndex":0}"#
        try bench.append([
            Bench.event("s", call: "call-1"), Bench.event("e", call: "call-1", status: "ENDED", extra: extra),
            Bench.event("gone", call: "call-2", status: "ENDED", extra: extra),
        ])
        let settings = Bench.quick { settings in
            guard let service = try? Bench.service(at: server.url) else { return }
            var recordings = DeliverySettings.Recordings(bucket: .init(service: service, bucket: "audio"))
            recordings.delay = .milliseconds(50)
            settings.recordings = recordings
        }
        let statistics = try await bench.running(settings) { service in
            try await eventually("one sent, one given up") {
                service.statistics[0].acknowledged == 1 && service.statistics[0].deadLetters == 1
            }
        }
        #expect(statistics[0].waiting == 0)
        let request = try #require(server.requests.first)
        #expect(request.body == content)
        #expect(request.uri.hasPrefix("/audio/recordings/vc/2026/11/23/call-1/"))
        #expect(request.headers["X-Amz-Meta-From-Number"] == ["+1555"])
        #expect(request.headers["X-Amz-Meta-Is-Caller"] == ["true"])
        #expect(request.headers["Content-Length"] == ["3000001"])
        await server.stop()
    }
}
