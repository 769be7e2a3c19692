import StreamSink
import Testing

@testable import HTTPInterface

@Suite("What listeners may cost, and how long they may listen", .serialized, .timeLimit(.minutes(1)))
struct ListeningBoundsTests {
    private static let audio = "/listen/\(ListeningServiceTests.transaction)/audio?from=0&to=60000"

    /// Asks often enough to be in time on a machine that does a dozen other things.
    private static var watchful: HTTPLimits {
        var limits = HTTPLimits()
        limits.permissionTime = .milliseconds(200)
        return limits
    }

    private static func limits(listeners: Int = 1000, stall: Duration = .seconds(60)) -> HTTPLimits {
        var limits = HTTPLimits()
        limits.readersPerStream = listeners
        limits.stallTime = stall
        return limits
    }

    @Test("A stream has so many listeners at once; one that goes makes room")
    func sockets() async throws {
        try await ListeningService.run(limits: Self.limits(listeners: 2)) { service in
            let session = try service.session()
            ListeningService.append([Int16](repeating: 1, count: 800), to: session)
            let path = "/streams/\(session.streamName)/audio"
            let first = try await service.open(session.streamName, "?from=start")
            let second = try await service.open(session.streamName, "?from=start")
            let refused = try await service.get(path, upgrade: true, isSigned: true)
            #expect(refused.status == 400)
            #expect(refused.text.contains("2 listeners are on the stream"))
            // The service's own counters, those that are shown.
            #expect(service.counters.values.limitedCalls == 1)
            #expect(service.counters.values.openMediaReaders == 2)
            first.close()
            var third: TestSocket?
            for _ in 0..<50 where third == nil {
                try await Task.sleep(for: .milliseconds(50))
                if service.counters.values.openMediaReaders < 2 {
                    third = try await service.open(session.streamName, "?from=start")
                }
            }
            #expect(third != nil)
            withExtendedLifetime(second) {}
            _ = await session.finish()
        }
    }

    @Test("So has a call's page")
    func page() async throws {
        try await ListeningService.run(limits: Self.limits(listeners: 2)) { service in
            let session = try service.session()
            service.calls.isOver.withLock { $0 = false }
            ListeningService.append([Int16](repeating: 1, count: 8000), to: session)
            try await Task.sleep(for: .milliseconds(200))
            let (first, status) = try await service.begin(Self.audio)
            let (second, other) = try await service.begin(Self.audio)
            #expect([status, other] == [200, 200])
            #expect(try await service.begin(Self.audio).1 == 400)
            #expect(service.counters.values.limitedCalls == 1)
            // What takes no place is answered still.
            let call = "/listen/\(ListeningServiceTests.transaction)/call"
            #expect(try await service.begin(call).1 == 200)
            withExtendedLifetime((first, second)) {}
            _ = await session.finish()
        }
    }

