import Crypto
import Glibc
import StreamSink

/// One file of the event log, the current one or one that was rotated away, open for reading.
final class LogSegment {
    /// A line with its place; the line end is in the range and not in the bytes.
    struct Line {
        var range: Range<Int64>
        var bytes: [UInt8]
    }

    /// Longer lines are skipped and counted.
    static let longestLine = 8 << 20
    private static let markLength = 64

    let path: String
    let inode: UInt64
    private let file: Int32
    /// Where the next line starts.
    private(set) var readOffset: Int64
    var settled: SettledRanges
    /// Lines of this segment that are known and not settled.
    var unsettled = 0
    private var chunkSize = 256 << 10

    init?(path: String, settled: SettledRanges = SettledRanges()) throws(FileError) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        if file < 0, errno == ENOENT { return nil }
        guard file >= 0 else { throw FileError("open", path, -Int(errno)) }
        guard let status = DiskFile.status(file) else {
            let code = errno
            close(file)
            throw FileError("look at", path, -Int(code))
        }
        self.path = path
        self.file = file
        inode = status.inode
        self.settled = settled
        readOffset = settled.end
    }

    deinit { close(file) }

    var size: Int64 { DiskFile.status(file)?.size ?? 0 }

    /// Whether everything that was read is settled.
    var isSettled: Bool { unsettled == 0 }

    /// Lines that are whole, up to about `limit` of them.
    func lines(limit: Int) throws(FileError) -> (lines: [Line], skipped: Int) {
        var lines: [Line] = []
        let bytes = try DiskFile.read(file, path, at: readOffset, count: chunkSize)
        var start = 0
        while lines.count < limit, let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            let range = readOffset + Int64(start)..<readOffset + Int64(end) + 1
            lines.append(Line(range: range, bytes: Array(bytes[start..<end])))
            start = end + 1
        }
        readOffset += Int64(start)
        guard start == 0, !bytes.isEmpty, bytes.count == chunkSize else {
            chunkSize = 256 << 10
            return (lines, 0)
        }
        if chunkSize < Self.longestLine {
            chunkSize *= 4
            return ([], 0)
        }
        // No line end in sight: give the bytes up, and what is left of the line will not be JSON either.
        settled.settle(readOffset..<readOffset + Int64(bytes.count))
        readOffset += Int64(bytes.count)
        return ([], 1)
    }

    /// A line that was read before; nil when the file does not have it any more.
    func bytes(in range: Range<Int64>) throws(FileError) -> [UInt8]? {
        let count = min(Int(range.upperBound - range.lowerBound), Self.longestLine * 4)
        let bytes = try DiskFile.read(file, path, at: range.lowerBound, count: count)
        guard bytes.count == count, bytes.last == UInt8(ascii: "\n") else { return nil }
        return Array(bytes.dropLast())
    }

    /// A digest of the bytes before an offset: the same file, grown, has the same one.
    func mark(before offset: Int64) -> String {
        let start = max(0, offset - Int64(Self.markLength))
        let bytes = (try? DiskFile.read(file, path, at: start, count: Int(offset - start))) ?? []
        guard Int64(bytes.count) == offset - start else { return "cut" }
        return SHA256.hash(data: bytes).prefix(8).map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
    }

    /// Goes to the end of the last whole line without reading what is before it.
    func skipToEnd() throws(FileError) {
        var end = size
        while end > 0 {
            let start = max(0, end - (64 << 10))
            let bytes = try DiskFile.read(file, path, at: start, count: Int(end - start))
            if let last = bytes.lastIndex(of: UInt8(ascii: "\n")) {
                end = start + Int64(last) + 1
                break
            }
            end = start
        }
        settled = SettledRanges(end: end)
        readOffset = end
    }

    /// The file was cut and is read from its start again.
    func restart() {
        settled = SettledRanges()
        readOffset = 0
        unsettled = 0
    }
}
