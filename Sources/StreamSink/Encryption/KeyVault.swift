import Glibc
import Synchronization

/// The keys of one data directory: its master keys, and the streams' data keys that were unwrapped. Thread-safe.
///
/// A process finds the vault of a file by the directory the file lies in, so that nothing that reads sessions can be left
/// without keys.
final class KeyVault: Sendable {
    private static let vaults = Mutex<[String: KeyVault]>([:])

    let master: MasterKeys
    /// By their ids. Small, and one a stream.
    private let dataKeys = Mutex<[[UInt8]: [UInt8]]>([:])

    init(_ master: MasterKeys) { self.master = master }

    /// Makes a directory's vault, in place of the one it had.
    @discardableResult
    static func add(_ master: MasterKeys, for directory: String) -> KeyVault {
        let vault = KeyVault(master)
        vaults.withLock { $0[resolved(directory)] = vault }
        return vault
    }

    /// The vault of the nearest directory above a file.
    static func find(_ path: String) -> KeyVault? {
        var place = resolved(parent(path))[...]
        return vaults.withLock { vaults in
            guard !vaults.isEmpty else { return nil }
            while true {
                if let vault = vaults[String(place)] { return vault }
                guard let slash = place.lastIndex(of: "/") else { return nil }
                place = slash == place.startIndex && place.count > 1 ? "/" : place[..<slash]
            }
        }
    }

    static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func resolved(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }

    // Sealing

    /// The key for a new session file.
    /// - Parameter path: the file's; its folder is there.
    func newSession(_ path: String, operations: FileOperations) throws(FileError) -> PartSealer {
        let folder = Self.parent(path)
        // Read each time: the stream may have been deleted and made anew, with another key.
        var key = try sealingKey(StreamKeyFile(folder: folder))
        if key == nil {
            key = try StreamKeyFile.locked(folder) { () throws(FileError) in
                var file = try StreamKeyFile(folder: folder)
                if let known = sealingKey(file) { return known }
                let (id, dataKey) = (SealCipher.random(16), SealCipher.random(SealCipher.keyLength))
                guard let entry = StreamKeyFile.Entry(id: id, dataKey: dataKey, under: master.keys[0]) else {
                    throw FileError("make a key for", path, -Int(ENOMEM))
                }
                file.entries.append(entry)
                try file.save(folder: folder, operations: operations)
                dataKeys.withLock { $0[id] = dataKey }
                return (id, dataKey)
            }
        }
        guard let key, let sealer = PartSealer(key: SessionKey(dataKeyID: key.id, dataKey: key.dataKey)) else {
            throw FileError("make a key for", path, -Int(ENOMEM))
        }
        return sealer
    }

    /// The newest that can be unwrapped. A stream whose keys all belong to a master key that is gone gets another one:
    /// recording goes on.
    private func sealingKey(_ file: StreamKeyFile) -> (id: [UInt8], dataKey: [UInt8])? {
        for entry in file.entries.reversed() {
            if let key = unwrap(entry) { return (entry.id, key) }
        }
        return nil
    }

    private func unwrap(_ entry: StreamKeyFile.Entry) -> [UInt8]? {
        if let known = dataKeys.withLock({ $0[entry.id] }) { return known }
        guard let master = master.key(entry.masterID), let key = entry.dataKey(master) else { return nil }
        dataKeys.withLock { $0[entry.id] = key }
        return key
    }

    // Opening

    /// The key of an encrypted file.
    /// - Parameter head: the file's first ``SealedLayout/headLength`` bytes.
    static func key(_ path: String, head: [UInt8]) throws(FileError) -> SessionKey {
        let magic = SealedLayout.magic.count
        let dataKeyID = Array(head[magic..<magic + SealedLayout.identifierLength])
        let fileID = Array(head[(magic + SealedLayout.identifierLength)...].prefix(SealedLayout.identifierLength))
        func isRight(_ key: SessionKey) -> Bool { key.head == head }
        let vault = find(path)
        if let known = vault?.dataKeys.withLock({ $0[dataKeyID] }) {
            let key = SessionKey(dataKeyID: dataKeyID, dataKey: known, fileID: fileID)
            guard isRight(key) else { throw .damagedSeal(path, "its first 64 bytes are not those that were written") }
            return key
        }
        let folder = parent(path)
        let file = try StreamKeyFile(folder: folder)
        guard let entry = file.entries.first(where: { $0.id == dataKeyID }) else {
            throw .missingKey(
                path, "it is encrypted with a key of its stream that \(StreamKeyFile.path(folder)) does not have")
        }
        let place = "put its line into the file of streams.encryption.keyFile, or the variable of keyVariable"
        guard let vault, let master = vault.master.key(entry.masterID) else {
            throw .missingKey(path, "it is encrypted, and the master key “\(entry.masterID)” is not there; \(place)")
        }
        guard let dataKey = vault.unwrap(entry) else {
            throw .missingKey(
                path, "the master key “\(master.id)” is not the one it was encrypted under; \(place)")
        }
        let key = SessionKey(dataKeyID: dataKeyID, dataKey: dataKey, fileID: fileID)
        guard isRight(key) else { throw .damagedSeal(path, "its first 64 bytes are not those that were written") }
        return key
    }
}
