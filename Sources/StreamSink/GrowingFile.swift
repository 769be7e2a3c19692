import Glibc

/// A file that is written at its end only, and cut back to what is whole when a write fails.
///
/// Owned by one writer thread.
struct GrowingFile: ~Copyable, Sendable {
    let path: String
    /// The length up to which everything is whole.
    private(set) var length: Int64 = 0
    /// The end of everything ever written; beyond `length` it is what a failed write has left.
    private var writtenEnd: Int64 = 0
    private var descriptor: Int32 = -1
    private let operations: FileOperations
    private let prepare: @Sendable () throws(FileError) -> Void

    /// - Parameter prepare: makes the directory and its description before the file is created.
    init(path: String, operations: FileOperations, prepare: @escaping @Sendable () throws(FileError) -> Void) {
        self.path = path
        self.operations = operations
        self.prepare = prepare
    }

    var isOpen: Bool { descriptor >= 0 }

    /// Makes the file where that has not been done yet.
    mutating func open() -> FileError? {
        guard descriptor < 0 else {
            removeLeftovers()
            return nil
        }
        do throws(FileError) { try prepare() } catch { return error }
        let opened = operations.open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        guard opened >= 0 else { return FileError("create", path, opened) }
        descriptor = Int32(opened)
        return nil
    }

    /// Writes at the end. On an error the bytes that came through stay until ``keep(_:)`` says how many are whole.
    mutating func append(_ bytes: [UInt8]) -> (written: Int, error: FileError?) {
        let (written, code) = operations.writeAll(bytes, to: descriptor, at: length)
        writtenEnd = max(writtenEnd, length + Int64(written))
        guard code == 0 else { return (written, FileError("write", path, -Int(code))) }
        length += Int64(written)
        return (written, nil)
    }

    /// Keeps so many bytes of a failed write and cuts the rest off.
    mutating func keep(_ count: Int) {
        length += Int64(count)
        removeLeftovers()
    }

    /// Cuts what a failed write left behind the last whole block; when even that fails, the next write covers it.
    mutating func removeLeftovers() {
        guard writtenEnd > length else { return }
        if operations.truncate(descriptor, length) >= 0 { writtenEnd = length }
    }

    /// Writes over bytes that are in the file.
    func overwrite(_ bytes: [UInt8], at offset: Int64) -> FileError? {
        let (_, code) = operations.writeAll(bytes, to: descriptor, at: offset)
        return code == 0 ? nil : FileError("finish", path, -Int(code))
    }

    /// Closes the file, whatever happens.
    mutating func close() -> FileError? {
        guard descriptor >= 0 else { return nil }
        let closed = operations.close(descriptor)
        descriptor = -1
        return closed < 0 ? FileError("close", path, closed) : nil
    }
}
