/// The files of one ingest: the one that is open, and what is needed to begin the next.
struct IngestFile {
    /// The file that is written at the moment.
    private final class OpenFile {
        var file: GrowingFile
        let live: LiveSession
        let openedAt: Int64

        init(file: consuming GrowingFile, live: LiveSession, openedAt: Int64) {
            self.file = file
            self.live = live
            self.openedAt = openedAt
        }
    }

    struct NewFragment {
        var tags: [(name: String, value: String)]
        var cluster: [UInt8]
        var producerMilliseconds: Int64
        var durationMilliseconds: Int64
    }

    static let maximumTags = 10
    static let maximumCluster = 50_000_000

    private let store: FragmentStore
    private var claim: ClaimedStream
    private var header: [UInt8] = []
    /// Where the eight bytes of the Segment's size lie in the header.
    private var segmentSize = 0
    private var open: OpenFile?
    private var lastServerMilliseconds: Int64 = 0
    private var counter: UInt64
    private var reserved: FragmentNumber?
    private var isClosed = false
    private var isSessionUsed = false

    init(store: FragmentStore, claim: ClaimedStream) {
        self.store = store
        self.claim = claim
        counter = UInt64(clamping: claim.session) * 1000 + 1
    }

    /// The open file.
    var path: String? { open?.live.path }

    mutating func setHeader(_ bytes: [UInt8]) throws(StreamLibraryError) {
        guard !isClosed else { throw .closed }
        let (parsed, sizeOffset) = try Self.parse(bytes)
        guard parsed != header else { return }
        try endFile()
        header = parsed
        segmentSize = sizeOffset
    }

    mutating func reserve(wallClock: Int64) throws(StreamLibraryError) -> FragmentNumber {
        guard !isClosed else { throw .closed }
        if let reserved { return reserved }
        // The file of a number is the one its counter belongs to.
        try beginFile(wallClock: wallClock)
        lastServerMilliseconds = max(lastServerMilliseconds, wallClock)
        let number = FragmentNumber(
            counter: counter, epochMilliseconds: UInt64(max(0, lastServerMilliseconds)),
            random: .random(in: 0..<1 << 28))
        counter += 1
        reserved = number
        return number
    }

    mutating func append(_ fragment: NewFragment, wallClock: Int64) throws(StreamLibraryError) -> FragmentNumber {
        let (bodyStart, hasTime) = try check(fragment)
        guard hasTime else { throw .invalidArgument("the cluster does not begin with its timecode") }
        let number = try reserve(wallClock: wallClock)
        guard let open else { throw .closed }
        let tags = FragmentTags.bytes(
            number: number, producerMilliseconds: fragment.producerMilliseconds, others: fragment.tags)
        let offset = open.file.length
        var bytes = offset == 0 ? header : []
        let start = bytes.count
        bytes += tags
        let cluster = bytes.count
        bytes.appendElementID(MatroskaElement.cluster)
        bytes.appendElementSize(fragment.cluster.count - bodyStart, length: 8)
        bytes += fragment.cluster[bodyStart...]
        var sealed: [UInt8] = []
        if let error = open.file.append(bytes, sealing: &sealed).error {
            open.file.keep(0)
            throw .disk(error)
        }
        reserved = nil
        var sum = CRC32C()
        sum.add(bytes, start..<cluster)
        sum.add(bytes, cluster + Int(ClusterPlaces.headLength)..<bytes.count)
        if offset == 0 { open.live.noteHeader(length: Int64(start)) }
        let isDue = open.live.note(
            IndexEntry(
                number: number, producerMilliseconds: fragment.producerMilliseconds,
                durationMilliseconds: UInt32(clamping: fragment.durationMilliseconds),
                place: FragmentPlace(
                    offset: offset + Int64(start), tagsLength: UInt32(cluster - start),
                    length: UInt32(bytes.count - start)), checksum: sum.value))
        open.live.watch.advance(to: offset + Int64(bytes.count))
        if isDue { store.finisher.addIndex(of: open.live) }
        return number
    }

    mutating func close() {
        guard !isClosed else { return }
        try? endFile()
        isClosed = true
        store.pool.release(claim, lastCounter: max(counter, 1) - 1)
        try? store.shelf.save(claim.name)
    }

    private mutating func beginFile(wallClock: Int64) throws(StreamLibraryError) {
        guard !header.isEmpty else { throw .invalidArgument("a header comes before the first fragment") }
        if let open {
            let age = wallClock &- open.openedAt
            guard open.file.length >= FragmentIngest.maximumFileLength || age >= FragmentIngest.maximumMilliseconds
            else { return }
            try endFile()
        }
        if isSessionUsed {
            guard let next = store.pool.nextSession(of: claim, lastCounter: max(counter, 1) - 1) else { throw .closed }
            claim = next
        }
        let name = SessionFileName(session: claim.session, transactionID: RandomUUID.make(), mediaIndex: 0)
        let path = "\(store.shelf.folder(claim.name))/\(name.text)"
        let shelf = store.shelf
        let stream = claim.name
        var file = GrowingFile(
            path: path, operations: store.directory.operations, vault: store.vault
        ) { () throws(FileError) in
            try shelf.save(stream)
        }
        isSessionUsed = true
        counter = UInt64(clamping: claim.session) * 1000 + 1
        // Known before its file is there: a file that nobody writes is a finished one.
        let live = LiveSession(streamName: stream, name: name, path: path, watch: shelf.watch(stream))
        shelf.begin(live)
        if let error = file.open() {
            shelf.end(live)
            throw .disk(error)
        }
        open = OpenFile(file: file, live: live, openedAt: wallClock)
    }

    /// Closes the open file; its Segment gets its size.
    private mutating func endFile() throws(StreamLibraryError) {
        guard let ended = open else { return }
        open = nil
        reserved = nil
        let length = ended.file.length
        var failure: FileError?
        if length > 0 {
            ended.file.removeLeftovers()
            let size = MatroskaHeader.segmentSize(length - Int64(segmentSize) - 8)
            failure = ended.file.overwrite(size, at: Int64(segmentSize))
        }
        failure = ended.file.close() ?? failure
        // Nothing came: no file either.
        if length == 0 { _ = store.directory.operations.remove(ended.live.path) }
        store.finisher.addIndex(of: ended.live)
        store.shelf.end(ended.live)
        if let failure { throw .disk(failure) }
    }
}
