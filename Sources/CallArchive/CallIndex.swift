import GRDB
import Glibc
import StreamSink
import Synchronization

/// The index of all calls of a data directory: a SQLite file, `index.sqlite`, made from the event log, the records
/// and the streams, and made again whenever it is missing, damaged or of another version.
///
/// Thread-safe; calls block for the time of a query, so not for the threads that tasks share. The service and
/// commands may use the same file at the same time: each brings it up to date by itself, and doing so twice is
/// harmless. A command beside a service whose index it cannot use makes one in memory.
public final class CallIndex: Sendable {
    /// The data directory.
    public let dataDirectory: String
    private let isOwner: Bool
    private let state: Mutex<State>

    private struct State {
        var database: any DatabaseWriter
        var isInMemory: Bool
    }

    /// Opens the index, or makes it; it is brought up to date by the first search or ``refresh()``.
    /// - Parameter isOwner: true for the service that has the data directory to itself.
    /// - Throws: ``CallIndexError`` where even an index in memory fails.
    public init(dataDirectory: String, isOwner: Bool = false) throws(CallIndexError) {
        self.dataDirectory = dataDirectory
        self.isOwner = isOwner
        state = Mutex(try Self.open(dataDirectory, isOwner: isOwner))
    }

    /// Whether the file could not be used, so that this index lives in memory.
    public var isInMemory: Bool { state.withLock { $0.isInMemory } }

    /// Takes in everything that has come since the last time.
    public func refresh() throws(CallIndexError) {
        try use { database in try Self.refresh(database, dataDirectory) }
    }

    /// Takes in one line of the event log at once, before the log is read.
    public func note(eventLine line: [UInt8]) throws(CallIndexError) {
        try use { database in try database.write { try IndexEntries().apply(event: line, $0) } }
    }

    /// A page of calls, newest first, as of now.
    public func search(_ query: CallQuery) throws(CallIndexError) -> CallPage {
        let isRunning = isOwner || DataDirectory.isInUse(dataDirectory)
        return try use { database in
            try Self.refresh(database, dataDirectory)
            return try database.read { try CallSearch(query: query, isRunning: isRunning).run($0) }
        }
    }

    /// The calls whose transaction begins so, at most ten. It looks at what has been logged since the last time, and at
    /// the folders only where nothing is known of such a call: a look-up does not grow with the number of streams.
    func calls(beginning text: String) throws(CallIndexError) -> [ArchivedCall] {
        let isRunning = isOwner || DataDirectory.isInUse(dataDirectory)
        var query = CallQuery()
        query.transactionID = text
        query.limit = 10
        let search = CallSearch(query: query, isRunning: isRunning)
        return try use { database in
            try Self.readEvents(database, dataDirectory)
            let known = try database.read { try search.run($0).calls }
            // Of an end that only a record tells, and of calls whose events are gone, the folders know.
            guard known.isEmpty || known.contains(where: { $0.legs.isEmpty || $0.status == .interrupted }) else {
                return known
            }
            try Self.refresh(database, dataDirectory)
            return try database.read { try search.run($0).calls }
        }
    }

    /// One call by its transaction.
    public func call(transactionID: String) throws(CallIndexError) -> ArchivedCall? {
        var query = CallQuery()
        query.transactionID = transactionID
        query.limit = 2
        return try search(query).calls.first { $0.transactionID == transactionID }
    }

    /// Refreshes at this pace until the task is cancelled; failures are handed to `failed`, and it goes on.
    public func run(every interval: Duration, failed: @Sendable (CallIndexError) -> Void) async {
        while !Task.isCancelled {
            do throws(CallIndexError) { try refresh() } catch { failed(error) }
            try? await Task.sleep(for: interval)
        }
    }

    private static func refresh(_ database: any DatabaseWriter, _ dataDirectory: String) throws {
        try readEvents(database, dataDirectory)
        let reader = RecordsReader(dataDirectory: dataDirectory, entries: IndexEntries())
        // Some folders a transaction: another process may want to write too.
        var folders = try database.read { try reader.changedFolders($0) }[...]
        while !folders.isEmpty {
            let part = folders.prefix(64)
            folders = folders.dropFirst(64)
            try database.write { database in for folder in part { try reader.readFolder(folder, database) } }
        }
    }

