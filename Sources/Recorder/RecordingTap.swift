import Logging
import MediaCore
import MediaEngine
import SDP
import StreamSink
import Synchronization

/// Carries a leg's audio, or its payloads, from its media worker to its stream.
///
/// As a tap it is called on the worker's thread and only copies; what it heard besides audio waits until
/// ``tell(records:logger:)`` writes it down elsewhere.
final class RecordingTap: LegTap {
    private let session: StreamSession
    private let call: CallRecord
    private let leg: LegRecord
    /// The codec of the track, where payloads are kept.
    private let track: PayloadTrack?
    /// The payload types that the codec has or had, as bits; a re-offer may renumber it.
    private let lowTypes: Atomic<UInt64>
    private let highTypes: Atomic<UInt64>
    private let foreign = Atomic<UInt64>(0)
    private let queue = DigitQueue()
    private let hasBegun = Atomic<Bool>(false)
    /// Set for the service's watch whenever something waits here.
    private let hasNews: NewsFlag
    /// Held while events are posted, so that two tasks keep their order.
    private let telling = Mutex(false)

    /// - Parameters:
    ///   - codec: Of what the answer names, the codec that the stream most likely carries.
    ///   - call: As it is when the stream starts; for the events of digits.
    init(
        session: StreamSession, codec: PayloadFormat?, call: CallRecord, leg: LegRecord, hasNews: NewsFlag
    ) {
        self.session = session
        self.call = call
        self.leg = leg
        self.hasNews = hasNews
        if case .payload(let track) = session.format { self.track = track } else { track = nil }
        let types = PayloadNumbers(codec.map { [$0.payloadType] } ?? [])
        lowTypes = Atomic(types.low)
        highTypes = Atomic(types.high)
    }

    /// Payloads whose type is not that of the track's codec: the peer sent another codec than it was answered.
    var foreignPayloads: UInt64 { foreign.load(ordering: .relaxed) }

    /// Telephone events that were kept; none where digits are redacted.
    var digits: UInt64 { queue.taken }

    /// Telephone events that were too many.
    var digitOverflow: UInt64 { queue.overflow }

    var dropped: UInt64 { UInt64(clamping: session.lostSamples) &+ foreignPayloads }

    /// A re-offer lists `offered`, `codec` before others. A track of payloads holds one codec: another one is counted
    /// and left out. False where it is another.
    ///
    /// A number that the codec had before stays its own until another codec takes it (RFC 3264 §8.3.2 forbids that):
    /// packets under way still have it, and some senders never change over.
    func keep(_ codec: PayloadFormat, of offered: [PayloadFormat]) -> Bool {
        guard let track else { return true }
        var types = PayloadNumbers(
            low: lowTypes.load(ordering: .relaxed), high: highTypes.load(ordering: .relaxed))
        let isSame = track.isCodec(codec)
        for format in offered where !track.isCodec(format) { types.set(format.payloadType, false) }
        if isSame { types.set(codec.payloadType, true) }
        lowTypes.store(types.low, ordering: .relaxed)
        highTypes.store(types.high, ordering: .relaxed)
        return isSame
    }

    var isFollowed: Bool { session.isFollowed }

    func append(_ samples: Span<Int16>) { session.append(samples) }

    func append(payload: RawSpan, payloadType: UInt8, at position: Int64, length: Int64) {
        let types = PayloadNumbers(
            low: lowTypes.load(ordering: .relaxed), high: highTypes.load(ordering: .relaxed))
        guard types.contains(payloadType) else {
            foreign.add(1, ordering: .relaxed)
            return
        }
        session.append(payload: payload, at: position, length: length)
    }

    func observe(_ event: LegEvent) {
        switch event {
        case .mediaBegan: hasBegun.store(true, ordering: .releasing)
        // Not called where digits are redacted.
        case .digit(let event, let milliseconds, let position):
            let entry = DigitQueue.Entry(
                key: event.key, milliseconds: milliseconds, position: position,
                heardAt: MediaClock.wall / 1_000_000)
            queue.add(entry, at: MediaClock.arrival)
        }
        hasNews.raise()
    }

    /// Whether there is anything to tell.
    var isWaiting: Bool { queue.isWaiting || hasBegun.load(ordering: .acquiring) }

    /// Writes down what the leg told: events, tags of the stream, the log. Never on a media worker; may block.
    func tell(records: RecordWriter, logger: Logger) {
        let entries = telling.withLock { _ in
            let entries = queue.take()
            for entry in entries { post(entry, records) }
            return entries
        }
        if hasBegun.exchange(false, ordering: .acquiringAndReleasing) {
            logger.debug("media began", metadata: ["stream": "\(session.streamName)"])
        }
        for entry in entries {
            // Which digit it was may be a secret (a card number, a PIN) and stays out of the log.
            logger.info(
                "telephone event",
                metadata: ["stream": "\(session.streamName)", "milliseconds": "\(entry.milliseconds)"])
        }
    }

    private func post(_ entry: DigitQueue.Entry, _ records: RecordWriter) {
        guard let key = entry.key else { return }
        session.note(digit: String(key), at: entry.position, milliseconds: entry.milliseconds)
        let rate = Int64(max(1, session.format.sampleRate))
        let offset = entry.position / rate * 1000 + entry.position % rate * 1000 / rate
        records.post(
            .digit(
                call, leg: leg, digit: String(key), offsetMilliseconds: offset,
                durationMilliseconds: Int64(entry.milliseconds), at: UTCTime(milliseconds: entry.heardAt),
                id: RandomUUID.make()))
    }
}
