import Logging
import MediaCore
import MediaEngine
import SDP
import StreamSink
import Synchronization

/// Carries a leg's audio, or its payloads, from its media worker to its stream. Called on the worker's thread.
final class RecordingTap: LegTap {
    private let session: StreamSession
    private let call: CallRecord
    private let leg: LegRecord
    private let records: RecordWriter
    private let logger: Logger
    /// The codec of the track, where payloads are kept.
    private let track: PayloadTrack?
    /// The payload type that the codec has now; a re-offer may renumber it. Above 127: none.
    private let payloadType: Atomic<UInt8>
    private let foreign = Atomic<UInt64>(0)
    private let pressed = Atomic<UInt64>(0)

    /// - Parameters:
    ///   - call: As it is when the stream starts; for the events of digits.
    ///   - codec: Of what the answer names, the codec that the stream most likely carries.
    init(
        session: StreamSession, codec: PayloadFormat?, call: CallRecord, leg: LegRecord, records: RecordWriter,
        logger: Logger
    ) {
        self.session = session
        self.call = call
        self.leg = leg
        self.records = records
        self.logger = logger
        if case .payload(let track) = session.format { self.track = track } else { track = nil }
        payloadType = Atomic(codec?.payloadType ?? .max)
    }

    /// Payloads whose type is not that of the track's codec: the peer sent another codec than it was answered.
    var foreignPayloads: UInt64 { foreign.load(ordering: .relaxed) }

    /// Telephone events that were told; none where digits are redacted.
    var digits: UInt64 { pressed.load(ordering: .relaxed) }

    var dropped: UInt64 { UInt64(clamping: session.lostSamples) &+ foreignPayloads }

    /// A re-offer has this codec first. A track of payloads holds one codec: another one is counted and left out.
    func keep(_ codec: PayloadFormat) {
        guard let track else { return }
        let isSame = codec.isEncoding(track.encodingName) && codec.clockRate == track.clockRate
        payloadType.store(isSame ? codec.payloadType : .max, ordering: .relaxed)
        if !isSame {
            logger.warning(
                "the codec has changed, and a stream of payloads holds one: what comes now is not kept",
                metadata: ["stream": "\(session.streamName)", "was": "\(track.encodingName)", "is": "\(codec)"])
        }
    }

    func append(_ samples: Span<Int16>) { session.append(samples) }

    func append(payload: RawSpan, payloadType: UInt8, at position: Int64, length: Int64) {
        guard payloadType == self.payloadType.load(ordering: .relaxed) else {
            foreign.add(1, ordering: .relaxed)
            return
        }
        session.append(payload: payload, at: position, length: length)
    }

    func observe(_ event: LegEvent) {
        switch event {
        case .mediaBegan: logger.debug("media began", metadata: ["stream": "\(session.streamName)"])
        // Not called where digits are redacted.
        case .digit(let event, let milliseconds, let position): note(event, milliseconds, at: position)
        }
    }

    private func note(_ event: TelephoneEvent, _ milliseconds: Int, at position: Int64) {
        // Which digit it was may be a secret (a card number, a PIN) and stays out of the log.
        logger.info(
            "telephone event", metadata: ["stream": "\(session.streamName)", "milliseconds": "\(milliseconds)"])
        pressed.add(1, ordering: .relaxed)
        guard let key = event.key else { return }
        session.note(digit: String(key), at: position, milliseconds: milliseconds)
        let rate = Int64(max(1, session.format.sampleRate))
        let offset = position / rate * 1000 + position % rate * 1000 / rate
        let now = UTCTime(milliseconds: MediaClock.wall / 1_000_000)
        let digit = StreamingEvent.digit(
            call, leg: leg, digit: String(key), offsetMilliseconds: offset, durationMilliseconds: Int64(milliseconds),
            at: now, id: RandomUUID.make())
        records.post(digit)
    }
}