    private static func readEvents(_ database: any DatabaseWriter, _ dataDirectory: String) throws {
        let reader = RecordsReader(dataDirectory: dataDirectory, entries: IndexEntries())
        while try database.write({ try reader.readEvents($0) }) {}
    }

    /// Runs `body`; when the index turns out to be damaged it is made anew, and `body` runs once more.
    private func use<Result>(_ body: (any DatabaseWriter) throws -> Result) throws(CallIndexError) -> Result {
        let database = state.withLock { $0.database }
        do {
            return try body(database)
        } catch {
            guard Self.isDamage(error) else { throw CallIndexError(dataDirectory, error) }
        }
        let anew: any DatabaseWriter
        do throws(CallIndexError) {
            anew = try renew(instead: database)
        } catch {
            throw error
        }
        do { return try body(anew) } catch { throw CallIndexError(dataDirectory, error) }
    }

    private func renew(instead damaged: any DatabaseWriter) throws(CallIndexError) -> any DatabaseWriter {
        let result: Swift.Result<any DatabaseWriter, CallIndexError> = state.withLock { state in
            // Another thread may have done it meanwhile.
            guard state.database === damaged else { return .success(state.database) }
            do throws(CallIndexError) {
                try? damaged.close()
                state = try Self.open(dataDirectory, isOwner: isOwner, checks: true)
                return .success(state.database)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private static func isDamage(_ error: any Error) -> Bool {
        guard let error = error as? DatabaseError else { return false }
        // SQLITE_ERROR: a table is not there or not as it should be.
        return [.SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_ERROR].contains(error.resultCode.primaryResultCode)
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { database in
            // With a write-ahead log a power cut can cost the last changes, never the file; they are read again.
            try database.execute(sql: "PRAGMA synchronous = NORMAL")
        }
        return configuration
    }

    /// - Parameter checks: whether to look through the whole file for damage.
    private static func open(
        _ dataDirectory: String, isOwner: Bool, checks: Bool = false
    ) throws(CallIndexError) -> State {
        let path = "\(dataDirectory)/index.sqlite"
        // Two processes must not make it at the same time. Without the lock (nothing can be written there) none makes
        // it.
        let lock = Glibc.open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        defer { if lock >= 0 { close(lock) } }
        while lock >= 0, flock(lock, LOCK_EX) != 0, errno == EINTR {}
        var status = stat()
        let exists = stat(path, &status) == 0
        // Made by older versions, or by hand.
        if exists { for suffix in ["", "-wal", "-shm"] { chmod(path + suffix, 0o600) } }
        if exists, access(path, W_OK) == 0,
            let database = try? DatabasePool(path: path, configuration: configuration),
            (try? database.read({ try isUsable($0, checks: checks) })) == true
        {
            return State(database: database, isInMemory: false)
        }
        if lock >= 0, !exists || isOwner || !DataDirectory.isInUse(dataDirectory) {
            for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
            // SQLite gives the files beside it the mode of the database, so that has to be there first; an empty file is
            // an empty database.
            let empty = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            if empty >= 0 { close(empty) }
            let made = try? DatabasePool(path: path, configuration: configuration)
            if let made, (try? made.write({ database in try ArchiveSchema.make(database) })) != nil {
                return State(database: made, isInMemory: false)
            }
        }
        do {
            let made = try DatabaseQueue(configuration: configuration)
            try made.write { try ArchiveSchema.make($0) }
            return State(database: made, isInMemory: true)
        } catch {
            throw CallIndexError(dataDirectory, error)
        }
    }

    private static func isUsable(_ database: Database, checks: Bool) throws -> Bool {
        guard try ArchiveSchema.isCurrent(database) else { return false }
        return try !checks || String.fetchOne(database, sql: "PRAGMA quick_check(1)") == "ok"
    }
}

/// Why the index cannot be used.
public struct CallIndexError: Error, Sendable, CustomStringConvertible {
    /// The data directory.
    public let dataDirectory: String
    /// SQLite's words.
    public let reason: String

    init(_ dataDirectory: String, _ error: any Error) {
        self.dataDirectory = dataDirectory
        reason = "\(error)"
    }

    /// One sentence, with what can be done.
    public var description: String {
        "the index of calls in \(dataDirectory) cannot be used: \(reason); index.sqlite may be removed while the service is "
            + "stopped, it is made again from the records"
    }
}
