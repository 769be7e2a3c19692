import Synchronization

/// A session that is being written, as its writer and its readers share it: how far its file is whole, and the part of
/// its index that is not in the index file yet.
final class LiveSession: Sendable {
    /// So many fragments are gathered before the index file is written: about half a minute.
    static let batch = 30
    /// When the index file cannot be written, more than so many are not kept; readers read the file instead.
    static let limit = 20 * batch

    let streamName: String
    let name: SessionFileName
    let path: String
    let watch: StreamWatch

    private let ended = Atomic<Bool>(false)
    private let endLength = Atomic<Int64>(0)
    private let state = Mutex(State())

    private struct State {
        var headerLength: Int64 = 0
        var headerChecksum: UInt32 = 0
        /// Fragments that are in the index file already.
        var written = 0
        /// The end of the last of them.
        var writtenEnd: Int64 = 0
        var waiting = WaitingEntries()
        /// The index file could not be written for a long time; it is made anew from the file later.
        var isGivenUp = false
    }

    /// The stream's session before it has ended.
    init(streamName: String, name: SessionFileName, path: String, watch: StreamWatch) {
        watch.advance(to: 0)
        self.streamName = streamName
        self.name = name
        self.path = path
        self.watch = watch
    }

    /// Everything below it is in the file and will never be taken back.
    var committed: Int64 {
        // The stream's number is this session's as long as the session has not ended after it was read.
        let length = watch.committed
        return isEnded ? endLength.load(ordering: .relaxed) : length
    }
    /// The file is closed; ``committed`` is its length.
    var isEnded: Bool { ended.load(ordering: .acquiring) }

    /// The first fragment begins there.
    /// - Parameter checksum: of the header; 0 when it is not known.
    func noteHeader(length: Int64, checksum: UInt32 = 0) {
        state.withLock { state in
            state.headerLength = length
            state.headerChecksum = checksum
        }
    }

    /// A fragment is complete. Returns whether enough have come together to be written.
    func note(_ entry: IndexEntry) -> Bool {
        state.withLock { state in
            guard !state.isGivenUp else { return false }
            guard state.waiting.count < Self.limit, state.waiting.append(entry) else {
                state.isGivenUp = true
                state.waiting.removeAll()
                return false
            }
            return state.waiting.count % Self.batch == 0
        }
    }

    /// The file is closed and no byte will change but the sizes in the heads.
    func end() {
        endLength.store(watch.committed, ordering: .relaxed)
        ended.store(true, ordering: .releasing)
        watch.changed()
    }

    /// What is to be written into the index file, and after how many entries.
    struct Batch {
        var headerLength: Int64
        var headerChecksum: UInt32
        var first: Int
        var entries: [IndexEntry]
    }

    var nextBatch: Batch? {
        state.withLock { state in
            guard !state.isGivenUp, state.waiting.count > 0 else { return nil }
            return Batch(
                headerLength: state.headerLength, headerChecksum: state.headerChecksum, first: state.written,
                entries: state.waiting.entries)
        }
    }

    /// A batch is in the index file.
    func wrote(_ batch: Batch) {
        state.withLock { state in
            guard !state.isGivenUp, state.written == batch.first else { return }
            state.waiting.removeFirst(batch.entries.count)
            state.written += batch.entries.count
            state.writtenEnd = batch.entries.last?.place.end ?? state.writtenEnd
        }
    }

    /// The complete fragments that are not in the index file, and how many are in it.
    var tail: (written: Int, headerLength: Int64, entries: [IndexEntry]) {
        state.withLock { ($0.written, $0.headerLength, $0.waiting.entries) }
    }

    /// Where the open fragment begins; `nil` when that must be found in the file.
    var openFragment: Int64? {
        state.withLock { state in
            if state.isGivenUp || state.headerLength == 0 { return nil }
            return state.waiting.lastEnd ?? (state.written > 0 ? state.writtenEnd : state.headerLength)
        }
    }
}
