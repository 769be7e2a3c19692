import Glibc

/// The file `stream.key` of a stream's folder: the stream's data keys, each wrapped under a master key.
///
/// Sessions name the data key they were sealed with. Written whole, flushed and renamed, before the first byte is sealed
/// with a new key; whoever changes it holds a lock of the stream's folder.
struct StreamKeyFile: Sendable {
    struct Entry: Sendable, Equatable {
        /// 16 random bytes.
        var id: [UInt8]
        /// The master key's.
        var masterID: String
        var nonce: [UInt8]
        var wrapped: [UInt8]

        /// Wraps a data key; `nil` when the library refuses.
        init?(id: [UInt8], dataKey: [UInt8], under master: MasterKeys.Key) {
            self.id = id
            masterID = master.id
            nonce = SealCipher.random(SealCipher.nonceLength)
            guard
                let sealed = SealCipher.seal(
                    dataKey, key: master.bytes, nonce: nonce, associated: Self.associated(id, master.id))
            else { return nil }
            wrapped = sealed
        }

        init?(_ json: JSONValue) {
            guard let id = json["KeyId"]?.stringValue.flatMap({ Base64.decode($0) }),
                let masterID = json["MasterKeyId"]?.stringValue,
                let nonce = json["Nonce"]?.stringValue.flatMap({ Base64.decode($0) }),
                let wrapped = json["WrappedKey"]?.stringValue.flatMap({ Base64.decode($0) }),
                id.count == SealedLayout.identifierLength, nonce.count == SealCipher.nonceLength
            else { return nil }
            (self.id, self.masterID, self.nonce, self.wrapped) = (id, masterID, nonce, wrapped)
        }

        /// The data key; `nil` when the master key is not the one it was wrapped under.
        func dataKey(_ master: MasterKeys.Key) -> [UInt8]? {
            let key = SealCipher.open(
                wrapped, key: master.bytes, nonce: nonce, associated: Self.associated(id, masterID))
            return key?.count == SealCipher.keyLength ? key : nil
        }

        private static func associated(_ id: [UInt8], _ masterID: String) -> [UInt8] {
            Array("earshot stream key".utf8) + id + Array(masterID.utf8)
        }

        var json: JSONValue {
            .object([
                .init("KeyId", .string(Base64.encode(id))), .init("MasterKeyId", .string(masterID)),
                .init("Nonce", .string(Base64.encode(nonce))), .init("WrappedKey", .string(Base64.encode(wrapped))),
            ])
        }
    }

    static let name = "stream.key"
    var entries: [Entry]

    static func path(_ folder: String) -> String { "\(folder)/\(name)" }

    /// What a folder's file has; no entries where there is none.
    init(folder: String) throws(FileError) {
        let path = Self.path(folder)
        let bytes: [UInt8]
        do throws(FileError) { bytes = try FileContents.read(path, limit: 1 << 20) } catch {
            guard error.code == Int32(FileCode.missing) else { throw error }
            entries = []
            return
        }
        guard let list = (try? JSONValue(parsing: bytes))?["Keys"]?.arrayValue else {
            throw FileError.missingKey(path, "it is damaged; put a copy of it back")
        }
        entries = list.compactMap(Entry.init)
        guard entries.count == list.count else {
            throw FileError.missingKey(path, "it is damaged; put a copy of it back")
        }
    }

    /// Replaces the file; returns when it is on the disk.
    func save(folder: String, operations: FileOperations) throws(FileError) {
        let json = JSONValue.object([.init("Keys", .array(entries.map(\.json)))])
        try operations.replaceFile(at: Self.path(folder), with: json.bytes, sync: true)
        let opened = operations.open(folder, O_RDONLY | O_DIRECTORY, 0)
        guard opened >= 0 else { throw FileError("open", folder, opened) }
        let synced = operations.sync(Int32(opened))
        _ = operations.close(Int32(opened))
        guard synced >= 0 else { throw FileError("flush", folder, synced) }
    }

    /// Does something while no other process changes the folder's keys.
    static func locked<Answer>(
        _ folder: String, _ body: () throws(FileError) -> Answer
    ) throws(FileError) -> Answer {
        let lock = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard lock >= 0 else { throw FileError("open", folder, -Int(errno)) }
        defer { close(lock) }
        while flock(lock, LOCK_EX) != 0 {
            guard errno == EINTR else { throw FileError("lock", folder, -Int(errno)) }
        }
        return try body()
    }
}
