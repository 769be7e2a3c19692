/// All that is kept in a data directory: its streams and their fragments, as the HTTP interface and the commands see them.
///
/// Thread-safe. Its functions read and write small files and block for so long; whoever has a loop to keep free calls them
/// on a thread of its own.
public final class StreamLibrary: Sendable {
    /// Fragments of ``StreamInformation/retentionHours`` 0 are there for so long.
    public static let unretainedMilliseconds: Int64 = 5 * 60 * 1000
    /// And for so many bytes a stream.
    public static let unretainedBytes: Int64 = 200 << 20

    let shelf: StreamShelf
    /// `nil` where the library was opened on a directory alone.
    let store: FragmentStore?
    let dataDirectory: String
    let indexes = IndexCache()
    let wallClock: @Sendable () -> Int64

    /// The library of a running store.
    public convenience init(store: FragmentStore) {
        self.init(store: store, wallClock: { SystemClock.wallMilliseconds() })
    }

    /// - Parameter wallClock: UTC, milliseconds since 1970.
    init(store: FragmentStore, wallClock: @escaping @Sendable () -> Int64) {
        self.store = store
        shelf = store.shelf
        dataDirectory = store.directory.path
        self.wallClock = wallClock
    }

    /// The library of a directory, for reading only; a service may be running in it. What that service adds to a session
    /// is seen by looking at the file a few times a second; streams that it makes later are not.
    /// - Parameter keys: for encrypted sessions; they count for all that this process reads there.
    public init(dataDirectory: String, keys: MasterKeys? = nil) throws(StreamLibraryError) {
        var path = dataDirectory
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        guard FileContents.status("\(path)/streams") != nil else {
            throw .disk(FileError("open", "\(path)/streams", -FileCode.missing))
        }
        store = nil
        keys?.use(for: path)
        self.dataDirectory = path
        wallClock = { SystemClock.wallMilliseconds() }
        shelf = StreamShelf(
            streamsPath: "\(path)/streams", region: "", accountID: "", operations: nil,
            streams: StreamRegistry.load("\(path)/streams", region: "", accountID: ""))
    }

    /// Whether a session that is not closed may still grow.
    func mayGrow(_ live: LiveSession?) -> Bool {
        if let live { return !live.isEnded }
        return store == nil && DataDirectory.isInUse(dataDirectory)
    }

    /// The sessions of a stream whose files are there, oldest first.
    func sessions(_ stream: String) -> [SessionFileName] {
        FileContents.names(in: shelf.folder(stream)).compactMap { SessionFileName($0) }
            .sorted { $0.session < $1.session }
    }

    func path(_ stream: String, _ session: SessionFileName) -> String { "\(shelf.folder(stream))/\(session.text)" }

    /// The session, when it is being written in this process.
    func live(_ stream: String, _ session: SessionFileName) -> LiveSession? {
        guard let live = shelf.live(stream), live.name == session else { return nil }
        return live
    }

    /// The index of a session; `nil` when the file is gone or has no whole fragment yet.
    func index(_ stream: String, _ session: SessionFileName) throws(StreamLibraryError) -> SessionIndex? {
        let path = path(stream, session)
        let live = live(stream, session)
        if live == nil, let known = indexes.index(path) { return known }
        let source: SessionBytes
        do throws(FileError) {
            source = try SessionBytes(path: path)
        } catch {
            if error.code == Int32(FileCode.missing) { return nil }
            throw .disk(error)
        }
        do throws(WalkError) {
            return try load(source, live: live)
        } catch {
            switch error {
            // Not even the header can be read: nothing in it can be served.
            case .damaged: return nil
            case .file(let error): throw .disk(error)
            }
        }
    }

    private func load(_ source: SessionBytes, live: LiveSession?) throws(WalkError) -> SessionIndex? {
        let isFinal = !mayGrow(live)
        guard let index = try SessionIndex.load(source, live: live, isFinal: isFinal) else { return nil }
        guard live == nil, index.header.finishedLength == source.length else { return index }
        indexes.add(index, for: source.path)
        if !index.isFromFile, index.damage.isEmpty, let operations = shelf.operations {
            IndexWriter.replace(index, of: source.path, operations: operations)
        }
        return index
    }
}
