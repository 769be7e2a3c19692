import Crypto
import Foundation
import StreamSink
import Synchronization
import Testing

@testable import Delivery

/// A bucket that takes objects in parts, and says what it has.
private final class PartsBucket: Sendable {
    struct State {
        var uploads: [String: [Int: [UInt8]]] = [:]
        var objects: [String: [UInt8]] = [:]
        var aborted: [String] = []
        var parts: [Int] = []
        var count = 0
        /// Answers for the next requests of a kind.
        var faults: [String: [ScriptedServer.Reply]] = [:]
    }
    let state = Mutex(State())

    func answer(_ request: ScriptedServer.Request) -> ScriptedServer.Reply {
        guard request.method != "HEAD" else { return .ok }
        let pieces = request.uri.split(separator: "?", maxSplits: 1).map(String.init)
        var query: [String: String] = [:]
        for pair in (pieces.count > 1 ? pieces[1] : "").split(separator: "&") {
            let halves = pair.split(separator: "=", maxSplits: 1).map(String.init)
            query[halves[0]] = halves.count > 1 ? halves[1] : ""
        }
        let kind = kind(request.method, query)
        return state.withLock { state in
            if let fault = state.faults[kind]?.first {
                state.faults[kind]?.removeFirst()
                return fault
            }
            let id = query["uploadId"] ?? ""
            switch kind {
            case "begin":
                state.count += 1
                state.uploads["id/\(state.count)+"] = [:]
                return .status(200, body: "<R><UploadId>id/\(state.count)+</UploadId></R>")
            case "part":
                guard let number = query["partNumber"].flatMap({ Int($0) }), state.uploads[Self.plain(id)] != nil
                else { return Self.noSuchUpload }
                state.parts.append(number)
                state.uploads[Self.plain(id)]?[number] = request.body
                return .status(200, headers: [("ETag", "\"e&\(number)\"")])
            case "abort":
                state.aborted.append(Self.plain(id))
                state.uploads[Self.plain(id)] = nil
                return .status(204)
            case "complete":
                guard let parts = state.uploads.removeValue(forKey: Self.plain(id)) else { return Self.noSuchUpload }
                state.objects[pieces[0]] = parts.sorted { $0.key < $1.key }.flatMap(\.value)
                let isListed = parts.keys.allSatisfy { request.text.contains("<ETag>\"e&amp;\($0)\"</ETag>") }
                return isListed ? .status(200, body: "<CompleteMultipartUploadResult/>") : .status(400)
            default:
                state.objects[pieces[0]] = request.body
                return .ok
            }
        }
    }

    private static let noSuchUpload = ScriptedServer.Reply.status(
        404, body: "<Error><Code>NoSuchUpload</Code></Error>")

    /// Whether the faults of a kind of request have all been met.
    func isAsked(_ kind: String) -> Bool { state.withLock { $0.faults[kind]?.isEmpty ?? false } }

    private func kind(_ method: String, _ query: [String: String]) -> String {
        if query["uploads"] != nil { return "begin" }
        if query["partNumber"] != nil { return "part" }
        if method == "DELETE" { return "abort" }
        return query["uploadId"] != nil ? "complete" : "put"
    }

    private static func plain(_ text: String) -> String {
        text.replacingOccurrences(of: "%2F", with: "/").replacingOccurrences(of: "%2B", with: "+")
    }
}

@Suite("Large objects in parts")
struct MultipartUploadTests {
    private static let stream = "ChimeVoiceConnector-vc-11111111-2222-3333-4444-555555555555"
    private static let length = 1_000_003

    private func run(
        _ bucket: PartsBucket, length: Int = Self.length, _ body: (Bench, DeliverySettings) async throws -> Void
    ) async throws {
        let server = try await ScriptedServer(.init(reply: { bucket.answer($0) }))
        let bench = try Bench()
        try bench.write(Self.content(length), to: "streams/\(Self.stream)/000004_call-1_0.mkv")
        let arn = "arn:aws:kinesisvideo:us-east-1:1:stream/\(Self.stream)/1"
        let extra = #","streamArn":"\#(arn)","startTime":"2026-11-23T10:00:00.000Z","sdp":{"mediaIndex":0}"#
        try bench.append([Bench.event("e", call: "call-1", status: "ENDED", extra: extra)])
        let settings = Bench.quick { settings in
            guard let service = try? Bench.service(at: server.url) else { return }
            var target = DeliverySettings.Bucket(service: service, bucket: "audio", prefix: "p/")
            target.multipartAbove = 300_000
            target.partLength = 300_000
            var recordings = DeliverySettings.Recordings(bucket: target)
            recordings.delay = .zero
            settings.recordings = recordings
            settings.grace = .milliseconds(20)
        }
        try await body(bench, settings)
        await server.stop()
    }

