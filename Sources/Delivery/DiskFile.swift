import Glibc
import StreamSink

/// The few file calls of this module. All block; none is for a thread that tasks share, but for small reads that come out
/// of the page cache.
enum DiskFile {
    /// A file's content; empty when there is none.
    static func read(_ path: String, limit: Int) throws(FileError) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        if file < 0, errno == ENOENT { return nil }
        guard file >= 0 else { throw FileError("open", path, -Int(errno)) }
        defer { close(file) }
        var bytes: [UInt8] = []
        while true {
            let part = try read(file, path, at: Int64(bytes.count), count: 64 << 10)
            if part.isEmpty { return bytes }
            guard bytes.count + part.count <= limit else { throw FileError("read", path, -Int(EFBIG)) }
            bytes += part
        }
    }

    /// Up to `count` bytes at a place; fewer only at the end of the file.
    static func read(_ file: Int32, _ path: String, at offset: Int64, count: Int) throws(FileError) -> [UInt8] {
        var code: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
            while done < count {
                let got = pread(file, buffer.baseAddress?.advanced(by: done), count - done, Int(offset) + done)
                if got < 0, errno == EINTR { continue }
                if got < 0 { code = errno }
                if got <= 0 { return }
                done += got
            }
        }
        guard code == 0 else { throw FileError("read", path, -Int(code)) }
        return bytes
    }

    /// Writes a file whole: under another name, flushed, renamed, and the folder flushed. A crash leaves the old or the
    /// new content.
    /// - Parameter isFlushed: false for what a power cut may take back.
    static func replace(_ path: String, with bytes: [UInt8], isFlushed: Bool = true) throws(FileError) {
        let temporary = path + ".new"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw FileError("create", temporary, -Int(errno)) }
        do throws(FileError) {
            defer { close(file) }
            try writeAll(bytes, to: file, temporary)
            guard !isFlushed || fsync(file) == 0 else { throw FileError("flush", temporary, -Int(errno)) }
        } catch {
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else { throw FileError("rename", temporary, -Int(errno)) }
        guard isFlushed else { return }
        let folder = open(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]), O_RDONLY | O_CLOEXEC)
        guard folder >= 0 else { return }
        fsync(folder)
        close(folder)
    }

    /// Adds a line and puts it on the disk.
    static func append(_ line: [UInt8], to path: String) throws(FileError) {
        let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw FileError("open", path, -Int(errno)) }
        defer { close(file) }
        try writeAll(line, to: file, path)
        guard fsync(file) == 0 else { throw FileError("flush", path, -Int(errno)) }
    }

    private static func writeAll(_ bytes: [UInt8], to file: Int32, _ path: String) throws(FileError) {
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileError("write", path, count == 0 ? -Int(EIO) : -Int(errno)) }
            done += count
        }
    }

    /// Makes a folder and those above it, private.
    static func makeFolder(_ path: String) throws(FileError) {
        var made = ""
        for part in path.split(separator: "/") {
            made += (made.isEmpty && !path.hasPrefix("/") ? "" : "/") + part
            guard mkdir(made, 0o700) == 0 || errno == EEXIST else {
                throw FileError("create the folder", made, -Int(errno))
            }
        }
    }

    /// The names in a folder, sorted; empty when there is no folder.
    static func names(in path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    /// What tells a file or folder apart and whether it changed.
    struct Status: Equatable, Sendable {
        var inode: UInt64
        var size: Int64
        /// The last change of the content, nanoseconds since 1970.
        var changed: Int64
    }

    static func status(_ path: String) -> Status? {
        var value = stat()
        return stat(path, &value) == 0 ? status(value) : nil
    }

    static func status(_ file: Int32) -> Status? {
        var value = stat()
        return fstat(file, &value) == 0 ? status(value) : nil
    }

    private static func status(_ value: stat) -> Status {
        Status(
            inode: UInt64(value.st_ino), size: Int64(value.st_size),
            changed: Int64(value.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(value.st_mtim.tv_nsec))
    }

    /// UTC in milliseconds since 1970.
    static func wallMilliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
