import StreamSink

/// One party's samples on the call's line, from a place on, session after session. Owned by one task.
final class LegReader {
    private let library: StreamLibrary
    private let audio: (any ListeningAudioMaking)?
    private let start: Int64
    private var rest: ArraySlice<ListenedSession>
    private var current: FollowedAudio?
    /// All there is has been read, and no more will come.
    private(set) var hasEnded = false

    /// - Parameter start: wall clock, milliseconds since 1970; what ended before it is passed over.
    init(_ leg: ListenedLeg, library: StreamLibrary, from start: Int64, audio: (any ListeningAudioMaking)?) {
        self.library = library
        self.audio = audio
        self.start = start
        rest = leg.sessions[...]
    }

    /// The next samples; `nil` when there are none at the moment, or no more.
    func next() throws -> PlacedSamples? {
        while true {
            guard let current = try session() else {
                hasEnded = true
                return nil
            }
            guard let event = try current.next() else {
                guard current.isOver else { return nil }
                self.current = nil
                continue
            }
            if case .samples(let placed) = event, placed.endMilliseconds > start { return placed }
        }
    }

    /// Waits until there may be more.
    nonisolated(nonsending) func waitForMore(until deadline: ContinuousClock.Instant) async {
        _ = await current?.waitForMore(until: deadline)
    }

    private func session() throws -> FollowedAudio? {
        if let current { return current }
        while let next = rest.first {
            rest = rest.dropFirst()
            // Its stream may have been deleted since the call was found.
            guard (try? library.stream(.name(next.streamName))) != nil else { continue }
            let from = try place(in: next)
            let opened = try FollowedAudio(
                library: library, stream: next.streamName, session: next.number, from: from, audio: audio)
            current = opened
            return opened
        }
        return nil
    }

    /// The fragment in which the start lies, else the session's first: a session may begin after the start.
    private func place(in session: ListenedSession) throws(StreamLibraryError) -> FollowStart {
        let before = FollowedAudio.before(session: session.number)
        let reference = StreamReference.name(session.streamName)
        let later = FragmentRange.producer(.min...start)
        // The last one that began at or before the start; the one after it in the file follows by itself.
        let covering = try library.fragments(reference, range: later, after: before)
            .last { $0.session.session == session.number }
        guard let covering else { return .after(before) }
        // Just below it: numbers of the same count are ordered by their time.
        return .after(FragmentNumber(counter: covering.number.counter, epochMilliseconds: 0, random: 0))
    }
}