    @Test("A listener that takes nothing is let go, and another listener does not notice")
    func slow() async throws {
        try await ListeningService.run(limits: Self.limits(stall: .milliseconds(700))) { service in
            // More than all buffers between here and there hold.
            let store = service.store
            let name = try await blocking { try Self.keepSpeech(seconds: 500, in: store) }
            let slow = try await service.open(name, "?from=start", receiveBuffer: 4096)
            let quick = try await service.open(name, "?from=start")
            var samples = 0
            loop: while true {
                switch try await quick.next() {
                case .binary(let bytes): samples += (bytes.count - 8) / 2
                case .close: break loop
                case .text, .ping: break
                }
            }
            quick.close()
            #expect(samples == 4_000_000)
            for _ in 0..<100 where service.counters.values.stalledReaders == 0 {
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(service.counters.values.stalledReaders == 1)
            for _ in 0..<50 where service.counters.values.openMediaReaders > 0 {
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(service.counters.values.openMediaReaders == 0)
            withExtendedLifetime(slow) {}
        }
    }

    @Test("A revoked key ends the WebSocket within two seconds, with the code for it")
    func revokedSocket() async throws {
        try await ListeningService.run(limits: Self.watchful) { service in
            let session = try service.session()
            ListeningService.append([Int16](repeating: 1, count: 800), to: session)
            let socket = try await service.open(session.streamName, "?from=start")
            #expect(try await socket.nextText()?["type"]?.stringValue == "start")
            let start = ContinuousClock.now
            try service.revoke()
            var code = 0
            while code == 0 {
                ListeningService.append([Int16](repeating: 1, count: 160), to: session)
                if case .close(let found) = try await socket.next() { code = found }
            }
            #expect(code == 1008)
            #expect(ContinuousClock.now - start < .seconds(2))
            #expect(service.counters.values.revokedAnswers == 1)
            _ = await session.finish()
        }
    }

    @Test("A revoked key ends the page's audio within two seconds, and the link is none any more")
    func revokedPage() async throws {
        try await ListeningService.run(limits: Self.watchful) { service in
            let session = try service.session()
            service.calls.isOver.withLock { $0 = false }
            ListeningService.append([Int16](repeating: 1, count: 8000), to: session)
            try await Task.sleep(for: .milliseconds(200))
            let (socket, status) = try await service.begin(Self.audio)
            #expect(status == 200)
            let start = ContinuousClock.now
            try service.revoke()
            _ = try await socket.rest()
            #expect(ContinuousClock.now - start < .seconds(2))
            #expect(service.counters.values.revokedAnswers == 1)
            #expect(try await service.begin(Self.audio).1 == 403)
            _ = await session.finish()
        }
    }

    /// A stream of 16-bit samples in fragments of ten seconds; its name.
    private static func keepSpeech(seconds: Int, in store: FragmentStore) throws -> String {
        let library = StreamLibrary(store: store)
        _ = try library.create(NewStream(name: "speech", mediaType: "audio/L16", retentionHours: 1))
        let ingest = try library.openIngest(.name("speech"))
        defer { ingest.close() }
        let audio =
            SampleMedia.element(0xB5, [0x45, 0xFA, 0x00, 0x00]) + SampleMedia.element(0x9F, [1])
            + SampleMedia.element(0x6264, [16])
        let track =
            SampleMedia.element(MatroskaElement.trackNumber, [1]) + SampleMedia.element(0x73C5, [1])
            + SampleMedia.element(0x83, [2]) + SampleMedia.element(0x86, Array("A_PCM/INT/LIT".utf8))
            + SampleMedia.element(0xE1, audio)
        let unknown: [UInt8] = [0x01] + [UInt8](repeating: 0xFF, count: 7)
        try ingest.append(
            header: SampleMedia.element(
                MatroskaElement.ebml, SampleMedia.element(MatroskaElement.docType, Array("matroska".utf8)))
                + [0x18, 0x53, 0x80, 0x67] + unknown
                + SampleMedia.element(
                    MatroskaElement.info, SampleMedia.element(MatroskaElement.timestampScale, [0x0F, 0x42, 0x40]))
                + SampleMedia.element(
                    MatroskaElement.tracks, SampleMedia.element(MatroskaElement.trackEntry, track)))
        let second = [UInt8](repeating: 5, count: 16_000)
        for start in stride(from: 0, to: seconds, by: 10) {
            let time = UInt64(start) * 1000
            var content = SampleMedia.element(
                MatroskaElement.timecode, (0..<8).map { UInt8(truncatingIfNeeded: time >> (56 - 8 * $0)) })
            for index in 0..<10 { content += SampleMedia.block(time: Int16(index * 1000), second) }
            _ = try ingest.append(
                cluster: SampleMedia.element(MatroskaElement.cluster, content),
                producerMilliseconds: 1_700_000_000_000 + Int64(time), durationMilliseconds: 10_000)
        }
        return "speech"
    }
}
