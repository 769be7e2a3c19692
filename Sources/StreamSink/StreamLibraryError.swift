/// Why the library did not do what was asked.
public enum StreamLibraryError: Error, Hashable, Sendable, CustomStringConvertible {
    /// There is no such stream.
    case noSuchStream(String)
    /// There is a stream of that name already.
    case streamExists(String)
    /// The stream has changed since its version was read.
    case versionMismatch(current: String)
    /// A parameter is not possible; what and why.
    case invalidArgument(String)
    /// The stream is being written to.
    case streamBusy(String)
    /// More tags than a stream may have.
    case tagLimit(Int)
    /// The stream keeps nothing for later.
    case noRetention(String)
    /// The fragment is not there, or not any more.
    case noSuchFragment(FragmentNumber)
    /// The fragment's bytes are not what was written; what and where.
    case damaged(String)
    /// The library was opened for reading only.
    case readOnly
    /// Nothing can be added any more: the ingest is closed, or the store is shutting down.
    case closed
    /// A file call failed.
    case disk(FileError)

    /// One sentence, with what can be done.
    public var description: String {
        switch self {
        case .noSuchStream(let name): "there is no stream “\(name.prefix(300))”; list the streams for their names"
        case .streamExists(let name): "there is a stream “\(name.prefix(300))” already; choose another name"
        case .versionMismatch(let current):
            "the stream has changed; describe it again, its version is now \(current)"
        case .invalidArgument(let text): text
        case .streamBusy(let name):
            "the stream “\(name.prefix(300))” is being written to; try again when that has ended"
        case .tagLimit(let limit): "a stream has at most \(limit) tags; remove some first"
        case .noRetention(let name):
            "the stream “\(name.prefix(300))” keeps nothing for later; raise its data retention above 0 hours"
        case .noSuchFragment(let number): "there is no fragment \(number), or it has been deleted"
        case .damaged(let text): "\(text); “earshot verify” reports everything that is damaged"
        case .readOnly: "this data directory was opened for reading only"
        case .closed: "nothing can be written any more: it has been closed"
        case .disk(let error): error.description
        }
    }
}
