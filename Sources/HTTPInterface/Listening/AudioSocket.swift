import NIOCore
import NIOWebSocket
import ServiceLifecycle
import StreamSink

/// Sends one session's samples over a WebSocket as they are written. Owned by the reader's task.
struct AudioSocket {
    /// The most frames that are read before they are written: two seconds, about 33 kB at 8 kHz.
    private static let batch = 100
    /// How much of what was recorded just before a live reader came is sent, in blocks of 20 ms.
    private static let liveBlocks = 10
    /// How soon the end of the service is noticed.
    private static let noticeTime: Duration = .milliseconds(250)
    /// How long a reader may wait for a call to begin.
    private static let waitTime: Duration = .seconds(60)

    let connection: WebSocketConnection
    let streamName: String
    private var watch: PermissionWatch
    private let counters: HTTPCounters
    private var framer = AudioFramer()
    private var session: Int?
    private var frames = 0

    init(connection: WebSocketConnection, streamName: String, watch: PermissionWatch, counters: HTTPCounters) {
        self.connection = connection
        self.streamName = streamName
        self.watch = watch
        self.counters = counters
    }

    /// Sends until the session ends, the reader goes away or the service stops; then closes.
    mutating func run(_ audio: FollowedAudio, isLive: Bool) async {
        do {
            if isLive { try await sendLatest(of: audio) }
            let patience = ContinuousClock.now + Self.waitTime
            while !Task.isCancelled, !Task.isShuttingDownGracefully, !connection.isClosed {
                guard watch.holds() else {
                    counters.add(\.revokedAnswers)
                    return await connection.close(.policyViolation, "The access key has been revoked.")
                }
                if try await send(from: audio) { continue }
                if audio.isOver { return try await end("The session has ended.") }
                if session == nil, ContinuousClock.now >= patience {
                    return try await end("Nothing was recorded into the stream for a minute.")
                }
                _ = await audio.waitForMore(until: ContinuousClock.now + Self.noticeTime)
            }
            await connection.close(.goingAway, "The service is stopping.")
        } catch is ChannelError {
            // The reader is gone: nobody is left to be told.
            await connection.close(.goingAway)
        } catch {
            let text =
                ServiceError.from(error)?.message ?? "The stream cannot be read on; 'earshot verify' says why."
            try? await connection.send([.text(Self.event("error", [.init("message", .string(text))]))])
            await connection.close(.unexpectedServerError, "error")
        }
    }

    /// Passes over what the open fragment holds already, but for its last moments.
    private mutating func sendLatest(of audio: FollowedAudio) async throws {
        var opened: FollowedAudio.Event?
        var latest: [PlacedSamples] = []
        while let event = try audio.next() {
            switch event {
            case .opened: opened = event
            case .samples(let placed):
                latest.append(placed)
                if latest.count > Self.liveBlocks { latest.removeFirst() }
            }
        }
        var messages: [WebSocketMessage] = []
        if let opened { take(opened, startMilliseconds: latest.first?.startMilliseconds, into: &messages) }
        for placed in latest { framer.add(placed, to: &messages) }
        if !messages.isEmpty { try await connection.send(messages) }
    }

    /// Sends what is there, up to a batch; whether there was anything.
    private mutating func send(from audio: FollowedAudio) async throws -> Bool {
        var messages: [WebSocketMessage] = []
        var moved = false
        while messages.count < Self.batch, let event = try audio.next() {
            moved = true
            take(event, startMilliseconds: nil, into: &messages)
        }
        if !messages.isEmpty { try await connection.send(messages) }
        frames += messages.count
        return moved
    }

    private mutating func take(
        _ event: FollowedAudio.Event, startMilliseconds: Int64?, into messages: inout [WebSocketMessage]
    ) {
        switch event {
        case .opened(let fragment, let tags, let rate):
            session = fragment.session.session
            let start = startMilliseconds ?? fragment.producerMilliseconds
            messages.append(
                .text(
                    Self.event(
                        "start",
                        [
                            .init("stream", .string(streamName)),
                            .init("transactionId", .string(tags["TransactionId"] ?? fragment.session.transactionID)),
                            .init("callId", tags["CallId"].map(JSONValue.string) ?? .null),
                            .init("voiceConnectorId", tags["VoiceConnectorId"].map(JSONValue.string) ?? .null),
                            .init("mediaIndex", .integer(Int64(fragment.session.mediaIndex))),
                            .init("fragment", .string(fragment.number.description)),
                            .init("sampleRate", .integer(Int64(rate))), .init("channels", .integer(1)),
                            .init("encoding", .string("S16LE")), .init("frameMilliseconds", .integer(20)),
                            .init("start", .string(UTCTime(milliseconds: start).isoMilliseconds)),
                            .init("startMilliseconds", .integer(start)),
                        ])))
        case .samples(let placed):
            framer.add(placed, to: &messages)
        }
    }

    private mutating func end(_ reason: String) async throws {
        var messages: [WebSocketMessage] = []
        framer.flush(to: &messages)
        messages.append(
            .text(
                Self.event(
                    "end",
                    [
                        .init("reason", .string(reason)),
                        .init("endMilliseconds", session == nil ? .null : .integer(framer.endMilliseconds)),
                    ])))
        try await connection.send(messages)
        await connection.close(.normalClosure)
    }

    private static func event(_ type: String, _ members: [JSONValue.Member]) -> String {
        JSONValue.object([.init("type", .string(type))] + members).text
    }
}
