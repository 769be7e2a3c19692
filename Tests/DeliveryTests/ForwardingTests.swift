import Foundation
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

@testable import Delivery
@testable import StreamSink

/// A session that is given one fragment each 20 ms, from its start to as far as the clock has come.
private struct PlayedSources: ForwardSourceProvider {
    let fragments: Int
    let start = ContinuousClock.now
    static let startedAt: Int64 = 1_700_000_000_000

    func open(_ leg: ForwardedLeg) throws -> any ForwardSource { Played(fragments: fragments, start: start) }

    private final class Played: ForwardSource {
        let fragments: Int
        let start: ContinuousClock.Instant
        var events: [StreamEvent] = []
        var next_ = -1

        init(fragments: Int, start: ContinuousClock.Instant) {
            self.fragments = fragments
            self.start = start
        }

        var hasEnded: Bool { next_ >= fragments && events.isEmpty }

        func next() -> StreamEvent? {
            if events.isEmpty {
                if next_ < 0 {
                    var track = MatroskaScanner.TrackDescription()
                    track.codecID = "A_PCM/INT/LIT"
                    track.bitDepth = 16
                    events = [.opened(startedAtMilliseconds: startedAt, track: track)]
                    next_ = 0
                } else if next_ < fragments, ContinuousClock.now >= start + .milliseconds(20 * next_) {
                    let tags: [MatroskaScanner.TagValue] = [
                        .init(name: "AWS_KINESISVIDEO_FRAGMENT_NUMBER", value: "1"), .init(name: "CallId", value: "c"),
                    ]
                    let time = Int64(next_) * 1000
                    events = [.fragment(Fragment(timecodeMilliseconds: time, tags: tags))]
                    for block in 0..<50 {
                        let position = time * 8 + Int64(block) * 160
                        events.append(.samples(Array(repeating: Int16(next_), count: 160), position: position))
                    }
                    next_ += 1
                } else {
                    return nil
                }
            }
            return events.removeFirst()
        }

        nonisolated(nonsending) func waitForMore() async throws { try await Task.sleep(for: .milliseconds(5)) }
    }
}

/// The far end: reads the body with the scanner and acknowledges what is whole.
private final class FarStream: Sendable {
    struct State {
        var kept: [Int64] = []
        var tags: Set<String> = []
        var connections = 0
        var samples: [Int64: Int] = [:]
    }
    let state = Mutex(State())
    /// Breaks the connection when so many fragments of it are kept; 0 = never.
    let breakAfter: Int
    let hasRetention: Bool
    let refuse: Int64?
    /// Whether what comes just before a break is kept and never acknowledged, and ListFragments tells.
    let isForgetful: Bool

    init(breakAfter: Int = 0, hasRetention: Bool = true, refuse: Int64? = nil, isForgetful: Bool = false) {
        self.isForgetful = isForgetful
        self.breakAfter = breakAfter
        self.hasRetention = hasRetention
        self.refuse = refuse
    }

    /// The answer to ListFragments.
    var list: String {
        let rows = state.withLock { $0.kept }.map { time in
            #"{"FragmentNumber":"1","ProducerTimestamp":\#(Double(time) / 1000)}"#
        }
        return #"{"Fragments":[\#(rows.joined(separator: ","))]}"#
    }

