import Foundation
import Logging
import Testing

@testable import StreamSink

@Suite("What a check says of recordings that were deleted", .timeLimit(.minutes(2)))
struct DeletionLedgerTests {
    @Test("A session that the disk budget took is told as deleted, with the time; a stream that somebody deleted, too")
    func deleted() async throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/data"
        let store = try makeStore(path)
        let library = StreamLibrary(store: store)
        let (first, summary) = try await record(store, transaction: "t1", seconds: 2)
        _ = try await record(store, transaction: "t2", seconds: 2)
        let keeper = try RetentionKeeper(
            library: library, settings: RetentionSettings(diskBudgetBytes: 1), logger: Logger(label: "test"))
        try await Task.sleep(for: .milliseconds(300))
        keeper.run()
        #expect(keeper.statistics.deletedSessions == 2)
        var call = makeCall()
        call.legs = [
            LegRecord(session: first, isCaller: true, roleRule: nil, mediaIndex: 0, mediaLabel: nil)
        ]
        call.transactionID = "t1"
        call.legs[0].endFragmentNumber = summary.endFragmentNumber
        let end = UTCTime(milliseconds: SystemClock.wallMilliseconds())
        let objects = ObjectStore(directory: store.directory)
        let streaming = StreamingDetailRecord(call, outcome: .completed, endedAt: end)
        let detail = CallDetailRecord(call, outcome: .completed, endedAt: end)
        _ = try objects.writeOnce(key: streaming.key, bytes: streaming.json.bytes)
        _ = try objects.writeOnce(key: detail.key, bytes: detail.json.bytes)
        let verifier = try DataVerifier(dataDirectory: path)
        let found = verifier.findings()
        #expect(found.summary.isClean)
        #expect(found.findings.map(\.kind) == [.deletedSession])
        #expect(found.findings.first?.detail.contains("the disk budget is used up") == true)
        try library.delete(.name(first.streamName))
        let gone = verifier.findings()
        #expect(gone.findings.map(\.kind) == [.deletedSession] && gone.summary.isClean)
        await store.shutDown()
    }

    @Test("The list of deletions stays small, and half a line in it does no harm")
    func bounded() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: "\(folder.path)/logs", withIntermediateDirectories: true)
        let ledger = RetentionLedger(dataDirectory: folder.path, operations: .system)
        let file = "\(folder.path)/logs/deletions.jsonl"
        let notice = RetentionNotice(
            streamName: "s", session: SessionFileName(session: 4, transactionID: "t", mediaIndex: 0), bytes: 5,
            endedAtMilliseconds: 7, reason: .age(hours: 24))
        ledger.note(notice, at: 99)
        try write(try readFile(file) + Array("{\"at\":1,\n".utf8), to: file)
        ledger.note(stream: "x", at: 100)
        let known = RetentionLedger.load(dataDirectory: folder.path)
        #expect(known["s/000004_t_0.mkv"] == .init(atMilliseconds: 99, reason: "older than 24 h", isEarly: false))
        #expect(known["x"]?.atMilliseconds == 100)
        try write([UInt8](repeating: 10, count: Int(RetentionLedger.limit)), to: file)
        ledger.note(notice, at: 101)
        #expect(try readFile(file).count < 1000)
        #expect(FileContents.status(file + ".1")?.size == RetentionLedger.limit)
    }

    @Test("The disk budget is kept within seconds, not at the next regular look")
    func soon() async throws {
        let folder = try TemporaryFolder()
        let store = try makeStore("\(folder.path)/data")
        let library = StreamLibrary(store: store)
        let keeper = try RetentionKeeper(
            library: library, settings: RetentionSettings(diskBudgetBytes: 200_000, interval: .seconds(3600)),
            logger: Logger(label: "test"))
        try keeper.start()
        try await Task.sleep(for: .milliseconds(200))
        for call in 0..<6 { _ = try await record(store, transaction: "t\(call)", seconds: 4) }
        let end = ContinuousClock.now + .seconds(20)
        while keeper.statistics.deletedSessions < 2, ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(50))
        }
        #expect(keeper.statistics.deletedSessions >= 2)
        keeper.stop()
        await store.shutDown()
    }
}
