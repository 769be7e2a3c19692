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
    /// What was lost when the file was repaired, now or earlier.
    public var losses: [SessionLoss] = []
    var segmentSize: Int64?
    var segmentStart: Int64?
    var durationOffset: Int64?

    /// Nothing read yet.
    init(path: String) { self.path = path }

    /// Reads the whole file; damage is part of the report, only a failing file call is an error.
    public init(scanning path: String) throws(FileError) {
        self.path = path
        let source = try SessionBytes(path: path)
        fileLength = source.length
        var scanner = MatroskaScanner()
        var chunk = [UInt8](repeating: 0, count: 256 << 10)
        var pending = PendingFragment()
        reading: while true {
            let count = try source.readWhole(at: scanner.endOffset, into: &chunk)
            if count == 0 { break }
            scanner.append(chunk[..<count])
            do throws(MatroskaError) {
                while let token = try scanner.next() { take(token, scanner, &pending) }
            } catch {
                damage = error
                break reading
            }
        }
        fileLength = source.length
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
        /// The end of a cluster that has its size while the Segment has none: another producer's, written at once.
        var wholeCluster: Int64?
    }

    private mutating func endCluster(_ pending: inout PendingFragment) {
        if let end = pending.wholeCluster, wholeLength > 0, end <= fileLength { wholeLength = max(wholeLength, end) }
        pending.wholeCluster = nil
    }

    private mutating func take(
        _ token: MatroskaScanner.Token, _ scanner: borrowing MatroskaScanner, _ pending: inout PendingFragment
    ) {
        switch token {
        case .document: break
        case .cluster(_, let dataOffset, let size):
            endCluster(&pending)
            pending.wholeCluster = segmentSize == nil ? size.map { dataOffset &+ $0 } : nil
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
            samples += track?.samples(of: content) ?? 0
            durationMilliseconds = max(
                durationMilliseconds,
                Double(pending.time + Int64(relative)) + (track?.milliseconds(of: content) ?? 0))
        }
    }
}