    private static func content(_ length: Int, seed: UInt64 = 3) -> [UInt8] {
        var random = SplitMix(seed: seed)
        return (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    private func states(_ bench: Bench) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(bench.path)/delivery/uploads")
    }

    private func deliver(_ bench: Bench, _ settings: DeliverySettings, letters: Int64 = 0) async throws {
        try await bench.running(settings) { service in
            try await eventually("the recording") {
                service.statistics[0].acknowledged + service.statistics[0].deadLetters == 1
            }
            #expect(service.statistics[0].deadLetters == letters)
        }
    }

    @Test(
        "Parts make the object, also where the last one has a byte or is a whole one",
        arguments: [300_001, 600_000, 1_000_003])
    func whole(length: Int) async throws {
        let bucket = PartsBucket()
        try await run(bucket, length: length) { bench, settings in
            try await deliver(bench, settings)
            #expect(try states(bench).isEmpty)
        }
        let state = bucket.state.withLock { $0 }
        #expect(state.objects.values.map(\.self) == [Self.content(length)])
        #expect(state.parts == Array(1...(length + 299_999) / 300_000))
        #expect(state.objects.keys.allSatisfy { $0.hasPrefix("/audio/p/recordings/vc/2026/11/23/call-1/") })
    }

    @Test("What is not large goes in one request")
    func small() async throws {
        let bucket = PartsBucket()
        try await run(bucket, length: 300_000) { bench, settings in try await deliver(bench, settings) }
        let state = bucket.state.withLock { $0 }
        #expect(state.count == 0 && state.objects.count == 1)
    }

    @Test(
        "A fault in between costs the one request",
        arguments: ["begin", "part", "complete"],
        [ScriptedServer.Reply.status(500), .hangUp, .status(503, headers: [("Retry-After", "0")])])
    func faults(kind: String, fault: ScriptedServer.Reply) async throws {
        let bucket = PartsBucket()
        bucket.state.withLock { $0.faults[kind] = [fault, fault] }
        try await run(bucket) { bench, settings in try await deliver(bench, settings) }
        let state = bucket.state.withLock { $0 }
        #expect(state.objects.values.map(\.self) == [Self.content(Self.length)])
        #expect(state.parts == [1, 2, 3, 4], "no part twice")
        #expect(state.count == 1 && state.uploads.isEmpty)
    }

    @Test("A restart goes on with the part that is missing")
    func restart() async throws {
        let bucket = PartsBucket()
        // The service ends before it is answered that the parts were put together.
        bucket.state.withLock { $0.faults["complete"] = [.silence] }
        try await run(bucket) { bench, settings in
            try await bench.running(settings) { _ in
                try await eventually("all parts") { bucket.state.withLock { $0.parts.count == 4 } }
                try await eventually("the completion under way") { bucket.isAsked("complete") }
            }
            #expect(try states(bench).count == 1)
            let mode =
                try FileManager.default.attributesOfItem(
                    atPath: "\(bench.path)/delivery/uploads/\(try states(bench)[0])")[.posixPermissions] as? Int
            #expect(mode == 0o600)
            try await deliver(bench, settings)
            #expect(try states(bench).isEmpty)
        }
        let state = bucket.state.withLock { $0 }
        #expect(state.parts == [1, 2, 3, 4])
        #expect(state.objects.values.map(\.self) == [Self.content(Self.length)])
    }

    @Test(
        "Other content, an upload that the bucket forgot, or a damaged state begin anew",
        arguments: ["content", "forgotten", "damaged"])
    func anew(what: String) async throws {
        let bucket = PartsBucket()
        bucket.state.withLock { $0.faults["complete"] = [.silence] }
        try await run(bucket) { bench, settings in
            try await bench.running(settings) { _ in
                try await eventually("the completion under way") { bucket.isAsked("complete") }
            }
            switch what {
            case "content":
                try bench.write(Self.content(900_000, seed: 9), to: "streams/\(Self.stream)/000004_call-1_0.mkv")
            case "forgotten": bucket.state.withLock { $0.uploads = [:] }
            default: try bench.write(Array("{\"uploadVersion\":1".utf8), to: "delivery/uploads/\(try states(bench)[0])")
            }
            try await deliver(bench, settings)
            #expect(try states(bench).isEmpty)
        }
        let state = bucket.state.withLock { $0 }
        #expect(state.count == 2)
        let wanted = what == "content" ? Self.content(900_000, seed: 9) : Self.content(Self.length)
        #expect(state.objects.values.map(\.self) == [wanted])
        if what == "content" { #expect(state.aborted == ["id/1+"] && state.uploads.isEmpty) }
    }

    @Test("An error behind a 200 is one; a refusal aborts the upload before the recording becomes a dead letter")
    func refused() async throws {
        let bucket = PartsBucket()
        let error = ScriptedServer.Reply.status(200, body: "<Error><Code>InternalError</Code></Error>")
        let refusal = ScriptedServer.Reply.status(400, body: "<Error><Code>EntityTooLarge</Code></Error>")
        bucket.state.withLock { $0.faults["complete"] = [error, refusal, refusal, refusal] }
        try await run(bucket) { bench, settings in
            try await deliver(bench, settings, letters: 1)
            #expect(try states(bench).isEmpty)
        }
        let state = bucket.state.withLock { $0 }
        #expect(state.objects.isEmpty && state.uploads.isEmpty && state.aborted.count == 3)
    }
}
