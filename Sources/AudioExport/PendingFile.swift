import Glibc
import StreamSink

/// An output that has its name only when it is whole: until then it is a hidden file beside it. Belongs to one task.
final class PendingFile {
    /// Where it will be.
    let path: String
    /// Where it is meanwhile.
    let temporaryPath: String
    private let replaces: Bool
    private var isCommitted = false

    /// - Parameter replaces: whether a file of that name may be replaced.
    init(_ path: String, replaces: Bool) throws(ExportError) {
        self.path = path
        self.replaces = replaces
        let slash = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
        temporaryPath = "\(path[..<slash]).\(path[slash...]).\(getpid()).partial"
        var status = stat()
        guard replaces || lstat(path, &status) != 0 else {
            isCommitted = true
            throw .exists(path)
        }
        // Made here, so that nobody else may read it, whoever writes it.
        let file = open(temporaryPath, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            isCommitted = true
            throw .file(FileError("create", path, -Int(errno)))
        }
        close(file)
    }

    deinit { if !isCommitted { unlink(temporaryPath) } }

    /// Gives the file its name.
    func commit() throws(ExportError) {
        let file = open(temporaryPath, O_RDONLY | O_CLOEXEC)
        if file >= 0 {
            fsync(file)
            close(file)
        }
        if replaces {
            guard rename(temporaryPath, path) == 0 else { throw .file(FileError("rename", path, -Int(errno))) }
        } else if link(temporaryPath, path) == 0 {
            unlink(temporaryPath)
        } else {
            let code = errno
            // Somebody else made it meanwhile.
            guard code != EEXIST else { throw .exists(path) }
            // A file system without links.
            guard rename(temporaryPath, path) == 0 else { throw .file(FileError("rename", path, -Int(errno))) }
        }
        isCommitted = true
    }
}

/// Writes bytes into a file, in large pieces. Belongs to one task.
final class FileSink {
    /// Bytes so far, those that wait in memory too.
    private(set) var length: Int64 = 0
    private let path: String
    private let file: Int32
    private var buffer: [UInt8] = []
    private static let bufferSize = 256 << 10

    init(_ path: String) throws(ExportError) {
        self.path = path
        file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .file(FileError("create", path, -Int(errno))) }
    }

    deinit { close(file) }

    func write(_ bytes: some Collection<UInt8>) throws(ExportError) {
        buffer.append(contentsOf: bytes)
        length += Int64(bytes.count)
        if buffer.count >= Self.bufferSize { try flush() }
    }

    /// Zeros that take no room on the disk.
    func skip(_ count: Int64) throws(ExportError) {
        try flush()
        length += count
    }

    /// Writes over bytes that are there.
    func patch(_ bytes: [UInt8], at offset: Int64) throws(ExportError) {
        try flush()
        try put(bytes, at: offset)
    }

    /// Puts everything into the file.
    func finish() throws(ExportError) {
        try flush()
        // Zeros at the end would otherwise not be there.
        guard ftruncate(file, Int(length)) == 0 else {
            throw .file(FileError("extend", path, -Int(errno)))
        }
    }

    private func flush() throws(ExportError) {
        try put(buffer, at: length - Int64(buffer.count))
        buffer.removeAll(keepingCapacity: true)
    }

    private func put(_ bytes: [UInt8], at offset: Int64) throws(ExportError) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { all in
                pwrite(file, all.baseAddress.map { $0 + done }, all.count - done, Int(offset) + done)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .file(FileError("write", path, count < 0 ? -Int(errno) : -Int(EIO))) }
            done += count
        }
    }
}
