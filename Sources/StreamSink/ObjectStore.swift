import Glibc

/// Objects under a folder, each written once and whole: a reader never sees a part of one, not even after a crash.
public struct ObjectStore: Sendable {
    /// What ``writeOnce(key:bytes:)`` found.
    public enum Outcome: Sendable, Equatable {
        /// The object is new.
        case written
        /// There was one already; it was left alone.
        case exists
    }

    private let root: String
    private let operations: FileOperations

    /// The objects of a data directory.
    public init(directory: DataDirectory) {
        root = directory.objectsPath
        operations = directory.operations
    }

    /// Writes an object. It is on the disk when this returns. Blocks; not for the threads that tasks share.
    ///
    /// The bytes go to a temporary file in the same folder, which is flushed and then linked to the key: linking, unlike
    /// renaming, never replaces.
    public func writeOnce(key: String, bytes: [UInt8]) throws(ObjectStoreError) -> Outcome {
        try writeOnce([(key, bytes)]).first ?? .exists
    }

    /// Writes several objects with few flushes; otherwise like ``writeOnce(key:bytes:)``. When it fails some may be
    /// written; trying again is harmless.
    public func writeOnce(_ objects: [(key: String, bytes: [UInt8])]) throws(ObjectStoreError) -> [Outcome] {
        for object in objects where !Self.isUsable(object.key) { throw .unusableKey(object.key) }
        var staged: [Staged] = []
        defer {
            for object in staged {
                _ = operations.close(object.file)
                _ = operations.remove(object.temporary)
            }
        }
        do throws(FileError) {
            for object in objects {
                let folder = String(object.key[..<(object.key.lastIndex(of: "/") ?? object.key.startIndex)])
                try operations.makeDirectories(folder, under: root)
                let temporary = "\(root)/\(folder)/\(Self.temporaryPrefix)\(RandomUUID.make())"
                let opened = operations.open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0o600)
                guard opened >= 0 else { throw FileError("create", temporary, opened) }
                let path = "\(root)/\(object.key)"
                staged.append(Staged(file: Int32(opened), temporary: temporary, path: path, folder: folder))
                let written = operations.writeAll(object.bytes, to: Int32(opened), at: 0)
                guard written.code == 0 else { throw FileError("write", path, -Int(written.code)) }
            }
            try flush(staged)
            var outcomes: [Outcome] = []
            for object in staged {
                let linked = operations.link(object.temporary, object.path)
                guard linked >= 0 || linked == -FileCode.exists else { throw FileError("write", object.path, linked) }
                outcomes.append(linked >= 0 ? .written : .exists)
            }
            for folder in Set(staged.map(\.folder)) { try syncFolder(folder) }
            return outcomes
        } catch {
            throw .file(error)
        }
    }

    /// Whether a key can be a path below the store's folder: no empty part, none that starts with a point.
    static func isUsable(_ key: String) -> Bool {
        let parts = key.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count > 1 && parts.allSatisfy { !$0.isEmpty && !$0.hasPrefix(".") } && key.utf8.count <= 1024
            && !key.utf8.contains(0)
    }

    private struct Staged {
        var file: Int32
        var temporary: String
        var path: String
        var folder: String
    }

    /// A few files are flushed one by one, many with the whole file system at once.
    private func flush(_ staged: [Staged]) throws(FileError) {
        guard let first = staged.first else { return }
        if staged.count > 4 {
            let synced = operations.syncFileSystem(first.file)
            guard synced >= 0 else { throw FileError("flush", first.path, synced) }
            return
        }
        for object in staged {
            let synced = operations.sync(object.file)
            guard synced >= 0 else { throw FileError("flush", object.path, synced) }
        }
    }

    private func syncFolder(_ folder: String) throws(FileError) {
        let path = "\(root)/\(folder)"
        let opened = operations.open(path, O_RDONLY | O_DIRECTORY, 0)
        guard opened >= 0 else { throw FileError("open", path, opened) }
        let synced = operations.sync(Int32(opened))
        _ = operations.close(Int32(opened))
        guard synced >= 0 else { throw FileError("flush", path, synced) }
    }

    private static let temporaryPrefix = ".partial-"

    /// Removes what a crash in the middle of a write left in a key's folder.
    func removeLeftovers(besideKey key: String) {
        guard let slash = key.lastIndex(of: "/") else { return }
        let folder = "\(root)/\(key[..<slash])"
        for name in FileContents.names(in: folder) where name.hasPrefix(Self.temporaryPrefix) {
            _ = operations.remove("\(folder)/\(name)")
        }
    }
}

/// Why an object was not written.
public enum ObjectStoreError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A key with an empty part, or one that starts with a point.
    case unusableKey(String)
    /// A file call failed.
    case file(FileError)

    /// One sentence.
    public var description: String {
        switch self {
        case .unusableKey(let key):
            "“\(key.prefix(100))” is no object key: every part needs a name without a point in front"
        case .file(let error): error.description
        }
    }
}
