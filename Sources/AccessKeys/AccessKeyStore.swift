import Synchronization

/// The access keys of a service: `credentials.json` in its data folder, mode 0600.
///
/// Signatures are checked by computing them, so secrets must be there in clear: hashed ones would be of no use, and a
/// key to decrypt them would lie beside them. The file's permissions are what protects them, and a file that others may
/// read is refused.
///
/// Thread-safe. Several processes may use one file: `earshot keys` changes it while the service runs, and the service
/// sees that with its next question (one `lstat` each). When a changed file cannot be used, the keys of before stay good
/// and ``problem`` says why; when the file is gone, no key is good.
public final class AccessKeyStore: Sendable {
    /// As many keys as there may be.
    public static let maximumKeys = 1000
    /// The longest note, in bytes of UTF-8.
    public static let maximumNoteBytes = 256

    /// Where the keys are.
    public var path: String { file.path }

    private struct State {
        var version: CredentialsFile.Version?
        var entries: [StoredKeys.Entry] = []
        var byID: [String: StoredKeys.Entry] = [:]
        var problem: AccessKeyError?

        mutating func take(_ keys: StoredKeys, _ version: CredentialsFile.Version?) {
            entries = keys.entries
            byID = Dictionary(keys.entries.map { ($0.key.id, $0) }, uniquingKeysWith: { first, _ in first })
            self.version = version
            problem = nil
        }
    }

    private let file: CredentialsFile
    private let state = Mutex(State())

    /// Opens the keys of a data folder; no file means no keys yet.
    public convenience init(dataDirectory: String) throws(AccessKeyError) {
        try self.init(path: (dataDirectory.isEmpty ? "." : dataDirectory) + "/credentials.json")
    }

    /// Opens a file of keys; no file means no keys yet.
    public init(path: String) throws(AccessKeyError) {
        file = CredentialsFile(path: path)
        guard let (keys, version) = try file.read() else { return }
        state.withLock { $0.take(keys, version) }
    }

    /// The keys, the oldest first.
    public func list() -> [AccessKey] { current { $0.entries.map(\.key) } }

    /// Whether there is no key at all: the first start.
    public var isEmpty: Bool { current { $0.entries.isEmpty } }

    /// A key's role; nil when there is no such key.
    public func role(for id: String) -> AccessRole? { current { $0.byID[id]?.key.role } }

    /// A key's secret in UTF-8, for the check of signatures; nil when there is no such key.
    public func secret(for id: String) -> [UInt8]? {
        current { $0.byID[id].map { Array($0.secret.reveal().utf8) } }
    }

    /// Why the file as it is now cannot be used; nil when all is well.
    public var problem: AccessKeyError? { current { $0.problem } }

    /// Makes a key. It is on the disk when this returns. Blocks; not for the threads that tasks share.
    @discardableResult
    public func create(
        role: AccessRole, note: String = "", nowMilliseconds: Int64
    ) throws(AccessKeyError) -> NewAccessKey {
        guard Self.isUsable(note: note) else { throw .unusableNote(limit: Self.maximumNoteBytes) }
        return try change { (keys) throws(AccessKeyError) in
            guard keys.entries.count < Self.maximumKeys else { throw .tooManyKeys(limit: Self.maximumKeys) }
            var generator = SystemRandomNumberGenerator()
            var id = ""
            repeat {
                id = "AKIA" + Self.random(16, of: Self.identifierCharacters, using: &generator)
            } while keys.entries.contains(where: { $0.key.id == id })
            let secret = AccessKeySecret(Self.random(40, of: Self.secretCharacters, using: &generator))
            let key = AccessKey(id: id, role: role, note: note, createdAtMilliseconds: nowMilliseconds)
            keys.entries.append(StoredKeys.Entry(key: key, secret: secret))
            return NewAccessKey(key: key, secret: secret)
        }
    }

    /// Takes a key away: the next request signed with it is refused. Blocks like ``create(role:note:nowMilliseconds:)``.
    /// - Returns: the key that was.
    @discardableResult
    public func revoke(_ id: String) throws(AccessKeyError) -> AccessKey {
        try change { (keys) throws(AccessKeyError) in
            guard let index = keys.entries.firstIndex(where: { $0.key.id == id }) else { throw .noSuchKey(id) }
            return keys.entries.remove(at: index).key
        }
    }

    static func isUsable(note: String) -> Bool {
        note.utf8.count <= maximumNoteBytes
            && note.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
    }

    /// Base 32, as in AWS's identifiers.
    private static let identifierCharacters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    /// 62^40 is 238 bits; without `+` and `/`, which shells, URLs and credential files have their own ideas about.
    private static let secretCharacters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")

    private static func random(
        _ count: Int, of characters: [Character], using generator: inout some RandomNumberGenerator
    ) -> String {
        String((0..<count).compactMap { _ in characters.randomElement(using: &generator) })
    }

    /// Looks whether the file has changed, then asks.
    private func current<Answer: Sendable>(_ ask: (State) -> Answer) -> Answer {
        state.withLock { state in
            let version = file.version()
            if version != state.version { reload(&state, seen: version) }
            return ask(state)
        }
    }

    private func reload(_ state: inout State, seen: CredentialsFile.Version?) {
        do throws(AccessKeyError) {
            if let (keys, version) = try file.read() {
                state.take(keys, version)
            } else {
                state.take(StoredKeys(), nil)
            }
        } catch {
            state.problem = error
            // Not read again before it changes again.
            state.version = seen
        }
    }

    /// Reads, changes and replaces the file under its lock, and takes the new content.
    private func change<Result: Sendable>(
        _ edit: (inout StoredKeys) throws(AccessKeyError) -> Result
    ) throws(AccessKeyError) -> Result {
        // The wait for other processes is outside of the mutex, so requests go on meanwhile.
        let (result, keys, version) = try file.exclusively {
            () throws(AccessKeyError) -> (Result, StoredKeys, CredentialsFile.Version) in
            var keys = try file.read()?.keys ?? StoredKeys()
            let result = try edit(&keys)
            return (result, keys, try file.write(keys))
        }
        state.withLock { $0.take(keys, version) }
        return result
    }
}
