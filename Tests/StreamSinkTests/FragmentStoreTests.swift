import Foundation
import Logging
import Synchronization
import Testing

@testable import StreamSink

func makeStore(
    _ path: String, operations: FileOperations = .system, flush: Duration = .milliseconds(20)
) throws -> FragmentStore {
    var configuration = FragmentStore.Configuration(region: "us-east-1", accountID: "111122223333")
    configuration.flushInterval = flush
    configuration.syncInterval = .milliseconds(200)
    return try FragmentStore(
        directory: DataDirectory(path, operations: operations), configuration: configuration,
        logger: Logger(label: "test"))
}

let connector = "abcd112222223333444455"

@Suite("The stream store")
struct FragmentStoreTests {
    @Test("A session's name, ARN and first fragment are known before its first byte")
    func names() async throws {
        let folder = try TemporaryFolder()
        let store = try makeStore("\(folder.path)/data")
        let session = try store.openSession(
            connectorID: connector, transactionID: "t-1", callID: "c", mediaIndex: 0, startedAtMilliseconds: callStart)
        #expect(session.streamName.hasPrefix("ChimeVoiceConnector-\(connector)-"))
        #expect(session.streamName.count == 79)
        #expect(
            session.streamARN
                == "arn:aws:kinesisvideo:us-east-1:111122223333:stream/\(session.streamName)/\(callStart)")
        #expect(session.startFragmentNumber.counter == 1)
        #expect(session.startFragmentNumber.epochMilliseconds == UInt64(callStart))
        #expect(session.relativePath == "streams/\(session.streamName)/000000_t-1_0.mkv")
        session.append(samples(0..<800).span)
        let summary = await session.finish()
        #expect(summary.samples == 800)
        #expect(summary.endFragmentNumber == session.startFragmentNumber)
        #expect(await session.finish() == summary)
        await store.shutDown()
    }

    @Test("Streams are used again, and their fragment numbers grow as text through calls, restarts and long sessions")
    func poolReuse() async throws {
        let folder = try TemporaryFolder()
        var numbers: [String] = []
        var names: Set<String> = []
        for start in 0..<3 {
            let store = try makeStore("\(folder.path)/data")
            for call in 0..<3 {
                let session = try store.openSession(
                    connectorID: connector, transactionID: "t-\(start)-\(call)", callID: "c", mediaIndex: 0,
                    startedAtMilliseconds: callStart - Int64(call) * 1000)
                session.append([Int16](repeating: 1, count: 16_000).span)
                numbers.append(session.startFragmentNumber.description)
                names.insert(session.streamName)
                numbers.append(try #require((await session.finish()).endFragmentNumber).description)
            }
            await store.shutDown()
        }
        #expect(names.count == 1)
        #expect(numbers == numbers.sorted())
        let expected: [UInt64] = (0..<9).flatMap { (session: UInt64) in [session * 1000 + 1, session * 1000 + 2] }
        let counters = numbers.compactMap { FragmentNumber($0)?.counter }
        #expect(counters == expected)
    }

    @Test("Two legs at once have two streams; another connector has its own")
    func separateStreams() async throws {
        let folder = try TemporaryFolder()
        let store = try makeStore("\(folder.path)/data")
        let sessions = try (0..<4).map { index in
            try store.openSession(
                connectorID: index < 2 ? connector : "other", transactionID: "t", callID: "c", mediaIndex: index,
                startedAtMilliseconds: callStart)
        }
        #expect(Set(sessions.map(\.streamName)).count == 4)
        #expect(store.statistics.openSessions == 4)
        for session in sessions { _ = await session.finish() }
        let again = try store.openSession(
            connectorID: "other", transactionID: "t", callID: "c", mediaIndex: 0, startedAtMilliseconds: callStart)
        #expect(again.streamName == sessions[2].streamName)
        #expect(again.startFragmentNumber.counter == 1001)
        #expect(store.statistics.streams == 4)
        await store.shutDown()
        #expect(store.statistics.openSessions == 0)
        #expect(throws: FragmentStoreError.shutDown) {
            try store.openSession(
                connectorID: "o", transactionID: "t", callID: "c", mediaIndex: 0, startedAtMilliseconds: 0)
        }
    }

    @Test("A session of more than 999 fragments moves its stream's next session on")
    func longSession() {
        let pool = StreamPool(shelf: emptyShelf())
        let claim = pool.claim(connectorID: "c", wallClock: 1)
        #expect(claim.session == 0)
        #expect(pool.release(claim, lastCounter: 3600).nextSession == 4)
        let next = pool.claim(connectorID: "c", wallClock: 2)
        #expect(next.session == 4)
        #expect(pool.release(next, lastCounter: 4999).nextSession == 5)
        #expect(StreamPool.session(after: 5000) == 6)
    }

    @Test("Without stream.json, or with a damaged one, the stream goes on from its files")
    func lostDescription() async throws {
        let folder = try TemporaryFolder()
        let data = "\(folder.path)/data"
        var last = try await recordOneSession(data)
        for content in [nil, "", "{\"Name\":", "[]"] as [String?] {
            let path = "\(data)/streams/\(last.stream)/stream.json"
            try? FileManager.default.removeItem(atPath: path)
            if let content { try Data(content.utf8).write(to: URL(fileURLWithPath: path)) }
            let next = try await recordOneSession(data)
            #expect(next.stream == last.stream)
            #expect(next.number > last.number)
            last = next
        }
    }

    private func recordOneSession(_ data: String) async throws -> (stream: String, number: FragmentNumber) {
        let store = try makeStore(data)
        let session = try store.openSession(
            connectorID: connector, transactionID: "t", callID: "c", mediaIndex: 0, startedAtMilliseconds: callStart)
        session.append([Int16](repeating: 1, count: 800).span)
        #expect((await session.finish()).failure == nil)
        await store.shutDown()
        return (session.streamName, session.startFragmentNumber)
    }

    @Test("Names that could leave their folder are refused", arguments: ["", "../x", "a/b", "a_b", "ä", ".", "a b"])
    func unsafeNames(name: String) async throws {
        let folder = try TemporaryFolder()
        let store = try makeStore("\(folder.path)/data")
        #expect(throws: FragmentStoreError.self) {
            try store.openSession(
                connectorID: name, transactionID: "t", callID: "c", mediaIndex: 0, startedAtMilliseconds: 0)
        }
        #expect(throws: FragmentStoreError.self) {
            try store.openSession(
                connectorID: "c", transactionID: name, callID: "c", mediaIndex: 0, startedAtMilliseconds: 0)
        }
        await store.shutDown()
    }

    @Test("The data directory and everything in it is private, and a second process is told that it is used")
    func privateDirectory() async throws {
        let folder = try TemporaryFolder()
        let data = "\(folder.path)/data"
        let store = try makeStore(data)
        let session = try store.openSession(
            connectorID: connector, transactionID: "t", callID: "c", mediaIndex: 0, startedAtMilliseconds: callStart)
        _ = await session.finish()
        func mode(_ path: String) throws -> Int {
            try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
        }
        #expect(try mode(data) == 0o700)
        #expect(try mode("\(data)/streams/\(session.streamName)") == 0o700)
        #expect(try mode("\(data)/\(session.relativePath)") == 0o600)
        #expect(try mode("\(data)/streams/\(session.streamName)/stream.json") == 0o600)
        #expect(throws: DataDirectoryError.inUse(data)) { try DataDirectory(data) }
        await store.shutDown()
    }

    @Test("Many sessions appended from many threads are all complete")
    func manySessions() async throws {
        let folder = try TemporaryFolder()
        let store = try makeStore("\(folder.path)/data")
        let sessions = try (0..<60).map { index in
            try store.openSession(
                connectorID: connector, transactionID: "t-\(index)", callID: "c", mediaIndex: 0,
                startedAtMilliseconds: callStart)
        }
        await withTaskGroup(of: Void.self) { group in
            for session in sessions {
                group.addTask {
                    var at = 0
                    while at < 12_000 {
                        session.append(samples(at..<at + 400).span)
                        at += 400
                        await Task.yield()
                    }
                    #expect((await session.finish()).samples == 12_000)
                }
            }
        }
        for session in sessions {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(store.directory.path)/\(session.relativePath)"))
            let scanned = try Scanned([UInt8](bytes))
            #expect(scanned.isTrue && scanned.sampleCount == 12_000)
        }
        await store.shutDown()
    }

    @Test("A full disk neither refuses a call nor stops one; writing goes on when there is room")
    func fullDisk() async throws {
        let folder = try TemporaryFolder()
        let flag = Flag(true)
        var operations = FileOperations.system
        operations.write = { file, bytes, offset in
            flag.isSet ? -Int(ENOSPC) : FileOperations.system.write(file, bytes, offset)
        }
        let store = try makeStore("\(folder.path)/data", operations: operations)
        let session = try store.openSession(
            connectorID: connector, transactionID: "t", callID: "c", mediaIndex: 0, startedAtMilliseconds: callStart)
        session.append(samples(0..<8000).span)
        try await Task.sleep(for: .milliseconds(150))
        #expect(store.statistics.failingSessions == 1)
        #expect(store.statistics.writeFailures > 0)
        flag.isSet = false
        session.append(samples(8000..<9000).span)
        try await Task.sleep(for: .milliseconds(1300))
        #expect(store.statistics.failingSessions == 0)
        let summary = await session.finish()
        #expect(summary.lostSamples == 0)
        #expect(summary.samples == 9000)
        await store.shutDown()
    }
}

/// A switch that closures can share.
final class Flag: Sendable {
    private let value: Mutex<Bool>
    init(_ initial: Bool) { value = Mutex(initial) }
    var isSet: Bool {
        get { value.withLock { $0 } }
        set { value.withLock { $0 = newValue } }
    }
}
