import AccessKeys
import Foundation
import RequestSigning
import Testing

@testable import HTTPInterface
@testable import StreamSink

@Suite("PutMedia of a body whose hash is signed", .serialized, .timeLimit(.minutes(1)))
struct SignedBodyTests {
    private static func hash(_ bytes: [UInt8]) -> String { PayloadHash.of(bytes).headerValue }

    private static let body =
        SampleMedia.header() + SampleMedia.cluster(timecode: 1000) + SampleMedia.cluster(timecode: 2000)

    /// Sends a body in chunks of a few hundred bytes.
    private func put(
        _ body: [UInt8], hash: String, _ interface: RunningInterface, _ signer: AWSRequestSigner
    ) async throws -> Answer {
        let producer = try RawConnection(port: interface.port)
        try await producer.send(SignedPut.request("s", interface, signer, hash: hash, []))
        var rest = body[...]
        while !rest.isEmpty {
            // What is refused in the middle may be closed while it is sent.
            try? await producer.sendChunk(Array(rest.prefix(700)))
            rest = rest.dropFirst(700)
        }
        try? await producer.send("0\r\n\r\n")
        return try await producer.answer()
    }

    @Test("The right one is acknowledged and kept")
    func right() async throws {
        try await RunningInterface.run(signed: true) { interface in
            try interface.makeStream("s", fragments: 0)
            let signer = try interface.signer(.admin)
            let answer = try await put(Self.body, hash: Self.hash(Self.body), interface, signer)
            #expect(answer.status == 200)
            #expect(answer.text.components(separatedBy: "PERSISTED").count == 3)
            #expect(try interface.library.fragments(.name("s")).map(\.producerMilliseconds) == [1000, 2000])
        }
    }

    @Test(
        "Another one is refused and leaves nothing, not even for a moment",
        arguments: [
            String(repeating: "0", count: 64), PayloadHash.empty.headerValue,
            PayloadHash.of(SampleMedia.header()).headerValue,
        ])
    func wrong(_ hash: String) async throws {
        try await RunningInterface.run(signed: true) { interface in
            try interface.makeStream("s", fragments: 0)
            let signer = try interface.signer(.admin)
            let answer = try await put(Self.body, hash: hash, interface, signer)
            #expect(answer.status == 403)
            #expect(answer.errorType == "InvalidSignatureException")
            #expect(try interface.library.fragments(.name("s")).isEmpty)
            #expect(interface.service.counters.values.ingestedFragments == 0)
            let reader = try await interface.post(
                "/getMedia", #"{"StreamName":"s","StartSelector":{"StartSelectorType":"EARLIEST"}}"#,
                signer: signer)
            #expect(reader.body.isEmpty)
            // And the stream takes the next one.
            #expect(try await put(Self.body, hash: Self.hash(Self.body), interface, signer).status == 200)
        }
    }

    @Test("Nothing can be read before the end is there, and a body that breaks off leaves nothing")
    func held() async throws {
        try await RunningInterface.run(signed: true) { interface in
            try interface.makeStream("s", fragments: 0)
            let signer = try interface.signer(.admin)
            let producer = try RawConnection(port: interface.port)
            try await producer.send(
                SignedPut.request("s", interface, signer, hash: Self.hash(Self.body), []))
            try await producer.sendChunk(Self.body)
            try await Task.sleep(for: .milliseconds(300))
            #expect(try interface.library.fragments(.name("s")).isEmpty)
            producer.close()
            try await Task.sleep(for: .milliseconds(300))
            #expect(try interface.library.fragments(.name("s")).isEmpty)
            #expect(try await put(Self.body, hash: Self.hash(Self.body), interface, signer).status == 200)
        }
    }

    @Test("One that is too large to be held is refused before it is sent, and so is more than all may hold")
    func bounds() async throws {
        var limits = RunningInterface.testLimits
        limits.heldBodyBytes = 2000
        try await RunningInterface.run(signed: true, limits: limits) { interface in
            try interface.makeStream("s", fragments: 0)
            let signer = try interface.signer(.admin)
            let announced = try RawConnection(port: interface.port)
            try await announced.send(
                SignedPut.request(
                    "s", interface, signer, hash: Self.hash(Self.body), [("Content-Length", "\(Self.body.count)")]))
            #expect(try await announced.answer().status == 413)
            #expect(try await put(Self.body, hash: Self.hash(Self.body), interface, signer).status == 413)
        }
        limits.heldBodyBytes = 1 << 20
        limits.heldBytes = 1000
        try await RunningInterface.run(signed: true, limits: limits) { interface in
            try interface.makeStream("s", fragments: 0)
            let signer = try interface.signer(.admin)
            let answer = try await put(Self.body, hash: Self.hash(Self.body), interface, signer)
            #expect(answer.errorType == "ConnectionLimitExceededException")
        }
    }

    @Test("Room is given back when a body is gone")
    func room() {
        let all = HeldBytes(limit: 10)
        do {
            let room = all.room()
            #expect(room.take(7))
            #expect(!all.room().take(4))
            #expect(all.count == 7)
            withExtendedLifetime(room) {}
        }
        #expect(all.count == 0)
    }

    @Test("A thousand small fragments at once are all acknowledged")
    func many() async throws {
        try await RunningInterface.run(signed: true) { interface in
            try interface.makeStream("s", fragments: 0, retention: 0)
            let signer = try interface.signer(.admin)
            let body =
                SampleMedia.header()
                + (1...1000).flatMap { SampleMedia.cluster(timecode: Int64($0), frames: 1, bytes: 4) }
            let answer = try await put(body, hash: Self.hash(body), interface, signer)
            #expect(answer.text.components(separatedBy: "RECEIVED").count == 1001)
        }
    }
}
