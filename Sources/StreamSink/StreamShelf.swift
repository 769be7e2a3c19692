import Synchronization

/// All streams of a data directory as one process sees them: what is known of each, which is being written, who watches
/// and who holds what. Thread-safe.
final class StreamShelf: Sendable {
    private struct State {
        var streams: [String: StreamDescription] = [:]
        var live: [String: LiveSession] = [:]
        var watches: [String: StreamWatch] = [:]
        /// Readers of each file, by path.
        var holds: [String: Int] = [:]
        /// Files that are being deleted.
        var leaving: Set<String> = []
    }

    let streamsPath: String
    let region: String
    let accountID: String
    /// `nil` where nothing may be changed.
    let operations: FileOperations?
    let clock = FollowerClock()
    /// Bytes of all sessions that have ended since the start, and how many these were.
    private let ended = Mutex((bytes: Int64(0), count: 0))
    private let state: Mutex<State>
    /// Held while a `stream.json` is written, so that an older one never replaces a newer one.
    private let saving = Mutex(())

    init(
        streamsPath: String, region: String, accountID: String, operations: FileOperations?,
        streams: [StreamDescription]
    ) {
        self.streamsPath = streamsPath
        self.region = region
        self.accountID = accountID
        self.operations = operations
        var initial = State()
        for stream in streams { initial.streams[stream.name] = stream }
        state = Mutex(initial)
    }

    func folder(_ stream: String) -> String { "\(streamsPath)/\(stream)" }

    // What is known

    func description(_ name: String) -> StreamDescription? { state.withLock { $0.streams[name] } }

    func description(_ reference: StreamReference) throws(StreamLibraryError) -> StreamDescription {
        let found: StreamDescription?
        switch reference {
        case .name(let name): found = description(name)
        case .arn(let arn):
            // arn:aws:kinesisvideo:<region>:<account>:stream/<name>/<creation>
            let parts = arn.split(separator: "/", omittingEmptySubsequences: false)
            let stream = parts.count == 3 ? description(String(parts[1])) : nil
            found = stream?.arn == arn ? stream : nil
        }
        guard let found else { throw .noSuchStream(reference.description) }
        return found
    }

    /// How many streams there are.
    var count: Int { state.withLock { $0.streams.count } }

    /// The names of all streams, sorted.
    var names: [String] { state.withLock { $0.streams.keys.sorted() } }

    /// Adds a stream; false when there is one of that name.
    func add(_ stream: StreamDescription) -> Bool {
        state.withLock { state in
            guard state.streams[stream.name] == nil else { return false }
            state.streams[stream.name] = stream
            return true
        }
    }

    /// Changes what is known of a stream. Nothing happens when it is gone.
    @discardableResult
    func update(_ name: String, _ change: (inout StreamDescription) -> Void) -> StreamDescription? {
        state.withLock { state in
            guard var stream = state.streams[name] else { return nil }
            change(&stream)
            state.streams[name] = stream
            return stream
        }
    }

    /// Forgets a stream; false when it is being written to or there is none.
    func remove(_ name: String) -> Bool {
        state.withLock { state in
            guard state.live[name] == nil, state.streams.removeValue(forKey: name) != nil else { return false }
            return true
        }
    }

    /// Writes the stream's `stream.json`, with its folder where that is missing.
    func save(_ name: String) throws(FileError) {
        guard let operations else { return }
        try saving.withLock { (_) throws(FileError) in
            guard let stream = description(name) else { return }
            let folder = folder(name)
            let made = operations.makeDirectory(folder)
            guard made >= 0 || made == -FileCode.exists else { throw FileError("create the directory", folder, made) }
            try operations.replaceFile(at: "\(folder)/stream.json", with: stream.json.bytes)
        }
    }

    // What is being written

    /// The stream as its followers see it.
    func watch(_ name: String) -> StreamWatch {
        state.withLock { state in
            if let watch = state.watches[name] { return watch }
            let watch = StreamWatch()
            state.watches[name] = watch
            return watch
        }
    }

    func live(_ name: String) -> LiveSession? { state.withLock { $0.live[name] } }

    func begin(_ session: LiveSession) { state.withLock { $0.live[session.streamName] = session } }

    /// The session's file is closed.
    func end(_ session: LiveSession) {
        state.withLock { state in
            if state.live[session.streamName] === session { state.live[session.streamName] = nil }
        }
        session.end()
        ended.withLock { ended in
            ended.bytes += Self.room(session.committed)
            ended.count += 1
        }
    }

    /// See ``ended``.
    var endedSessions: (bytes: Int64, count: Int) { ended.withLock { $0 } }

    /// What the sessions that are being written take, about.
    var liveBytes: Int64 {
        let sessions = state.withLock { Array($0.live.values) }
        return sessions.reduce(0) { $0 + Self.room($1.committed) }
    }

    /// A file and its index take whole blocks.
    private static func room(_ bytes: Int64) -> Int64 { (bytes + 8191) & ~4095 }

    // Who holds what

    /// Keeps a file from being deleted by retention. False when it is being deleted. To be paired with ``release(_:)``.
    func hold(_ path: String) -> Bool {
        state.withLock { state in
            guard !state.leaving.contains(path) else { return false }
            state.holds[path, default: 0] += 1
            return true
        }
    }

    func release(_ path: String) {
        state.withLock { state in
            guard let count = state.holds[path] else { return }
            state.holds[path] = count > 1 ? count - 1 : nil
        }
    }

    func isHeld(_ path: String) -> Bool { state.withLock { $0.holds[path] != nil } }

    /// Deletes a session's file when nobody holds it and it is not being written.
    /// - Returns: the error number, 0 when it is gone, `nil` when it must stay.
    func remove(_ path: String, stream: String, session: SessionFileName) -> Int? {
        guard let operations else { return nil }
        let mayGo = state.withLock { state in
            guard state.holds[path] == nil, state.live[stream]?.name != session else { return false }
            return state.leaving.insert(path).inserted
        }
        guard mayGo else { return nil }
        // Not under the lock: a long file takes its time to go, and calls are waiting to be opened.
        defer { _ = state.withLock { $0.leaving.remove(path) } }
        let removed = operations.remove(path)
        return removed < 0 ? -removed : 0
    }
}
