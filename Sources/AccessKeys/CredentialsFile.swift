import Glibc

/// The file of access keys on the disk: mode 0600, replaced whole, changed by one process at a time.
struct CredentialsFile: Sendable {
    /// What tells one content from another without reading it. Replacing gives a new inode; editing in place a new time.
    struct Version: Sendable, Hashable {
        let device: UInt64
        let inode: UInt64
        let size: Int64
        let modifiedSeconds: Int
        let modifiedNanoseconds: Int
        /// Also moves when permissions or the owner do, and cannot be set back.
        let changedSeconds: Int
        let changedNanoseconds: Int

        init(_ status: stat) {
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
            size = Int64(status.st_size)
            modifiedSeconds = status.st_mtim.tv_sec
            modifiedNanoseconds = status.st_mtim.tv_nsec
            changedSeconds = status.st_ctim.tv_sec
            changedNanoseconds = status.st_ctim.tv_nsec
        }
    }

    let path: String

    /// The file's present version; nil when there is no file. One system call.
    func version() -> Version? {
        var status = stat()
        return lstat(path, &status) == 0 ? Version(status) : nil
    }

    /// The content and its version; nil when there is no file.
    /// - Throws: also when others could read or change the file.
    func read() throws(AccessKeyError) -> (keys: StoredKeys, version: Version)? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            if errno == ELOOP { throw .notAFile(path: path) }
            throw .file(operation: "open", path: path, code: errno)
        }
        defer { close(file) }
        // Of the open file, so that what is checked is what is read.
        var status = stat()
        guard fstat(file, &status) == 0 else { throw .file(operation: "look at", path: path, code: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notAFile(path: path) }
        guard status.st_uid == geteuid() else { throw .foreignOwner(path: path, owner: status.st_uid) }
        guard status.st_mode & 0o077 == 0 else { throw .exposed(path: path, mode: status.st_mode & 0o7777) }
        let bytes = try readAll(file)
        do throws(StoredKeysProblem) {
            return (try StoredKeys(parsing: bytes), Version(status))
        } catch {
            throw .unreadable(path: path, problem: error.text)
        }
    }

    private func readAll(_ file: Int32) throws(AccessKeyError) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(file, &chunk, chunk.count)
            if count == 0 { return bytes }
            if count < 0 {
                if errno == EINTR { continue }
                throw .file(operation: "read", path: path, code: errno)
            }
            guard bytes.count + count <= StoredKeys.maximumBytes else {
                throw .unreadable(path: path, problem: "it is longer than \(StoredKeys.maximumBytes) bytes")
            }
            bytes.append(contentsOf: chunk[..<count])
        }
    }

    /// Replaces the file: a reader sees the old content or the new, and what was there before a crash in between is
    /// still there after it. On the disk when this returns.
    func write(_ keys: StoredKeys) throws(AccessKeyError) -> Version {
        let bytes: [UInt8]
        do { bytes = try keys.bytes() } catch {
            throw .unreadable(path: path, problem: "the new content cannot be written as JSON")
        }
        let temporary = path + ".new"
        // Left by a crash, perhaps with other permissions.
        _ = unlink(temporary)
        let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw .file(operation: "create", path: temporary, code: errno) }
        var status = stat()
        let code = Self.store(bytes, in: file)
        let isKnown = fstat(file, &status) == 0
        close(file)
        guard code == 0, isKnown else {
            _ = unlink(temporary)
            throw .file(operation: "write", path: temporary, code: code == 0 ? EIO : code)
        }
        guard rename(temporary, path) == 0 else {
            let code = errno
            _ = unlink(temporary)
            throw .file(operation: "replace", path: path, code: code)
        }
        syncFolder()
        // Renaming moves the change time: look again.
        return version() ?? Version(status)
    }

    /// - Returns: an error number; 0 when everything is on the disk.
    private static func store(_ bytes: [UInt8], in file: Int32) -> Int32 {
        // The process's mask can only take bits away; this also gives back what a strange mask took.
        guard fchmod(file, 0o600) == 0 else { return errno }
        let code: Int32 = bytes.withUnsafeBytes { all in
            var rest = UnsafeRawBufferPointer(rebasing: all[...])
            while !rest.isEmpty {
                let count = Glibc.write(file, rest.baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return count == 0 ? EIO : errno }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
            return 0
        }
        guard code == 0 else { return code }
        return fsync(file) == 0 ? 0 : errno
    }

    private var folder: String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private func syncFolder() {
        let file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard file >= 0 else { return }
        _ = fsync(file)
        close(file)
    }

    /// Runs `body` while no other process changes the file. Waits up to five seconds; blocks the thread.
    func exclusively<Result>(_ body: () throws(AccessKeyError) -> Result) throws(AccessKeyError) -> Result {
        let lockPath = path + ".lock"
        let lock = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard lock >= 0 else { throw .file(operation: "open", path: lockPath, code: errno) }
        // Closing gives the lock back, and so does the end of the process.
        defer { close(lock) }
        for _ in 0..<500 {
            if flock(lock, LOCK_EX | LOCK_NB) == 0 { return try body() }
            guard errno == EWOULDBLOCK || errno == EINTR else {
                throw .file(operation: "lock", path: lockPath, code: errno)
            }
            usleep(10_000)
        }
        throw .busy(path: lockPath)
    }
}
