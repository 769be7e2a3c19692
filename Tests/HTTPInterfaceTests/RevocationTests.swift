import Foundation
import RequestSigning
import Testing

@testable import HTTPInterface
@testable import StreamSink

@Suite("A key that is revoked ends what was begun with it, within two seconds", .serialized, .timeLimit(.minutes(1)))
struct RevocationTests {
    private static let patience: Duration = .seconds(2)

    /// A tail so long that nothing but the revocation ends a body; and asked often enough to be in time on a machine
    /// that does a dozen other things.
    private static var limits: HTTPLimits {
        var limits = HTTPLimits()
        limits.tailTime = .seconds(60)
        limits.permissionTime = .milliseconds(200)
        return limits
    }

    /// Waits until so many readers have their answer's head.
    private static func begun(_ interface: RunningInterface, _ readers: Int = 1) async throws {
        for _ in 0..<500 where interface.service.counters.values.openMediaReaders < readers {
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    @Test("A service asks each second")
    func interval() {
        #expect(HTTPLimits().permissionTime <= .seconds(1))
    }

    @Test("GetMedia", arguments: ["partial", "whole"])
    func getMedia(_ delivery: String) async throws {
        try await RunningInterface.run(signed: true, limits: Self.limits) { interface in
            let signer = try interface.signer(.consumer)
            try await interface.withCall { session in
                let answer = Task {
                    try await interface.post(
                        "/getMedia",
                        "{\"StreamName\":\"\(session.streamName)\",\"StartSelector\":{\"StartSelectorType\":\"NOW\"}}",
                        headers: [("x-earshot-fragments", delivery)], signer: signer)
                }
                try await Self.begun(interface)
                try await Task.sleep(for: .milliseconds(1300))
                let start = ContinuousClock.now
                try interface.revoke(signer)
                let body = try await answer.value
                #expect(ContinuousClock.now - start < Self.patience)
                #expect(body.status == 200)
                #expect(try SampleMedia.fragments(body.body).contains { !$0.payload.isEmpty })
                #expect(interface.service.counters.values.revokedAnswers == 1)
                let again = try await interface.post("/listStreams", "{}", signer: signer)
                #expect(again.errorType == "UnrecognizedClientException")
            }
        }
    }

    @Test("A reader of a stream on which nothing happens, too")
    func quietReader() async throws {
        try await RunningInterface.run(signed: true, limits: Self.limits) { interface in
            try interface.makeStream("s", fragments: 1)
            let signer = try interface.signer(.consumer)
            let answer = Task {
                try await interface.post(
                    "/getMedia", #"{"StreamName":"s","StartSelector":{"StartSelectorType":"NOW"}}"#, signer: signer)
            }
            try await Self.begun(interface)
            let start = ContinuousClock.now
            try interface.revoke(signer)
            #expect(try await answer.value.status == 200)
            #expect(ContinuousClock.now - start < Self.patience)
        }
    }

    @Test("Another key's readers hear on")
    func others() async throws {
        try await RunningInterface.run(signed: true, limits: Self.limits) { interface in
            let (first, second) = (try interface.signer(.consumer), try interface.signer(.consumer))
            try await interface.withCall { session in
                let body =
                    "{\"StreamName\":\"\(session.streamName)\",\"StartSelector\":{\"StartSelectorType\":\"NOW\"}}"
                let staying = Task { try await interface.post("/getMedia", body, signer: second) }
                let going = Task { try await interface.post("/getMedia", body, signer: first) }
                try await Self.begun(interface, 2)
                try interface.revoke(first)
                _ = try await going.value
                try await Task.sleep(for: .milliseconds(500))
                #expect(interface.service.counters.values.openMediaReaders == 1)
                try interface.revoke(second)
                _ = try await staying.value
                #expect(interface.service.counters.values.revokedAnswers == 2)
            }
        }
    }

    @Test("An HLS session's token")
    func session() async throws {
        try await RunningInterface.run(signed: true, makers: MediaMakers(hls: SilentMaker())) { interface in
            try interface.makeStream("s", fragments: 3)
            let signer = try interface.signer(.consumer)
            let made = try await interface.post(
                "/getHLSStreamingSessionURL", #"{"StreamName":"s"}"#, signer: signer)
            let token = try #require(made.json["HLSStreamingSessionURL"]?.stringValue?.split(separator: "=").last)
            let playlist = "/hls/v1/getHLSMediaPlaylist.m3u8?SessionToken=\(token)"
            let number = try interface.library.fragments(.name("s"))[0].number
            let segment = "/hls/v1/getMP4MediaFragment.mp4?FragmentNumber=\(number)&SessionToken=\(token)"
            #expect(try await interface.get(playlist).status == 200)
            #expect(try await interface.get(segment).status == 200)
            try interface.revoke(signer)
            #expect(try await interface.get(segment).status == 403)
            #expect(try await interface.get(playlist).errorType == "AccessDeniedException")
        }
    }

    @Test("PutMedia: the producer's answer ends, and the stream is free")
    func producer() async throws {
        try await RunningInterface.run(signed: true, limits: Self.limits) { interface in
            try interface.makeStream("s", fragments: 0)
            let signer = try interface.signer(.admin)
            let producer = try RawConnection(port: interface.port)
            try await producer.send(SignedPut.request("s", interface, signer, []))
            #expect(try await producer.head().status == 200)
            try await producer.sendChunk(SampleMedia.header() + SampleMedia.cluster(timecode: 1000))
            while let line = try await producer.chunk() {
                if String(decoding: line, as: UTF8.self).contains("PERSISTED") { break }
            }
            let start = ContinuousClock.now
            try interface.revoke(signer)
            while try await producer.chunk() != nil {}
            #expect(ContinuousClock.now - start < Self.patience)
            #expect(await producer.closes())
            let next = try RawConnection(port: interface.port)
            try await next.send(SignedPut.request("s", interface, try interface.signer(.admin), []))
            #expect(try await next.head().status == 200)
        }
    }

    private struct SilentMaker: HLSMaking {
        func initialization(for fragment: FragmentBytes) async throws -> [UInt8] { [] }
        func segment(_ request: HLSSegmentRequest) async throws -> [UInt8] { [] }
    }
}

/// The head of a signed PutMedia request.
enum SignedPut {
    /// - Parameter hash: what is stated and signed of the body; without it the header alone is signed.
    static func request(
        _ stream: String, _ interface: RunningInterface, _ signer: AWSRequestSigner, hash: String? = nil,
        _ more: [(String, String)]
    ) -> String {
        var fields = [
            ("Host", "127.0.0.1:\(interface.port)"), ("x-amzn-stream-name", stream),
            ("x-amzn-fragment-timecode-type", "ABSOLUTE"), ("x-amzn-fragment-acknowledgment-required", "1"),
        ]
        if let hash { fields.append(("x-amz-content-sha256", hash)) }
        let head = SignedRequestHead(
            method: "POST", target: "/putMedia", headers: fields.map { (name: $0.0, value: $0.1) })
        let payload = hash.map { PayloadHash.hash(Array($0.utf8)) } ?? .empty
        fields += signer.headers(for: head, body: payload, at: Int64(Date().timeIntervalSince1970))
            .filter { $0.name.lowercased() != "x-amz-content-sha256" }.map { ($0.name, $0.value) }
        fields += more.isEmpty ? [("Transfer-Encoding", "chunked")] : more
        return "POST /putMedia HTTP/1.1\r\n\(RunningInterface.text(fields))\r\n"
    }
}
