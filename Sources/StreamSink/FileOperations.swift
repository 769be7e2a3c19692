import Glibc

/// The file calls this module makes, as values, so that tests can play a full or failing disk.
///
/// Every call answers zero or more, or `-errno`. All are safe to make from any thread.
public struct FileOperations: Sendable {
    /// `open(path, flags | O_CLOEXEC, mode)`: a file descriptor.
    public var open: @Sendable (_ path: String, _ flags: Int32, _ mode: UInt32) -> Int
    /// `pwrite`: the number of bytes written, which may be fewer than asked.
    public var write: @Sendable (_ file: Int32, _ bytes: UnsafeRawBufferPointer, _ offset: Int64) -> Int
    /// `write` at the end of a file opened with `O_APPEND`.
    public var append: @Sendable (_ file: Int32, _ bytes: UnsafeRawBufferPointer) -> Int
    /// `ftruncate`.
    public var truncate: @Sendable (_ file: Int32, _ length: Int64) -> Int
    /// `close`.
    public var close: @Sendable (_ file: Int32) -> Int
    /// `mkdir` with mode 0700.
    public var makeDirectory: @Sendable (_ path: String) -> Int
    /// `rename`.
    public var rename: @Sendable (_ from: String, _ to: String) -> Int
    /// `link`: fails when the new name exists.
    public var link: @Sendable (_ from: String, _ to: String) -> Int
    /// `unlink`.
    public var remove: @Sendable (_ path: String) -> Int
    /// `rmdir`.
    public var removeDirectory: @Sendable (_ path: String) -> Int = { _ in 0 }
    /// `fsync`.
    public var sync: @Sendable (_ file: Int32) -> Int
    /// `syncfs`: everything on the file system that holds the open file.
    public var syncFileSystem: @Sendable (_ file: Int32) -> Int

    /// The machine's own file calls.
    public static let system = FileOperations(
        open: { path, flags, mode in answer(Glibc.open(path, flags | O_CLOEXEC, mode)) },
        write: { file, bytes, offset in answer(pwrite(file, bytes.baseAddress, bytes.count, Int(offset))) },
        append: { file, bytes in answer(Glibc.write(file, bytes.baseAddress, bytes.count)) },
        truncate: { file, length in answer(ftruncate(file, Int(length))) },
        close: { file in answer(Glibc.close(file)) },
        makeDirectory: { path in answer(mkdir(path, 0o700)) },
        rename: { from, to in answer(Glibc.rename(from, to)) },
        link: { from, to in answer(Glibc.link(from, to)) },
        remove: { path in answer(unlink(path)) },
        removeDirectory: { path in answer(rmdir(path)) },
        sync: { file in answer(fsync(file)) },
        syncFileSystem: { file in answer(FileSystemSync.call(file)) }
    )

    private static func answer(_ result: some BinaryInteger) -> Int {
        result < 0 ? -Int(errno) : Int(result)
    }
}

extension FileOperations {
    /// Writes all the bytes from `offset` on, going on after interrupted and short writes.
    /// - Returns: how many bytes are in the file for certain, and the error that stopped it (0 = none).
    func writeAll(_ bytes: [UInt8], to file: Int32, at offset: Int64) -> (written: Int, code: Int32) {
        bytes.withUnsafeBytes { all in
            var done = 0
            while done < all.count {
                let count = write(file, UnsafeRawBufferPointer(rebasing: all[done...]), offset + Int64(done))
                if count == -Int(EINTR) { continue }
                // A write that takes nothing and reports nothing would loop for ever.
                if count <= 0 { return (done, count == 0 ? EIO : Int32(-count)) }
                done += count
            }
            return (done, 0)
        }
    }

    /// Writes a whole small file under a temporary name and renames it over `path`, so that a reader sees the old or
    /// the new content and never a part.
    func replaceFile(at path: String, with bytes: [UInt8], sync flush: Bool = false) throws(FileError) {
        let temporary = path + ".new"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard file >= 0 else { throw FileError("create", temporary, file) }
        var (_, code) = writeAll(bytes, to: Int32(file), at: 0)
        if code == 0, flush {
            let synced = sync(Int32(file))
            if synced < 0 { code = Int32(-synced) }
        }
        _ = close(Int32(file))
        guard code == 0 else {
            _ = remove(temporary)
            throw FileError("write", temporary, -Int(code))
        }
        let renamed = rename(temporary, path)
        guard renamed >= 0 else { throw FileError("rename", path, renamed) }
    }

    /// Makes a directory and, where needed, those above it down from `root`, which must exist.
    func makeDirectories(_ relative: String, under root: String) throws(FileError) {
        var path = root
        for part in relative.split(separator: "/") {
            path += "/" + part
            let made = makeDirectory(path)
            guard made >= 0 || made == -Int(EEXIST) else { throw FileError("create the directory", path, made) }
        }
    }
}

/// `syncfs(2)`, which the C library has but its Swift module does not show.
private enum FileSystemSync {
    private typealias Function = @convention(c) (Int32) -> Int32

    private static let function: Function? = {
        guard let symbol = dlsym(nil, "syncfs") else { return nil }
        return unsafeBitCast(symbol, to: Function.self)
    }()

    static func call(_ file: Int32) -> Int32 {
        guard let function else { return fsync(file) }
        return function(file)
    }
}
