import Glibc

/// Reading whole small files and directory listings; every read has a limit.
enum FileContents {
    /// The content of a file of at most `limit` bytes.
    static func read(_ path: String, limit: Int = 16 << 20) throws(FileError) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw FileError("open", path, -Int(errno)) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(file, &chunk, chunk.count)
            if count == 0 { return bytes }
            if count < 0 {
                if errno == EINTR { continue }
                throw FileError("read", path, -Int(errno))
            }
            guard bytes.count + count <= limit else { throw FileError("read", path, -Int(EFBIG)) }
            bytes.append(contentsOf: chunk[..<count])
        }
    }

    /// The names in a directory, sorted, without `.` and `..`; empty when it cannot be read.
    static func names(in path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// The room a file takes on the disk in bytes and the time of its last change in milliseconds since 1970; `nil` when
    /// there is none.
    static func usage(_ path: String) -> (allocated: Int64, changedAtMilliseconds: Int64)? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return (
            Int64(status.st_blocks) * 512,
            Int64(status.st_mtim.tv_sec) * 1000 + Int64(status.st_mtim.tv_nsec) / 1_000_000
        )
    }

    /// A file's size in bytes and the time of its last change in milliseconds since 1970; `nil` when there is none.
    static func status(_ path: String) -> (size: Int64, changedAtMilliseconds: Int64)? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return (Int64(status.st_size), Int64(status.st_mtim.tv_sec) * 1000 + Int64(status.st_mtim.tv_nsec) / 1_000_000)
    }
}
