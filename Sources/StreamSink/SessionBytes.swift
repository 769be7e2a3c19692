import Glibc
import Synchronization

/// The bytes of one session's file, as every reader of sessions gets them: of an encrypted file, its clear text.
///
/// All reading of session files goes through here, so that what lies on the disk can have another form than what is
/// read. Safe to use from any thread; holds one file descriptor. A file that is deleted stays readable. An encrypted file
/// whose key is not there can be opened; each read then says which key is missing.
final class SessionBytes: Sendable {
    /// What the file's first bytes say it is.
    private enum Form {
        /// It has not got so many yet.
        case unknown
        case clear
        case sealed(SealedReader)
        case locked(FileError)
    }

    /// The file.
    let path: String
    private let descriptor: Int32
    private let form = Mutex(Form.unknown)
    /// Reading clear files takes no lock.
    private let isClear = Atomic<Bool>(false)
    private let givesZeros: Bool

    /// Opens a file for reading.
    /// - Parameter givesZeros: of an encrypted file, what was changed is read as zeros and not as an error.
    init(path: String, givesZeros: Bool = false) throws(FileError) {
        self.path = path
        self.givesZeros = givesZeros
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError("open", path, -Int(errno)) }
    }

    deinit { close(descriptor) }

    /// The number of bytes at the moment; 0 when even that cannot be asked.
    var length: Int64 {
        let sealed: Int64? = asked { form in
            if case .sealed(let reader) = form { return reader.length }
            if case .unknown = form { return 0 }
            return nil
        }
        if let sealed { return sealed }
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Int64(status.st_size) : 0
    }

    /// Reads from `offset` on into the array's elements from `start` to its end.
    /// - Returns: how many bytes were read; fewer than there is room only at the end of the file.
    func read(at offset: Int64, into bytes: inout [UInt8], from start: Int = 0) throws(FileError) -> Int {
        try read(at: offset, into: &bytes, from: start, givesZeros ? .zeros : .whole)
    }

    /// Like ``read(at:into:from:)``, but what was changed in an encrypted file is read as the end of the file.
    func readWhole(at offset: Int64, into bytes: inout [UInt8]) throws(FileError) -> Int {
        try read(at: offset, into: &bytes, from: 0, givesZeros ? .zeros : .upToDamage)
    }

    /// Like ``read(at:into:from:)``, but what was changed in an encrypted file is read as zeros.
    func readPastDamage(at offset: Int64, into bytes: inout [UInt8]) throws(FileError) -> Int {
        try read(at: offset, into: &bytes, from: 0, .zeros)
    }

    /// Whether the file is encrypted.
    var isSealed: Bool {
        asked { form in
            switch form {
            case .sealed, .locked: true
            case .unknown, .clear: false
            }
        } ?? false
    }

    private func read(
        at offset: Int64, into bytes: inout [UInt8], from start: Int, _ strictness: SealedReader.Strictness
    ) throws(FileError) -> Int {
        guard offset >= 0, start >= 0, start < bytes.count else { return 0 }
        return try bytes.withUnsafeMutableBytes { buffer -> Result<Int, FileError> in
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer[start...])
            do throws(FileError) {
                if let count = try readSealed(at: offset, into: target, strictness) { return .success(count) }
                return .success(try readClear(at: offset, target))
            } catch {
                return .failure(error)
            }
        }.get()
    }

    private func readSealed(
        at offset: Int64, into target: UnsafeMutableRawBufferPointer, _ strictness: SealedReader.Strictness
    ) throws(FileError) -> Int? {
        try withForm { form throws(FileError) in
            switch form {
            case .sealed(let reader): try reader.read(at: offset, into: target, strictness)
            case .locked(let error): throw error
            case .unknown: 0
            case .clear: nil
            }
        }
    }

    private func readClear(at offset: Int64, _ target: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        var done = 0
        while done < target.count {
            let count = pread(
                descriptor, target.baseAddress.map { $0 + done }, target.count - done, Int(offset) + done)
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw FileError("read", path, -Int(errno)) }
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// The bytes of a range; fewer where the file ends.
    func bytes(_ range: Range<Int64>) throws(FileError) -> [UInt8] {
        // A range is never believed to be so long as it says: the file may be shorter.
        let count = Int(max(0, min(range.upperBound, length) - range.lowerBound))
        var bytes = [UInt8](repeating: 0, count: count)
        let read = try read(at: range.lowerBound, into: &bytes)
        if read < count { bytes.removeLast(count - read) }
        return bytes
    }

    // Encrypted files

    /// Where an encrypted file is to end when so much of its text is kept; `nil` for a clear one.
    func sealedEnd(keeping length: Int64) throws(FileError) -> SealedEnd? {
        try withForm { form throws(FileError) in
            switch form {
            case .sealed(let reader): try reader.end(keeping: length)
            case .locked(let error): throw error
            case .unknown, .clear: nil
            }
        }
    }

    /// Every place of an encrypted file that is not what was written; none of a clear one.
    func sealDamage() throws(FileError) -> [SealDamage] {
        try withForm { form throws(FileError) in
            switch form {
            case .sealed(let reader): try reader.audit()
            case .locked(let error): throw error
            case .unknown, .clear: []
            }
        } ?? []
    }

    /// Whether the last part of an encrypted file is one that closes it; seen without a key, and so not proved.
    var looksClosed: Bool {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return false }
        var frame = (Int64(status.st_size) - 1) / Int64(SealedLayout.frame)
        var content = [UInt8](repeating: 0, count: SealedLayout.frame)
        while frame >= 0, status.st_size > 0 {
            let count = pread(descriptor, &content, content.count, Int(frame) * SealedLayout.frame)
            let last = content.withUnsafeBytes { bytes in
                var walk = SealedFrameWalk(UnsafeRawBufferPointer(rebasing: bytes[..<max(0, count)]), index: frame)
                var last: SealedPart?
                while let part = walk.next() { last = part }
                return last
            }
            if let last { return last.kind == .closing }
            frame -= 1
        }
        return false
    }

    /// Does something with the file's form, which is found out with its first bytes; `nil` at once where it is clear.
    private func withForm<Answer>(_ body: (Form) throws(FileError) -> Answer?) throws(FileError) -> Answer? {
        if isClear.load(ordering: .relaxed) { return try body(.clear) }
        return try form.withLock { form throws(FileError) in
            if case .unknown = form { try findForm(&form) }
            return try body(form)
        }
    }

    private func asked<Answer>(_ body: (Form) -> Answer?) -> Answer? {
        do throws(FileError) {
            return try withForm { form throws(FileError) in body(form) }
        } catch {
            return nil
        }
    }

    private func findForm(_ form: inout Form) throws(FileError) {
        var head = [UInt8](repeating: 0, count: SealedLayout.headLength)
        var count = -1
        while count < 0 {
            count = pread(descriptor, &head, head.count, 0)
            guard count >= 0 || errno == EINTR else { throw FileError("read", path, -Int(errno)) }
        }
        let magic = SealedLayout.magic.prefix(count)
        if !head.starts(with: magic) {
            form = .clear
            isClear.store(true, ordering: .relaxed)
        } else if count == head.count {
            do throws(FileError) {
                let key = try KeyVault.key(path, head: head)
                guard let reader = SealedReader(path: path, descriptor: descriptor, key: key) else {
                    throw FileError("read", path, -Int(ENOMEM))
                }
                form = .sealed(reader)
            } catch {
                form = .locked(error)
            }
        }
    }
}
