import Glibc

/// What is in a session's file, found by reading all of it.
public struct SessionFileReport: Sendable, Equatable {
    /// The file.
    public var path: String
    /// Its length in bytes.
    public var fileLength: Int64 = 0
    /// The length up to the end of the last whole block; 0 when not even the header is whole.
    public var wholeLength: Int64 = 0
    /// Whether the file was closed and is as long as it says.
    public var isFinished = false
    /// Wall clock of sample 0, milliseconds since 1970.
    public var startedAtMilliseconds: Int64?
    /// The first fragment.
    public var firstFragment: Fragment?
    /// The last fragment's number.
    public var lastFragmentNumber: FragmentNumber?
    /// Fragments with at least one whole block.
    public var fragments = 0
    /// The track; nil when not even the header is whole.
    public var track: MatroskaScanner.TrackDescription?
    /// Samples in whole blocks, at the track's frequency; 0 for a codec that only its decoder understands.
    public var samples: Int64 = 0
    /// The end of the last whole block on the session's time line, milliseconds from sample 0.
    public var durationMilliseconds: Double = 0
    /// What stopped the reading before the end of the file.
    public var damage: MatroskaError?
    var segmentSize: Int64?
    var segmentStart: Int64?
    var durationOffset: Int64?
    /// The clusters with at least one whole block and no size.
    private(set) var openClusters = ClusterPlaces()

    /// Reads the whole file; damage is part of the report, only a failing file call is an error.
    public init(scanning path: String) throws(FileError) {
        self.path = path
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw FileError("open", path, -Int(errno)) }
        defer { close(file) }
        fileLength = FileContents.status(path)?.size ?? 0
        var scanner = MatroskaScanner()
        var chunk = [UInt8](repeating: 0, count: 256 << 10)
        var pending = PendingFragment()
        reading: while true {
            let count = pread(file, &chunk, chunk.count, Int(scanner.endOffset))
            if count < 0 {
                if errno == EINTR { continue }
                throw FileError("read", path, -Int(errno))
            }
            if count == 0 { break }
            scanner.append(chunk[..<count])
            do throws(MatroskaError) {
                while let token = try scanner.next() { take(token, scanner, &pending) }
            } catch {
                damage = error
                break reading
            }
        }
        fileLength = FileContents.status(path)?.size ?? scanner.endOffset
        endCluster(&pending)
        if let segmentStart, let segmentSize {
            // Tags may follow the last block; they are whole when the scanner has come past them.
            isFinished =
                segmentStart + segmentSize == fileLength && wholeLength > 0 && damage == nil
                && scanner.offset == fileLength
            if isFinished { wholeLength = fileLength }
        }
    }

    private struct PendingFragment {
        var tags: [MatroskaScanner.TagValue] = []
        var time: Int64 = 0
        var isNew = false
        /// The head of a cluster that has no size, and the end of its last whole block.
        var openCluster: Int64?
        /// The end of a cluster that has its size while the Segment has none: another producer's, written at once.
        var wholeCluster: Int64?
        var end: Int64 = 0
    }

    private mutating func endCluster(_ pending: inout PendingFragment) {
        if let end = pending.wholeCluster, wholeLength > 0, end <= fileLength { wholeLength = max(wholeLength, end) }
        pending.wholeCluster = nil
        if let head = pending.openCluster, pending.end > head { openClusters.add(head: head, end: pending.end) }
        pending.openCluster = nil
    }

    private mutating func take(
        _ token: MatroskaScanner.Token, _ scanner: borrowing MatroskaScanner, _ pending: inout PendingFragment
    ) {
        switch token {
        case .document: break
        case .cluster(let offset, let dataOffset, let size):
            endCluster(&pending)
            pending.wholeCluster = segmentSize == nil ? size.map { dataOffset &+ $0 } : nil
            // Only a head like our own has room for the size.
            if size == nil, dataOffset - offset == ClusterPlaces.headLength { pending.openCluster = offset }
        case .segment(let dataOffset, let size):
            segmentStart = dataOffset
            segmentSize = size
        case .info(let info):
            startedAtMilliseconds = info.startedAtMilliseconds
            durationOffset = info.durationOffset
        case .track(let track):
            self.track = track
            wholeLength = scanner.offset
        case .tags(let tags): pending.tags = tags
        case .timecode(let time):
            pending.time = time
            pending.isNew = true
        case .block(let relative, let payload):
            guard wholeLength > 0, pending.wholeCluster ?? 0 <= fileLength else { return }
            if pending.isNew {
                pending.isNew = false
                let fragment = Fragment(timecodeMilliseconds: pending.time, tags: pending.tags)
                firstFragment = firstFragment ?? fragment
                lastFragmentNumber = fragment.number
                fragments += 1
            }
            let content = scanner.buffer[payload]
            // Such a cluster is whole or it is not: cut after a block it would lie about its size.
            if pending.wholeCluster == nil { wholeLength = scanner.offset }
            pending.end = scanner.offset
            samples += track?.samples(of: content) ?? 0
            durationMilliseconds = max(
                durationMilliseconds,
                Double(pending.time + Int64(relative)) + (track?.milliseconds(of: content) ?? 0))
        }
    }
}

extension SessionFileReport {
    /// What a repair did.
    public enum Repair: Sendable, Equatable {
        /// Nothing was wrong.
        case notNeeded
        /// Cut after the last whole block, and length and duration written in.
        case repaired(removedBytes: Int64)
        /// Removed: the crash came before the header was whole, so there was no audio in it.
        case removed
    }

    /// Makes a file that a crash left open a closed one. Nothing that was whole is lost; running it again does nothing.
    ///
    /// Not for files that are being written.
    public static func repair(
        _ path: String, operations: FileOperations = .system
    ) throws(FileError) -> (report: SessionFileReport, repair: Repair) {
        var report = try SessionFileReport(scanning: path)
        if report.isFinished { return (report, .notNeeded) }
        guard report.wholeLength > 0, let segmentStart = report.segmentStart else {
            // Never throw away what is no recording of ours at all.
            if report.damage != nil { return (report, .notNeeded) }
            let removed = operations.remove(path)
            guard removed >= 0 else { throw FileError("remove", path, removed) }
            return (report, .removed)
        }
        let opened = operations.open(path, O_WRONLY, 0)
        guard opened >= 0 else { throw FileError("open", path, opened) }
        let file = Int32(opened)
        defer { _ = operations.close(file) }
        let cut = operations.truncate(file, report.wholeLength)
        guard cut >= 0 else { throw FileError("cut", path, cut) }
        if let offset = report.durationOffset {
            let duration = MatroskaHeader.duration(milliseconds: report.durationMilliseconds)
            let written = operations.writeAll(duration, to: file, at: offset)
            guard written.code == 0 else { throw FileError("write", path, -Int(written.code)) }
        }
        let size = report.wholeLength - segmentStart
        let written = operations.writeAll(MatroskaHeader.segmentSize(size), to: file, at: segmentStart - 8)
        guard written.code == 0 else { throw FileError("write", path, -Int(written.code)) }
        report.openClusters.write(into: path, operations: operations)
        let removedBytes = report.fileLength - report.wholeLength
        report.fileLength = report.wholeLength
        report.segmentSize = size
        report.isFinished = true
        return (report, .repaired(removedBytes: removedBytes))
    }
}
