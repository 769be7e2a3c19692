import Foundation
import Logging
import Synchronization

@testable import StreamSink

/// A shelf without streams, in a folder that is not there.
func emptyShelf() -> StreamShelf {
    StreamShelf(streamsPath: "/nowhere/streams", region: "r", accountID: "a", operations: nil, streams: [])
}

/// One session that is written into a real file, step by step and without threads.
final class FiledSession {
    let live: LiveSession
    let session: StreamSession
    let path: String
    private var scratch = WriteScratch()
    private var position = 0
    var now: Int64 = 0
    private let start: Int64

    /// - Parameter folder: the stream's folder, which is there.
    init(
        folder: String, number: Int = 0, start: Int64 = callStart, format: StreamFormat = .pcm(sampleRate: 8000),
        operations: FileOperations = .system, writesIndex: Bool = true
    ) {
        let name = SessionFileName(session: number, transactionID: "T1", mediaIndex: 0)
        path = "\(folder)/\(name.text)"
        self.start = start
        live = LiveSession(streamName: "s", name: name, path: path, watch: StreamWatch())
        let file = SessionFile(
            file: GrowingFile(path: path, operations: operations, prepare: {}), relativePath: "streams/s/\(name.text)",
            startedAtMilliseconds: start,
            muxer: makeMuxer(start: start, counter: UInt64(number) * 1000 + 1, format: format), silenceLimit: 480_000,
            live: live, indexIsDue: { if writesIndex { IndexWriter.write($0, operations: .system) } })
        let description = StreamDescription(
            name: "s", arn: "arn", connectorID: "vc1", createdAtMilliseconds: 0, nextSession: 1, closedSession: -1)
        session = StreamSession(
            stream: ClaimedStream(name: "s", arn: "arn", session: number, description: description), file: file,
            pendingLimit: 400_000, writer: nil, live: live)
    }

    /// Adds samples and writes them.
    func write(_ count: Int) {
        let added = (position..<position + count).map { sample(at: $0) }
        session.append(added.span)
        position += count
        now += Int64(count / 8)
        session.file.withLock { file in
            _ = file.flush(from: session, scratch: &scratch, now: now, wallClock: start + now)
        }
    }

    @discardableResult
    func close() -> SessionSummary {
        let summary = session.file.withLock { file in
            file.close(from: session, scratch: &scratch, now: now, wallClock: start + now)
        }
        let places = session.file.withLock { $0.clusters }
        places.write(into: path, operations: .system)
        IndexWriter.write(live, operations: .system)
        live.end()
        return summary
    }

    /// A file of so many seconds, closed.
    static func make(folder: String, seconds: Int, number: Int = 0, start: Int64 = callStart) -> FiledSession {
        let filed = FiledSession(folder: folder, number: number, start: start)
        for _ in 0..<seconds * 4 { filed.write(2000) }
        filed.close()
        return filed
    }
}

func loadIndex(
    _ path: String, live: LiveSession? = nil, trustsFile: Bool = true, isFinal: Bool = true
) throws -> SessionIndex? {
    try SessionIndex.load(SessionBytes(path: path), live: live, isFinal: isFinal, trustsFile: trustsFile)
}

func readFile(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }

/// Records a call's leg through a running store: seconds of samples in hand-ins of 200 ms, as fast as they are written.
func record(
    _ store: FragmentStore, transaction: String, seconds: Int, start: Int64 = SystemClock.wallMilliseconds(),
    retentionHours: Int? = nil
) async throws -> (session: StreamSession, summary: SessionSummary) {
    let session = try store.openSession(
        connectorID: connector, transactionID: transaction, callID: "c", mediaIndex: 0, startedAtMilliseconds: start,
        retentionHours: retentionHours)
    for second in 0..<seconds {
        session.append(samples(second * 8000..<(second + 1) * 8000).span)
        // No more than the writer may be behind.
        if second % 4 == 3 { try await Task.sleep(for: .milliseconds(60)) }
    }
    return (session, await session.finish())
}

/// What a follower gave, put together.
struct Followed: Equatable {
    var begun: [StoredFragment] = []
    var ended: [StoredFragment] = []
    var bodies: [[UInt8]] = []
    var headers: Set<[UInt8]> = []

    mutating func take(_ part: StreamFollower.Part) {
        switch part {
        case .begin(let header, let fragment):
            headers.insert(header)
            begun.append(fragment)
            bodies.append([])
        case .bytes(let bytes): if !bodies.isEmpty { bodies[bodies.count - 1] += bytes }
        case .end(let fragment): ended.append(fragment)
        }
    }

    /// Everything that can be read at the moment.
    mutating func drain(_ follower: StreamFollower, maximumBytes: Int = 5000) throws {
        while let part = try follower.next(maximumBytes: maximumBytes) { take(part) }
    }

    /// The samples of all fragments, as any Matroska reader finds them.
    func samples() throws -> [Int16] {
        try bodies.flatMap { body in
            try Scanned((headers.first ?? []) + body).blocks.flatMap(\.samples)
        }
    }
}
