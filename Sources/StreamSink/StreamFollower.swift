/// One reader of a stream, from a start on without end: through what is kept, then along with what is written.
///
/// Owned by one task. It reads the files, so nothing it does or leaves undone costs the writer or another follower
/// anything; while it lives, the file it reads is not deleted by retention. When one session has been read to its end it
/// goes on with the next of the stream.
public final class StreamFollower {
    /// What comes next.
    public enum Part: Sendable, Equatable {
        /// A fragment: the file's header, to be sent before each fragment, and what is known of the fragment so far.
        case begin(header: [UInt8], StoredFragment)
        /// Bytes of the fragment: its tags, then its cluster as it grows.
        case bytes([UInt8])
        /// The fragment is complete. ``StoredFragment/isComplete`` is false where its file is damaged or cut.
        case end(StoredFragment)
    }

    /// The stream.
    public let streamName: String
    private let library: StreamLibrary
    private let watch: StreamWatch
    private let bell = FollowerBell()
    private var seen: UInt64 = 0
    private var session: FollowedSession?
    /// Sessions with a number above it come next.
    private var lastSession: Int
    private var fragment: StoredFragment?
    /// Fragments up to this number are passed over: the one that was named may still be open, or not begun.
    private let passed: FragmentNumber?

    init(library: StreamLibrary, stream: StreamDescription, start: FollowStart) throws(StreamLibraryError) {
        self.library = library
        streamName = stream.name
        watch = library.shelf.watch(stream.name)
        lastSession = -1
        if case .after(let number) = start { passed = number } else { passed = nil }
        switch try library.place(of: start, in: stream) {
        case .after(let session): lastSession = session
        case .at(let name, let offset):
            session = FollowedSession(
                library: library, stream: stream.name, name: name, offset: offset, after: passed)
            lastSession = session == nil ? name.session - 1 : name.session
        }
        watch.add(bell)
        library.shelf.clock.add(bell)
    }

    deinit {
        watch.remove(bell)
        library.shelf.clock.remove(bell)
    }

    /// The next part; `nil` when there is nothing at the moment. Blocks for one read from the file at most.
    /// - Parameter maximumBytes: no ``Part/bytes(_:)`` is longer.
    public func next(maximumBytes: Int = 64 << 10) throws(StreamLibraryError) -> Part? {
        seen = watch.change
        while true {
            if let session {
                do throws(WalkError) {
                    if let part = try session.next(maximumBytes: max(1, maximumBytes)) { return note(part) }
                } catch {
                    switch error {
                    case .damaged(let damage): throw .damaged("\(session.path): \(damage)")
                    case .file(let error): throw .disk(error)
                    }
                }
                guard session.isRead else { return nil }
                self.session = nil
            }
            guard let next = library.sessions(streamName).first(where: { $0.session > lastSession }) else { return nil }
            session = FollowedSession(library: library, stream: streamName, name: next, offset: nil, after: passed)
            // Gone in the meantime, or its file is being made.
            if session == nil, library.live(streamName, next) != nil { return nil }
            lastSession = next.session
        }
    }

    /// Waits until there may be more. False at the deadline, or when the task is cancelled.
    public nonisolated(nonsending) func waitForMore(until deadline: ContinuousClock.Instant) async -> Bool {
        if library.store == nil {
            // Another process writes: nobody rings, so look again soon.
            let soon = min(deadline, ContinuousClock.now + .milliseconds(40))
            try? await Task.sleep(until: soon, clock: .continuous)
            return !Task.isCancelled && ContinuousClock.now < deadline
        }
        return await watch.wait(since: seen, bell: bell, until: deadline)
    }

    /// How far the last part lies behind the wall clock, by the server's times; 0 when the clock was set back.
    public var millisecondsBehindNow: Int64 {
        guard let fragment else { return 0 }
        let length = session?.wholeMilliseconds ?? fragment.durationMilliseconds
        return max(0, library.wallClock() &- fragment.serverMilliseconds &- length)
    }

    private func note(_ part: Part) -> Part {
        switch part {
        case .begin(_, let fragment), .end(let fragment): self.fragment = fragment
        case .bytes: break
        }
        return part
    }
}
