/// What a reader finds in a session's file, in the file's order.
public enum StreamEvent: Sendable, Equatable {
    /// The header is there: wall clock of sample 0 (milliseconds since 1970) and the track.
    case opened(startedAtMilliseconds: Int64?, track: MatroskaScanner.TrackDescription)
    /// A fragment starts; its first samples follow.
    case fragment(Fragment)
    /// Samples of a PCM track, and the place of the first one on the session's time line in samples. A hole is a step in
    /// the places.
    case samples([Int16], position: Int64)
    /// A block of any other track: its bytes and its place in milliseconds from the session's start.
    case payload([UInt8], milliseconds: Int64)
    /// The session has ended and everything has been read.
    case ended(durationMilliseconds: Double?)
}

/// Follows one session's file, also while it grows.
///
/// Owned by one task. A file that was cut by a crash is read up to its last whole block; when it is repaired later the
/// end comes then.
public final class StreamReader {
    /// The file that is read.
    public let path: String
    /// Whether ``StreamEvent/ended(durationMilliseconds:)`` has been given.
    public private(set) var hasEnded = false

    private let source: SessionBytes
    private var scanner = MatroskaScanner()
    private var chunk = [UInt8](repeating: 0, count: 64 << 10)
    private var segmentStart: Int64?
    private var startedAt: Int64?
    private var tags: [MatroskaScanner.TagValue] = []
    private var clusterTime: Int64 = 0
    private var fragmentIsNew = false
    /// The first block of a fragment, given after the fragment itself.
    private var waitingBlock: StreamEvent?
    private var track: MatroskaScanner.TrackDescription?
    /// The end of the last whole block (or of the header): never taken back by the writer.
    private var committed: Int64 = 0
    private var committedClusterTime: Int64 = 0

    /// Opens a file.
    public init(path: String) throws(StreamReaderError) {
        self.path = path
        do throws(FileError) { source = try SessionBytes(path: path) } catch { throw .file(error) }
    }

    /// Opens a stream's newest session, or the given one.
    /// - Parameter dataDirectory: the data directory's path.
    public convenience init(stream: String, session: Int? = nil, dataDirectory: String) throws(StreamReaderError) {
        guard StreamDescription.isUsableName(stream) else { throw .noSuchStream(stream) }
        let folder = "\(dataDirectory)/streams/\(stream)"
        guard FileContents.status(folder) != nil else { throw .noSuchStream(stream) }
        let files = FileContents.names(in: folder).compactMap { name in SessionFileName(name).map { (name, $0.session) }
        }
        let file = files.filter { session == nil || $0.1 == session }.max { $0.1 < $1.1 }
        guard let file else { throw .noSession(stream: stream, session: session) }
        try self.init(path: "\(folder)/\(file.0)")
    }