    func conversation(_ far: ScriptedServer.Conversing) {
        let connection = state.withLock { state in
            state.connections += 1
            return state.connections
        }
        var scanner = MatroskaScanner()
        var open: Int64?
        var keptHere = 0
        var isBroken = false
        let keep = { (time: Int64) in
            guard !isBroken else { return }
            if time == self.refuse {
                isBroken = true
                far.write(
                    #"{"EventType":"ERROR","FragmentTimecode":\#(time),"ErrorId":4006,"ErrorCode":"INVALID_MKV_DATA"}"#
                        + "\n")
                far.finish()
                return
            }
            self.state.withLock { $0.kept.append(time) }
            if self.isForgetful, keptHere == self.breakAfter - 1, connection < 4 {
                isBroken = true
                return far.hangUp()
            }
            far.write(#"{"EventType":"RECEIVED","FragmentTimecode":\#(time),"FragmentNumber":"1"}"# + "\n")
            if self.hasRetention {
                far.write(#"{"EventType":"PERSISTED","FragmentTimecode":\#(time),"FragmentNumber":"1"}"# + "\n")
            }
            keptHere += 1
            if self.breakAfter > 0, keptHere == self.breakAfter, connection < 4 {
                isBroken = true
                far.hangUp()
            }
        }
        far.onPiece = { piece in
            scanner.append(piece.readableBytesView)
            while let token = try? scanner.next() {
                switch token {
                case .timecode(let time):
                    if let open { keep(open) }
                    open = time
                    far.write(#"{"EventType":"BUFFERING","FragmentTimecode":\#(time)}"#)
                case .block(_, let payload):
                    self.state.withLock { $0.samples[open ?? -1, default: 0] += payload.count / 2 }
                case .tags(let tags): self.state.withLock { $0.tags.formUnion(tags.map(\.name)) }
                case .document, .segment, .info, .track, .cluster: break
                }
            }
        }
        far.onEnd = {
            if let open { keep(open) }
            if !isBroken { far.finish() }
        }
    }
}

@Suite("Live forwarding")
struct ForwardingTests {
    private static let stream = "ChimeVoiceConnector-vc-11111111-2222-3333-4444-555555555555"

    private func run(
        _ far: FarStream, fragments: Int = 12, missingStream: Bool = false,
        _ body: (Bench, ScriptedServer, DeliverySettings) async throws -> Void
    ) async throws {
        let isMade = Mutex(!missingStream)
        let server = try await ScriptedServer(
            .init(
                reply: { request in
                    if request.uri == "/createStream" {
                        isMade.withLock { $0 = true }
                        return .status(200, body: "{}")
                    }
                    if request.uri == "/listFragments", far.isForgetful { return .status(200, body: far.list) }
                    return .status(404, headers: [("x-amzn-ErrorType", "ResourceNotFoundException")], body: "{}")
                },
                conversation: { head in
                    guard head.uri == "/putMedia", isMade.withLock({ $0 }) else { return nil }
                    return { far.conversation($0) }
                }))
        let bench = try Bench()
        try bench.append([Bench.event("before", call: "x")])
        try bench.write([], to: "streams/\(Self.stream)/000000_call-1_0.mkv")
        let settings = Bench.quick { settings in
            guard let service = try? Bench.service(at: server.url) else { return }
            var kinesisVideo = DeliverySettings.KinesisVideo(service: service)
            kinesisVideo.sources = PlayedSources(fragments: fragments)
            kinesisVideo.streamPrefix = "copy-"
            settings.kinesisVideo = kinesisVideo
        }
        try await body(bench, server, settings)
        await server.stop()
    }

    private func started(_ bench: Bench) throws {
        let arn = "arn:aws:kinesisvideo:us-east-1:1:stream/\(Self.stream)/1"
        let extra = #","streamArn":"\#(arn)","mediaType":"audio/L16","sdp":{"mediaIndex":0}"#
        try bench.append([Bench.event("s", call: "call-1", extra: extra)])
    }

    private func times(_ count: Int) -> [Int64] { (0..<count).map { PlayedSources.startedAt + Int64($0) * 1000 } }

    @Test(
        "A leg goes out as it grows, and is through when the last fragment is acknowledged", arguments: [true, false])
    func wholeLeg(hasRetention: Bool) async throws {
        let far = FarStream(hasRetention: hasRetention)
        try await run(far) { bench, _, settings in
            try await bench.running(settings) { service in
                try started(bench)
                try await eventually("the leg") { service.statistics[0].acknowledged == 1 }
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(bench.path)/delivery/kinesisVideo").isEmpty)
        }
        let state = far.state.withLock { $0 }
        #expect(state.kept == times(12))
        #expect(state.connections == 1)
        #expect(state.tags == ["CallId"], "the far end gives its own numbers")
        #expect(state.samples.values.allSatisfy { $0 == 8000 })
    }

    @Test("A connection that breaks is made again behind the last fragment that was kept")
    func breaks() async throws {
        let far = FarStream(breakAfter: 3)
        try await run(far) { bench, _, settings in
            try await bench.running(settings) { service in
                try started(bench)
                try await eventually("the leg") { service.statistics[0].acknowledged == 1 }
            }
        }
        let state = far.state.withLock { $0 }
        #expect(state.connections >= 3)
        #expect(Set(state.kept) == Set(times(12)))
        #expect(state.kept.count <= 12 + state.connections, "one fragment is sent twice a break at most")
    }

    @Test("What the far end has, though it never said so, is asked for and not sent again")
    func lostAcknowledgements() async throws {
        let far = FarStream(breakAfter: 3, isForgetful: true)
        try await run(far) { bench, _, settings in
            try await bench.running(settings) { service in
                try started(bench)
                try await eventually("the leg") { service.statistics[0].acknowledged == 1 }
            }
        }
        let state = far.state.withLock { $0 }
        #expect(state.connections >= 4)
        #expect(state.kept == times(12), "each once and in order")
    }

    @Test("A far end that takes everything and says nothing is given up, and asked again")
    func silence() async throws {
        let connections = Mutex(0)
        let server = try await ScriptedServer(
            .init(conversation: { _ in
                connections.withLock { $0 += 1 }
                return { _ in }
            }))
        let bench = try Bench()
        try bench.append([Bench.event("before", call: "x")])
        try bench.write([], to: "streams/\(Self.stream)/000000_call-1_0.mkv")
        let settings = Bench.quick { settings in
            guard let service = try? Bench.service(at: server.url) else { return }
            var kinesisVideo = DeliverySettings.KinesisVideo(service: service)
            kinesisVideo.sources = PlayedSources(fragments: 1000)
            kinesisVideo.longestSilence = .milliseconds(300)
            settings.kinesisVideo = kinesisVideo
            settings.grace = .milliseconds(50)
        }
        try await bench.running(settings) { service in
            try started(bench)
            try await eventually("a second connection") { connections.withLock { $0 } > 1 }
            #expect(service.statistics[0].deadLetters == 0)
        }
        await server.stop()
    }

    @Test("A far end that only ever sends away is not asked in a circle")
    func circle() async throws {
        let connections = Mutex(0)
        let server = try await ScriptedServer(
            .init(conversation: { _ in
                connections.withLock { $0 += 1 }
                return { far in
                    far.write(#"{"EventType":"ERROR","ErrorId":4003,"ErrorCode":"STREAM_READ_ERROR"}"#)
                    far.finish()
                }
            }))
        let bench = try Bench()
        try bench.append([Bench.event("before", call: "x")])
        try bench.write([], to: "streams/\(Self.stream)/000000_call-1_0.mkv")
        var settings = Bench.quick { settings in
            guard let service = try? Bench.service(at: server.url) else { return }
            var kinesisVideo = DeliverySettings.KinesisVideo(service: service)
            kinesisVideo.sources = PlayedSources(fragments: 1000)
            settings.kinesisVideo = kinesisVideo
            settings.grace = .milliseconds(50)
        }
        settings.policy.base = .seconds(100)
        settings.policy.longestWait = .seconds(1000)
        try await bench.running(settings) { service in
            try started(bench)
            try await eventually("the queue is told") { service.statistics[0].failures == 1 }
            try await Task.sleep(for: .milliseconds(300))
        }
        #expect(connections.withLock { $0 } <= 8)
        await server.stop()
    }

    @Test("A restart goes on where the last acknowledgement was")
    func restart() async throws {
        let far = FarStream()
        // Six seconds of them, 20 ms apart: a slow start must not find all of them due.
        let count = 300
        try await run(far, fragments: count) { bench, _, settings in
            var settings = settings
            settings.grace = .milliseconds(50)
            try await bench.running(settings) { _ in
                try started(bench)
                try await eventually("some fragments") { far.state.withLock { $0.kept.count } > 5 }
            }
            let first = far.state.withLock { $0.kept.count }
            #expect(first < count)
            try await bench.running(settings) { service in
                try await eventually("the leg", within: 60) { service.statistics[0].acknowledged == 1 }
            }
        }
        let state = far.state.withLock { $0 }
        #expect(Set(state.kept) == Set(times(count)))
        #expect(state.kept.count <= count + 2, "what was under way at the end, at most")
    }

    @Test("A fragment that is refused again and again is left out and the others arrive")
    func refused() async throws {
        let refused = PlayedSources.startedAt + 4000
        let far = FarStream(refuse: refused)
        try await run(far) { bench, _, settings in
            try await bench.running(settings) { service in
                try started(bench)
                try await eventually("the leg") { service.statistics[0].acknowledged == 1 }
            }
        }
        #expect(Set(far.state.withLock { $0.kept }) == Set(times(12).filter { $0 != refused }))
    }

    @Test("A stream that is missing is made")
    func missingStream() async throws {
        let far = FarStream()
        try await run(far, fragments: 3, missingStream: true) { bench, server, settings in
            try await bench.running(settings) { service in
                try started(bench)
                try await eventually("the leg") { service.statistics[0].acknowledged == 1 }
            }
            let made = server.requests.first { $0.uri == "/createStream" }
            #expect(made?.text.contains(#""StreamName":"copy-\#(Self.stream)""#) ?? false)
        }
        #expect(far.state.withLock { $0.kept } == times(3))
    }
}
