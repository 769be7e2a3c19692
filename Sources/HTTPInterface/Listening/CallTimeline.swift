import StreamSink
import Synchronization

/// A call on one line of time: when it began, how far it has come, and where each party's audio lies.
struct CallTimeline: Sendable {
    /// What its records say.
    let call: ListenedCall
    /// Wall clock of the call's first sample, milliseconds since 1970: place 0 of everything the page asks for.
    let originMilliseconds: Int64
    /// The length so far, milliseconds.
    let durationMilliseconds: Int64
    /// Whether more may come.
    let isLive: Bool
    /// Where each party's audio begins and ends, milliseconds from the origin; `nil` for one without any.
    let spans: [Range<Int64>?]

    /// Looks at what is kept; `nil` when there is no audio (yet).
    init?(_ call: ListenedCall, library: StreamLibrary) throws {
        var spans: [Range<Int64>?] = []
        var isLive = false
        for leg in call.legs {
            var span: Range<Int64>?
            for session in leg.sessions {
                if !call.isOver, (try? library.stream(.name(session.streamName)).isLive) == true { isLive = true }
                guard let found = try Self.span(of: session, library) else { continue }
                span = span.map { min($0.lowerBound, found.lowerBound)..<max($0.upperBound, found.upperBound) } ?? found
            }
            spans.append(span)
        }
        let present = spans.compactMap { $0 }
        guard let origin = present.map(\.lowerBound).min(), let end = present.map(\.upperBound).max() else {
            return nil
        }
        self.call = call
        self.isLive = isLive
        originMilliseconds = origin
        durationMilliseconds = end - origin
        self.spans = spans.map { $0.map { $0.lowerBound - origin..<$0.upperBound - origin } }
    }

    /// A session's beginning and end, by its fragments; also of one whose first fragment is still open.
    private static func span(of session: ListenedSession, _ library: StreamLibrary) throws -> Range<Int64>? {
        let reference = StreamReference.name(session.streamName)
        let before = FollowedAudio.before(session: session.number)
        guard (try? library.stream(reference)) != nil else { return nil }
        let follower = try library.follow(reference, from: .after(before))
        let part = try follower.next(maximumBytes: 1)
        guard case .begin(_, let first) = part else { return nil }
        guard first.session.session == session.number else { return nil }
        let last = try library.fragments(reference, after: before).last { $0.session.session == session.number }
        let end = last.map { $0.producerMilliseconds + $0.durationMilliseconds } ?? first.producerMilliseconds
        return first.producerMilliseconds..<max(first.producerMilliseconds, end)
    }

    /// What the page is told.
    var json: JSONValue {
        .object([
            .init("transactionId", .string(call.transactionID)), .init("callId", Self.text(call.callID)),
            .init("voiceConnectorId", Self.text(call.connectorID)), .init("direction", Self.text(call.direction)),
            .init("start", .string(UTCTime(milliseconds: originMilliseconds).isoMilliseconds)),
            .init("startMilliseconds", .integer(originMilliseconds)),
            .init("durationMilliseconds", .integer(durationMilliseconds)), .init("isLive", .bool(isLive)),
            .init(
                "legs",
                .array(
                    zip(zip(call.legs, call.channels), spans).map { party, span in
                        let (leg, channel) = party
                        return .object([
                            .init("name", .string(leg.name)), .init("channel", .integer(Int64(channel))),
                            .init("speaker", Self.text(leg.speaker)),
                            .init("number", Self.text(leg.number)), .init("label", Self.text(leg.label)),
                            .init("fromMilliseconds", span.map { .integer($0.lowerBound) } ?? .null),
                            .init("toMilliseconds", span.map { .integer($0.upperBound) } ?? .null),
                        ])
                    })),
        ])
    }

    private static func text(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }
}

/// The calls that somebody listens to, looked at again when that is due. Thread-safe, bounded.
final class CallTimelines: Sendable {
    /// Calls that are remembered.
    private static let limit = 256
    /// How long what was found is believed, of a call that goes on and of one that is over, milliseconds.
    private static let liveTime: Int64 = 1000
    private static let finishedTime: Int64 = 30_000

    private let finder: any ListenedCallFinding
    private let library: StreamLibrary
    private let clock: InterfaceClock
    private let known = Mutex<[String: (timeline: CallTimeline, found: Int64)]>([:])

    init(finder: any ListenedCallFinding, library: StreamLibrary, clock: InterfaceClock) {
        self.finder = finder
        self.library = library
        self.clock = clock
    }

    /// The call; `nil` when nothing is kept of it.
    func timeline(_ transaction: String) throws -> CallTimeline? {
        let now = clock.milliseconds()
        let remembered = known.withLock { $0[transaction] }
        if let remembered {
            let age = now - remembered.found
            if age >= 0, age < (remembered.timeline.isLive ? Self.liveTime : Self.finishedTime) {
                return remembered.timeline
            }
        }
        guard let call = try finder.call(transactionID: transaction),
            let timeline = try CallTimeline(call, library: library)
        else { return nil }
        known.withLock { known in
            if known.count >= Self.limit, known[transaction] == nil { known.removeAll() }
            // A call whose records say nothing yet is looked at soon again.
            known[transaction] = (timeline, call.isOver || timeline.isLive ? now : now - Self.finishedTime + 2000)
        }
        return timeline
    }
}