    /// Like ``init(stream:session:dataDirectory:)``, but gives the session's file up to `patience` to appear: an event may
    /// be read a moment before the file is made.
    public static nonisolated(nonsending) func open(
        stream: String, session: Int? = nil, dataDirectory: String, patience: Duration
    ) async throws -> StreamReader {
        let end = ContinuousClock.now + patience
        while true {
            do throws(StreamReaderError) {
                return try StreamReader(stream: stream, session: session, dataDirectory: dataDirectory)
            } catch {
                guard error.isNotYet, ContinuousClock.now < end else { throw error }
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// The next event, waiting for it while the session is live; `nil` after the end.
    /// - Parameter poll: how long to wait between looks at the file.
    public nonisolated(nonsending) func next(poll: Duration = .milliseconds(30)) async throws -> StreamEvent? {
        while true {
            if let event = try read() { return event }
            if hasEnded { return nil }
            try await Task.sleep(for: poll)
        }
    }

    /// The next event that is in the file already; `nil` when there is none at the moment.
    public func read() throws(StreamReaderError) -> StreamEvent? {
        guard !hasEnded else { return nil }
        if let block = waitingBlock {
            waitingBlock = nil
            return block
        }
        while true {
            let token: MatroskaScanner.Token?
            do throws(MatroskaError) {
                token = try scanner.next()
            } catch {
                throw .damaged(path: path, error)
            }
            if let token {
                if let event = take(token) { return event }
            } else if try fill() == 0 {
                return try atEnd()
            }
        }
    }

    private func take(_ token: MatroskaScanner.Token) -> StreamEvent? {
        switch token {
        case .document: return nil
        case .segment(let dataOffset, _):
            segmentStart = dataOffset
            return nil
        case .info(let info):
            startedAt = info.startedAtMilliseconds
            return nil
        case .track(let track):
            self.track = track
            committed = scanner.offset
            return .opened(startedAtMilliseconds: startedAt, track: track)
        case .tags(let values):
            tags = values
            return nil
        case .cluster: return nil
        case .timecode(let time):
            clusterTime = time
            fragmentIsNew = true
            return nil
        case .block(let relative, let payload):
            // The fragment is told with its first whole block: only a whole block is sure to stay.
            if fragmentIsNew {
                fragmentIsNew = false
                waitingBlock = block(relative, payload)
                return .fragment(Fragment(timecodeMilliseconds: clusterTime, tags: tags))
            }
            return block(relative, payload)
        }
    }

    private func block(_ relative: Int16, _ payload: Range<Int>) -> StreamEvent {
        committed = scanner.offset
        committedClusterTime = clusterTime
        let time = max(0, clusterTime + Int64(relative))
        guard let track, track.isPCM else { return .payload(Array(scanner.buffer[payload]), milliseconds: time) }
        return .samples(scanner.samples(in: payload), position: time * track.rate / 1000)
    }

    private func fill() throws(StreamReaderError) -> Int {
        let count = try read(at: scanner.endOffset, into: &chunk)
        if count > 0 { scanner.append(chunk[..<count]) }
        return count
    }

    private func read(at offset: Int64, into bytes: inout [UInt8]) throws(StreamReaderError) -> Int {
        do throws(FileError) { return try source.read(at: offset, into: &bytes) } catch { throw .file(error) }
    }

    private func atEnd() throws(StreamReaderError) -> StreamEvent? {
        let length = source.length
        if length < scanner.endOffset {
            // The writer (full disk) or the repair after a crash has cut the file: go back to what is sure.
            scanner = MatroskaScanner(offset: committed)
            clusterTime = committedClusterTime
            fragmentIsNew = false
            tags = []
            if committed > length { throw .shrunk(path: path) }
        }
        guard let segmentStart else { return nil }
        var bytes = [UInt8](repeating: 0, count: 8)
        guard try read(at: segmentStart - 8, into: &bytes) == 8 else { return nil }
        let value = bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } & 0x00FF_FFFF_FFFF_FFFF
        guard bytes[0] == 1, value != 0x00FF_FFFF_FFFF_FFFF else { return nil }
        let end = segmentStart + Int64(value)
        if scanner.offset >= end {
            hasEnded = true
            return .ended(durationMilliseconds: try duration())
        }
        if length < end { throw .cut(path: path, missing: end - length) }
        return nil
    }

    /// What the header of a new reader's file says; `nil` when it is not all there.
    func header() throws(StreamReaderError) -> MatroskaScanner.SegmentInformation? {
        guard case .opened(let start, _) = try read() else { return nil }
        var info = MatroskaScanner.SegmentInformation()
        info.startedAtMilliseconds = start
        info.durationMilliseconds = try duration()
        return info
    }

    private func duration() throws(StreamReaderError) -> Double? {
        var bytes = [UInt8](repeating: 0, count: 11)
        guard try read(at: Int64(MatroskaHeader.durationOffset), into: &bytes) == 11, bytes[0] == 0x44,
            bytes[1] == 0x89,
            bytes[2] == 0x88
        else { return nil }
        return Double(bitPattern: bytes[3...].reduce(0) { $0 << 8 | UInt64($1) })
    }
}

/// Why a stream cannot be read.
public enum StreamReaderError: Error, Hashable, Sendable, CustomStringConvertible {
    /// There is no such stream.
    case noSuchStream(String)
    /// The stream has no (such) session yet.
    case noSession(stream: String, session: Int?)
    /// A file call failed.
    case file(FileError)
    /// The bytes are not a recording.
    case damaged(path: String, MatroskaError)
    /// A finished file is shorter than it says.
    case cut(path: String, missing: Int64)
    /// The file lost bytes that had been read already.
    case shrunk(path: String)

    /// Whether the file may only not be there yet.
    var isNotYet: Bool {
        switch self {
        case .noSuchStream, .noSession: true
        case .file, .damaged, .cut, .shrunk: false
        }
    }

    /// One sentence, with what can be done.
    public var description: String {
        switch self {
        case .noSuchStream(let name): "there is no stream “\(name.prefix(100))”; “earshot streams” lists them"
        case .noSession(let stream, let session?): "the stream \(stream) has no session \(session)"
        case .noSession(let stream, nil): "the stream \(stream) has no session yet"
        case .file(let error): error.description
        case .damaged(let path, let error): "\(path) is damaged: \(error)"
        case .cut(let path, let missing): "\(path) is cut: \(missing) bytes are missing at its end"
        case .shrunk(let path): "\(path) became shorter while it was read"
        }
    }
}
