/// The journals of calls in progress: what is needed to write a call's records when the service dies during it.
public struct CallJournal: Sendable {
    private let directory: DataDirectory

    /// The journals of a data directory.
    public init(directory: DataDirectory) {
        self.directory = directory
    }

    /// Writes a call's journal anew, whole or not at all. Blocks for the time of a small write; no flush, since a crash of
    /// the service alone loses nothing that was written.
    public func save(_ call: CallRecord) throws(FileError) {
        try directory.operations.replaceFile(at: path(call.transactionID), with: call.json.bytes)
    }

    /// Removes a journal, when the call's records are written. None is no error.
    public func remove(transactionID: String) throws(FileError) {
        let path = path(transactionID)
        let removed = directory.operations.remove(path)
        guard removed >= 0 || removed == -FileCode.missing else { throw FileError("remove", path, removed) }
    }

    /// The paths of all journals, sorted.
    var paths: [String] {
        FileContents.names(in: directory.callsPath).filter { $0.hasSuffix(".json") }
            .map { "\(directory.callsPath)/\($0)" }
    }

    /// Reads a journal.
    func load(_ path: String) throws(CallJournalError) -> CallRecord {
        let bytes: [UInt8]
        do throws(FileError) { bytes = try FileContents.read(path) } catch { throw .file(error) }
        let call = try CallRecord(parsing: bytes)
        guard path == self.path(call.transactionID) else { throw .missing("transactionId") }
        return call
    }

    /// Puts an unreadable journal where it is kept for people.
    func setAside(_ path: String) throws(FileError) {
        let folder = "\(directory.callsPath)/damaged"
        let made = directory.operations.makeDirectory(folder)
        guard made >= 0 || made == -FileCode.exists else { throw FileError("create the directory", folder, made) }
        let name = path.split(separator: "/").last ?? "journal"
        let moved = directory.operations.rename(path, "\(folder)/\(name)")
        guard moved >= 0 else { throw FileError("move aside", path, moved) }
    }

    private func path(_ transactionID: String) -> String { "\(directory.callsPath)/\(transactionID).json" }
}

/// Why a journal cannot be read.
public enum CallJournalError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file cannot be read.
    case file(FileError)
    /// Not JSON.
    case notJSON(JSONError)
    /// A member is missing or has an impossible value.
    case missing(String)

    /// One sentence.
    public var description: String {
        switch self {
        case .file(let error): error.description
        case .notJSON(let error): "the journal is \(error)"
        case .missing(let name): "the journal's “\(name)” is missing or impossible"
        }
    }
}
