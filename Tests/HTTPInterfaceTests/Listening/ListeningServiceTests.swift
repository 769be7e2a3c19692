import AccessKeys
import Foundation
import Logging
import RequestSigning
import ServiceLifecycle
import StreamSink
import Testing

@testable import HTTPInterface

@Suite("The WebSocket and the page's answers", .timeLimit(.minutes(1)))
struct ListeningServiceTests {
    static let transaction = "6f9e0a52-1111-4222-8333-444455556666"

    @Test("A reader from the start gets the metadata, frames in their places, the end and 1000")
    func wholeSession() async throws {
        try await ListeningService.run { service in
            let session = try service.session()
            ListeningService.append((0..<1600).map { Int16($0) }, to: session)
            _ = await session.finish()
            let socket = try await service.open(session.streamName, "?from=start")
            let start = try #require(try await socket.nextText())
            #expect(start["type"]?.stringValue == "start")
            #expect(start["transactionId"]?.stringValue == Self.transaction)
            #expect(start["sampleRate"]?.integerValue == 8000)
            #expect(start["voiceConnectorId"]?.stringValue == "abcdefghijklmnopqrstuv")
            #expect(start["fragment"]?.stringValue == session.startFragmentNumber.description)
            var samples: [UInt8] = []
            var time = session.startedAtMilliseconds
            loop: while true {
                let message = try await socket.next()
                switch message {
                case .binary(let bytes):
                    #expect(bytes.count == 328)
                    #expect(bytes.prefix(8).reduce(Int64(0)) { $0 << 8 | Int64($1) } == time)
                    time += 20
                    samples += bytes.dropFirst(8)
                case .text(let text):
                    #expect(try JSONValue(parsing: text)["type"]?.stringValue == "end")
                case .close(let code):
                    #expect(code == 1000)
                    break loop
                case .ping: break
                }
            }
            #expect(samples.count == 3200)
            #expect(samples[2...3] == [1, 0])
        }
    }

    @Test("A live reader gets what is recorded while it is connected")
    func live() async throws {
        try await ListeningService.run { service in
            let session = try service.session()
            ListeningService.append([Int16](repeating: 1, count: 8000), to: session)
            try await Task.sleep(for: .milliseconds(300))
            let socket = try await service.open(session.streamName, "")
            #expect(try await socket.nextText()?["type"]?.stringValue == "start")
            ListeningService.append([Int16](repeating: 7, count: 1600), to: session)
            var last: UInt8 = 0
            var frames = 0
            while last != 7 {
                let message = try await socket.next()
                guard case .binary(let bytes) = message else { break }
                last = bytes[8]
                frames += 1
            }
            // The last 200 ms before it came, no more.
            #expect(frames <= 11)
            _ = await session.finish()
        }
    }

    @Test("An unsigned request, and one that is no WebSocket, are refused in AWS's form")
    func refusals() async throws {
        try await ListeningService.run { service in
            let session = try service.session()
            _ = await session.finish()
            let unsigned = try await service.get("/streams/\(session.streamName)/audio", upgrade: true, isSigned: false)
            #expect(unsigned.status == 403)
            let plain = try await service.get("/streams/\(session.streamName)/audio", upgrade: false, isSigned: true)
            #expect(plain.status == 426)
            let missing = try await service.get("/streams/none/audio", upgrade: true, isSigned: true)
            #expect(missing.status == 404)
        }
    }

    @Test("The page is for everybody, what it shows only with a link to that call")
    func page() async throws {
        try await ListeningService.run { service in
            let session = try service.session()
            ListeningService.append([Int16](repeating: 6400, count: 8000), to: session)
            _ = await session.finish()
            let page = try await service.get("/listen/\(Self.transaction)", isSigned: false)
            #expect(page.status == 200)
            #expect(page.head.contains("frame-ancestors 'none'"))
            let path = "/listen/\(Self.transaction)/call"
            #expect(try await service.get(path, isSigned: false).status == 403)
            #expect(try await service.get(path, token: "v1.a.1.b").status == 403)
            let other = "6f9e0a52-1111-4222-8333-444455556667"
            let wrong = try await service.get("/listen/\(other)/call", token: service.token(Self.transaction))
            #expect(wrong.status == 403)
            #expect(try await service.get("/listen/\(other)/call", token: service.token(other)).status == 404)
            let call = try await service.get(path, token: service.token(Self.transaction))
            #expect(call.status == 200)
            #expect(call.head.lowercased().contains("cache-control: no-store"))
            let json = try JSONValue(parsing: call.body)
            #expect(json["durationMilliseconds"]?.integerValue == 1000)
            #expect(json["isLive"]?.boolValue == false)
            let peaks = try await service.get(
                "/listen/\(Self.transaction)/peaks?from=0&to=1000", token: service.token(Self.transaction))
            let leg = try #require(try JSONValue(parsing: peaks.body)["legs"]?.arrayValue?.first)
            #expect(leg["peaks"]?.stringValue == String(repeating: "32", count: 20))
            #expect(leg["gaps"]?.arrayValue?.isEmpty == true)
        }
    }

    @Test("The audio of a range is the run-in left out, and both parties in one piece")
    func audio() async throws {
        try await ListeningService.run { service in
            let session = try service.session()
            ListeningService.append([Int16](repeating: 6400, count: 16_000), to: session)
            _ = await session.finish()
            let answer = try await service.get(
                "/listen/\(Self.transaction)/audio?from=1000&to=1500", token: service.token(Self.transaction))
            #expect(answer.status == 200)
            // The stand-in for the encoder says how many samples of each call were asked for.
            #expect(answer.text.contains("[8000 2 920]"))
            #expect(answer.text.contains("(8000)"))
            #expect(!answer.text.contains("(1280)"))
            let outside = try await service.get(
                "/listen/\(Self.transaction)/audio?from=2000&to=3000", token: service.token(Self.transaction))
            #expect(outside.status == 400)
            let long = try await service.get(
                "/listen/\(Self.transaction)/audio?from=0&to=60001", token: service.token(Self.transaction))
            #expect(long.status == 400)
        }
    }
}
