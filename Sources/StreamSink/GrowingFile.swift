import Glibc

/// A file that is written at its end only, and cut back to what is whole when a write fails. Where there is a vault, what
/// goes into it is sealed.
///
/// Owned by one writer thread.
struct GrowingFile: ~Copyable, Sendable {
    let path: String
    /// The length of the text up to which everything is whole.
    private(set) var length: Int64 = 0
    /// Where that ends in the file: the same, unless it is sealed.
    private var wholeEnd: Int64 = 0
    /// The end of everything ever written; beyond `wholeEnd` it is what a failed write has left.
    private var writtenEnd: Int64 = 0
    private var descriptor: Int32 = -1
    private var sealer: PartSealer?
    private let vault: KeyVault?
    private let operations: FileOperations
    private let prepare: @Sendable () throws(FileError) -> Void

    /// - Parameters:
    ///   - vault: the keys to seal with; `nil` writes in the clear.
    ///   - prepare: makes the directory and its description before the file is created.
    init(
        path: String, operations: FileOperations, vault: KeyVault? = nil,
        prepare: @escaping @Sendable () throws(FileError) -> Void
    ) {
        self.path = path
        self.operations = operations
        self.vault = vault
        self.prepare = prepare
    }

    var isOpen: Bool { descriptor >= 0 }

    /// Makes the file where that has not been done yet.
    mutating func open() -> FileError? {
        guard descriptor < 0 else {
            removeLeftovers()
            return nil
        }
        do throws(FileError) {
            try prepare()
            sealer = try vault?.newSession(path, operations: operations)
        } catch {
            return error
        }
        let opened = operations.open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        guard opened >= 0 else { return FileError("create", path, opened) }
        descriptor = Int32(opened)
        return nil
    }

    /// Writes at the end. On an error the bytes that came through stay until ``keep(_:)`` says how many are whole; of a
    /// sealed write all come through or none.
    /// - Parameter sealed: room for the sealed bytes, kept from write to write.
    mutating func append(_ bytes: [UInt8], sealing sealed: inout [UInt8]) -> (written: Int, error: FileError?) {
        guard let sealer else { return append(bytes) }
        // A whole part of a failed write, left behind this one, would be taken for its successor.
        guard writtenEnd <= wholeEnd else { return (0, FileError("write", path, -Int(EIO))) }
        guard sealer.seal(bytes, offset: length, place: wholeEnd, into: &sealed) else {
            return (0, FileError("seal", path, -Int(EFBIG)))
        }
        if let error = write(sealed) { return (0, error) }
        length += Int64(bytes.count)
        return (bytes.count, nil)
    }

    private mutating func append(_ bytes: [UInt8]) -> (written: Int, error: FileError?) {
        let (written, code) = operations.writeAll(bytes, to: descriptor, at: length)
        writtenEnd = max(writtenEnd, length + Int64(written))
        guard code == 0 else { return (written, FileError("write", path, -Int(code))) }
        length += Int64(written)
        wholeEnd = length
        return (written, nil)
    }

    /// Writes sealed parts behind the others.
    private mutating func write(_ parts: [UInt8]) -> FileError? {
        let (written, code) = operations.writeAll(parts, to: descriptor, at: wholeEnd)
        writtenEnd = max(writtenEnd, wholeEnd + Int64(written))
        guard code == 0 else { return FileError("write", path, -Int(code)) }
        wholeEnd += Int64(written)
        return nil
    }

    /// Keeps so many bytes of a failed write and cuts the rest off.
    mutating func keep(_ count: Int) {
        if sealer == nil {
            length += Int64(count)
            wholeEnd = length
        }
        removeLeftovers()
    }

    /// Cuts what a failed write left behind the last whole block; when even that fails, the next write covers it, or, of a
    /// sealed file, waits.
    mutating func removeLeftovers() {
        guard writtenEnd > wholeEnd else { return }
        if operations.truncate(descriptor, wholeEnd) >= 0 { writtenEnd = wholeEnd }
    }

    /// Writes over bytes that are in the file; nothing can be added to a sealed one afterwards.
    mutating func overwrite(_ bytes: [UInt8], at offset: Int64) -> FileError? {
        guard let sealer else {
            let (_, code) = operations.writeAll(bytes, to: descriptor, at: offset)
            return code == 0 ? nil : FileError("finish", path, -Int(code))
        }
        guard writtenEnd <= wholeEnd else { return FileError("finish", path, -Int(EIO)) }
        let patch = SessionPatch(offset: offset, bytes: bytes)
        guard let closing = sealer.close(with: patch, length: length, place: wholeEnd) else {
            return FileError("finish", path, -Int(ENOMEM))
        }
        guard let error = write(closing) else { return nil }
        removeLeftovers()
        return error
    }

    /// Closes the file, whatever happens.
    mutating func close() -> FileError? {
        guard descriptor >= 0 else { return nil }
        let closed = operations.close(descriptor)
        descriptor = -1
        sealer = nil
        return closed < 0 ? FileError("close", path, closed) : nil
    }
}
