import Synchronization

/// The one producer of a stream that is not a call: takes whole fragments, numbers them and keeps them.
///
/// Thread-safe, but its functions write files and block for so long. Fragments are readable as soon as
/// ``append(tags:cluster:producerMilliseconds:durationMilliseconds:)`` returns. Close it when the producer has gone;
/// forgotten, it closes itself.
public final class FragmentIngest: Sendable {
    /// A session's file is closed and the next begun when it is as long as that.
    static let maximumFileLength: Int64 = 256 << 20
    /// Or has been written for so long.
    static let maximumMilliseconds: Int64 = 3_600_000

    /// The stream.
    public let streamName: String
    private let store: FragmentStore
    private let wallClock: @Sendable () -> Int64
    private let state: Mutex<IngestFile>

    init(store: FragmentStore, claim: ClaimedStream, wallClock: @escaping @Sendable () -> Int64) {
        self.store = store
        self.wallClock = wallClock
        streamName = claim.name
        state = Mutex(IngestFile(store: store, claim: claim))
    }

    deinit { close() }

    /// The producer's header: EBML header, Segment, and what stands before the first fragment. Another header than before
    /// begins another file.
    /// - Parameter header: ends before the first `Cluster` (and before tags that belong to it).
    public func append(header: [UInt8]) throws(StreamLibraryError) {
        try state.withLock { (state) throws(StreamLibraryError) in try state.setHeader(header) }
    }

    /// The number the next fragment will have, for an acknowledgement before it is whole.
    public func nextNumber() throws(StreamLibraryError) -> FragmentNumber {
        try state.withLock { (state) throws(StreamLibraryError) in try state.reserve(wallClock: wallClock()) }
    }

    /// Adds a fragment.
    /// - Parameters:
    ///   - tags: the producer's tags, at most 10; written before the cluster, after those of the number and the times.
    ///   - cluster: the whole `Cluster` element with its head, whose size may be unknown; at most 50 MB.
    ///   - producerMilliseconds: wall clock of its first frame as the producer says, milliseconds since 1970.
    ///   - durationMilliseconds: its length; kept in the index.
    /// - Returns: its number. It can be read now; it is sure to survive a power cut after ``sync()``.
    public func append(
        tags: [(name: String, value: String)] = [], cluster: [UInt8], producerMilliseconds: Int64,
        durationMilliseconds: Int64
    ) throws(StreamLibraryError) -> FragmentNumber {
        let fragment = IngestFile.NewFragment(
            tags: tags, cluster: cluster, producerMilliseconds: producerMilliseconds,
            durationMilliseconds: durationMilliseconds)
        return try state.withLock { (state) throws(StreamLibraryError) in
            try state.append(fragment, wallClock: wallClock())
        }
    }

    /// Returns when everything that was added is on the disk.
    public func sync() throws(StreamLibraryError) {
        let path = state.withLock { $0.path }
        guard let path else { return }
        // The file's own descriptor only writes; another one of the same file flushes it as well.
        let operations = store.directory.operations
        let file = operations.open(path, 0, 0)
        guard file >= 0 else { throw .disk(FileError("open", path, file)) }
        let synced = operations.sync(Int32(file))
        _ = operations.close(Int32(file))
        guard synced >= 0 else { throw .disk(FileError("flush", path, synced)) }
    }

    /// Ends the session and gives the stream free. Safe to call twice.
    public func close() {
        state.withLock { $0.close() }
    }
}

extension StreamLibrary {
    /// Opens a stream for a producer. One writer a stream: a second is refused until the first has been closed.
    public func openIngest(_ reference: StreamReference) throws(StreamLibraryError) -> FragmentIngest {
        let store = try checkWritable()
        let stream = try shelf.description(reference)
        guard let claim = store.pool.claim(name: stream.name) else { throw .streamBusy(stream.name) }
        return FragmentIngest(store: store, claim: claim, wallClock: wallClock)
    }
}
