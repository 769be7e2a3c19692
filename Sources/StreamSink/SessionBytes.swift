import Glibc

/// The bytes of one session's file, as every reader of sessions gets them.
///
/// All reading of session files goes through here, so that what lies on the disk can have another form than what is
/// read. Safe to use from any thread; holds one file descriptor. A file that is deleted stays readable.
final class SessionBytes: Sendable {
    /// The file.
    let path: String
    private let descriptor: Int32

    /// Opens a file for reading.
    init(path: String) throws(FileError) {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError("open", path, -Int(errno)) }
    }

    deinit { close(descriptor) }

    /// The number of bytes at the moment; 0 when even that cannot be asked.
    var length: Int64 {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Int64(status.st_size) : 0
    }

    /// Reads from `offset` on into the array's elements from `start` to its end.
    /// - Returns: how many bytes were read; fewer than there is room only at the end of the file.
    func read(at offset: Int64, into bytes: inout [UInt8], from start: Int = 0) throws(FileError) -> Int {
        guard offset >= 0, start >= 0, start < bytes.count else { return 0 }
        let answer = bytes.withUnsafeMutableBytes { buffer in
            var done = start
            while done < buffer.count {
                let count = pread(
                    descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, Int(offset) + done - start)
                if count < 0, errno == EINTR { continue }
                if count < 0 { return -Int(errno) }
                if count == 0 { break }
                done += count
            }
            return done - start
        }
        guard answer >= 0 else { throw FileError("read", path, answer) }
        return answer
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
}
