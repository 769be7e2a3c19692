import StreamSink

/// Samples that follow each other, and where they belong.
struct PlacedSamples: Sendable, Equatable {
    /// Wall clock of place 0, milliseconds since 1970.
    var originMilliseconds: Int64
    /// The place of the first sample.
    var position: Int64
    /// Samples a second.
    var rate: Int
    /// The samples.
    var samples: [Int16]

    /// Wall clock of the first sample, milliseconds since 1970.
    var startMilliseconds: Int64 { originMilliseconds + position * 1000 / Int64(rate) }
    /// Wall clock of the end of the last one.
    var endMilliseconds: Int64 { originMilliseconds + (position + Int64(samples.count)) * 1000 / Int64(rate) }
}

/// One session's samples as they are written, read through a ``StreamFollower``. Owned by one task.
///
/// It keeps nothing but the part of one read: who takes them slowly falls behind in the file.
final class FollowedAudio {
    /// What comes next.
    enum Event {
        /// The session's first block is there: its fragment, the fragment's tags, samples a second.
        case opened(StoredFragment, tags: [String: String], rate: Int)
        /// Samples, in order.
        case samples(PlacedSamples)
    }

    /// The most that is read at once, bytes: two seconds of 8 kHz PCM.
    private static let partBytes = 32 * 1024

    /// The session's stream.
    let streamName: String
    /// The session, once there is one.
    private(set) var session: Int?
    /// Nothing more will come.
    private(set) var isOver = false

    private let library: StreamLibrary
    private let audio: (any ListeningAudioMaking)?
    private let follower: StreamFollower
    private var events: [Event] = []
    private var nextEvent = 0
    private var parser = FragmentParser()
    private var isWanted = false

    /// - Parameter session: only this one's samples; without it the first that comes, and none after it.
    init(
        library: StreamLibrary, stream: String, session: Int?, from start: FollowStart,
        audio: (any ListeningAudioMaking)?
    ) throws(StreamLibraryError) {
        self.library = library
        self.audio = audio
        self.session = session
        streamName = stream
        follower = try library.follow(.name(stream), from: start)
    }

    /// Where a session's first fragment is looked for.
    static func start(ofSession number: Int) -> FollowStart {
        .after(before(session: number))
    }

    /// A number just below a session's first fragment, whose count is the session's number times a thousand, plus one.
    static func before(session number: Int) -> FragmentNumber {
        FragmentNumber(counter: UInt64(clamping: number) &* 1000 &+ 1, epochMilliseconds: 0, random: 0)
    }

    /// What is there already; `nil` when there is nothing at the moment, or no more (``isOver``).
    func next() throws -> Event? {
        while true {
            if nextEvent < events.count {
                defer { nextEvent += 1 }
                return events[nextEvent]
            }
            events.removeAll(keepingCapacity: true)
            nextEvent = 0
            guard !isOver else { return nil }
            // Asked before the look at the file: what is written until then is seen by the look.
            let isLive = (try? library.stream(.name(streamName)).isLive) ?? false
            guard let part = try follower.next(maximumBytes: Self.partBytes) else {
                if !isLive, session != nil { isOver = true }
                return nil
            }
            try take(part)
        }
    }

    /// Waits until there may be more; false at the deadline.
    nonisolated(nonsending) func waitForMore(until deadline: ContinuousClock.Instant) async -> Bool {
        await follower.waitForMore(until: deadline)
    }

    private func take(_ part: StreamFollower.Part) throws {
        switch part {
        case .begin(let header, let fragment):
            let number = fragment.session.session
            if let session, number > session {
                isOver = true
                return
            }
            isWanted = session == nil || number == session
            guard isWanted else { return }
            session = number
            parser.begin(header: header, fragment)
        case .bytes(let bytes):
            if isWanted { try parser.add(bytes, audio: audio, events: &events) }
        case .end:
            isWanted = false
        }
    }
}

/// Takes the fragments of one session apart.
private struct FragmentParser {
    private var scanner = MatroskaScanner()
    private var fragment: StoredFragment?
    private var decoder: (any BlockDecoding)?
    private var rate = 0
    private var tags: [String: String] = [:]
    private var clusterTime: Int64 = 0
    private var origin: Int64?
    private var hasFirstBlock = false
    private var isOpened = false

    mutating func begin(header: [UInt8], _ fragment: StoredFragment) {
        // A fragment may have been cut in the middle of an element: each is read from its head.
        scanner = MatroskaScanner()
        scanner.append(header)
        self.fragment = fragment
        hasFirstBlock = false
    }

    mutating func add(
        _ bytes: [UInt8], audio: (any ListeningAudioMaking)?, events: inout [FollowedAudio.Event]
    ) throws {
        scanner.append(bytes)
        while let token = try scanner.next() {
            switch token {
            case .track(let track): if rate == 0 { try open(track, audio) }
            case .tags(let values):
                for value in values.prefix(32) { tags[value.name] = value.value }
            case .timecode(let time): clusterTime = time
            case .block(let relative, let payload):
                try take(payload, at: clusterTime + Int64(relative), events: &events)
            case .document, .segment, .info, .cluster: break
            }
        }
    }

    private mutating func open(_ track: MatroskaScanner.TrackDescription, _ audio: (any ListeningAudioMaking)?) throws {
        if track.codecID == "A_PCM/INT/LIT", track.bitDepth == 16, track.channels == 1,
            (1000...192_000).contains(track.samplingFrequency)
        {
            rate = Int(track.samplingFrequency)
            return
        }
        guard let decoder = audio?.decoder(for: track) else {
            throw ServiceError(
                MediaMakingError.unsupportedMedia(
                    "The stream holds \(track.codecID.prefix(40)), which cannot be decoded here."))
        }
        self.decoder = decoder
        rate = max(1, decoder.sampleRate)
    }

    private mutating func take(
        _ payload: Range<Int>, at time: Int64, events: inout [FollowedAudio.Event]
    ) throws {
        guard let fragment, rate > 0 else { return }
        if !hasFirstBlock {
            hasFirstBlock = true
            // The fragment's own time, since another producer's timecodes may begin anywhere.
            let own = fragment.producerMilliseconds - time
            if origin.map({ abs($0 - own) > 1 }) ?? true { origin = own }
        }
        if !isOpened {
            isOpened = true
            events.append(.opened(fragment, tags: tags, rate: rate))
        }
        let place: Int64
        let samples: [Int16]
        if let decoder {
            guard let made = decoder.samples(of: Array(scanner.buffer[payload]), atMilliseconds: max(0, time)) else {
                return
            }
            (place, samples) = (made.position, made.samples)
        } else {
            (place, samples) = (time * Int64(rate) / 1000, scanner.samples(in: payload))
        }
        guard !samples.isEmpty else { return }
        events.append(
            .samples(PlacedSamples(originMilliseconds: origin ?? 0, position: place, rate: rate, samples: samples)))
    }
}
