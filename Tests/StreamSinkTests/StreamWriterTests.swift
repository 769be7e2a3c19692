import Foundation
import Logging
import Synchronization
import Testing

@testable import StreamSink

@Suite("When the writer writes")
struct StreamWriterTests {
    /// The system's file calls, with the stream writes counted and held up on demand.
    private final class WatchedDisk: Sendable {
        let writes = Atomic<Int>(0)
        let isStuck = Flag(false)

        var operations: FileOperations {
            var operations = FileOperations.system
            operations.write = { [self] file, bytes, offset in
                while isStuck.isSet { usleep(1_000) }
                writes.add(1, ordering: .relaxed)
                return FileOperations.system.write(file, bytes, offset)
            }
            return operations
        }
    }

    private func open(_ store: FragmentStore, _ index: Int = 0) throws -> StreamSession {
        try store.openSession(
            connectorID: connector, transactionID: "t-\(index)", callID: "c", mediaIndex: 0,
            startedAtMilliseconds: callStart)
    }

    private func length(_ session: StreamSession, _ store: FragmentStore) -> Int64 {
        FileContents.status("\(store.directory.path)/\(session.relativePath)")?.size ?? 0
    }

    @Test("Each hand-in is one write; sessions that hand nothing in are not touched")
    func oneWriteAHandIn() async throws {
        let folder = try TemporaryFolder()
        let disk = WatchedDisk()
        let store = try makeStore("\(folder.path)/data", operations: disk.operations)
        let sessions = try (0..<50).map { try open(store, $0) }
        try await Task.sleep(for: .milliseconds(300))
        let before = disk.writes.load(ordering: .relaxed)
        for turn in 0..<10 {
            // In two pieces, as a ring that wraps hands them out.
            sessions[3].append(samples(turn * 1600..<turn * 1600 + 700).span)
            sessions[3].append(samples(turn * 1600 + 700..<(turn + 1) * 1600).span)
            try await Task.sleep(for: .milliseconds(120))
        }
        let writes = disk.writes.load(ordering: .relaxed) - before
        // A round may begin between the two pieces.
        #expect((10...20).contains(writes))
        let summary = await sessions[3].finish()
        #expect(summary.samples == 16_000 && summary.lostSamples == 0)
        await store.shutDown()
    }

    @Test("Samples are in the file a moment after they were handed in")
    func soon() async throws {
        let folder = try TemporaryFolder()
        let store = try makeStore("\(folder.path)/data")
        let session = try open(store)
        try await Task.sleep(for: .milliseconds(100))
        var lags: [Duration] = []
        for turn in 0..<15 {
            let before = length(session, store)
            let handedIn = ContinuousClock.now
            session.append(samples(turn * 1600..<(turn + 1) * 1600).span)
            while length(session, store) == before, ContinuousClock.now - handedIn < .seconds(2) {
                try await Task.sleep(for: .milliseconds(1))
            }
            lags.append(ContinuousClock.now - handedIn)
            try await Task.sleep(for: .milliseconds(10))
        }
        // 20 ms and the machine's own delays, which the median is nearly free of.
        #expect(lags.sorted()[7] < .milliseconds(100), "\(lags)")
        await store.shutDown()
    }

    @Test("A session that fails and gets no more samples is tried again all the same")
    func retried() async throws {
        let folder = try TemporaryFolder()
        let isFull = Flag(false)
        var operations = FileOperations.system
        operations.write = { isFull.isSet ? -28 : FileOperations.system.write($0, $1, $2) }
        let store = try makeStore("\(folder.path)/data", operations: operations)
        let session = try open(store)
        try await Task.sleep(for: .milliseconds(100))
        isFull.isSet = true
        session.append(samples(0..<1600).span)
        try await Task.sleep(for: .milliseconds(100))
        #expect(store.statistics.failingSessions == 1)
        isFull.isSet = false
        try await Task.sleep(for: .milliseconds(1_400))
        #expect(store.statistics.failingSessions == 0)
        #expect(length(session, store) > 3_200)
        #expect(await session.finish().samples == 1600)
        await store.shutDown()
    }

    @Test("A session that ends while it fails leaves the writer and the count of failing ones")
    func endsFailing() async throws {
        let folder = try TemporaryFolder()
        let isFull = Flag(false)
        var operations = FileOperations.system
        operations.write = { isFull.isSet ? -28 : FileOperations.system.write($0, $1, $2) }
        let store = try makeStore("\(folder.path)/data", operations: operations)
        let sessions = [try open(store, 0), try open(store, 1)]
        try await Task.sleep(for: .milliseconds(100))
        isFull.isSet = true
        for session in sessions { session.append(samples(0..<1600).span) }
        try await Task.sleep(for: .milliseconds(100))
        let summary = await sessions[0].finish()
        #expect(summary.lostSamples == 1600 && summary.failure != nil)
        #expect(store.statistics.failingSessions == 1)
        isFull.isSet = false
        try await Task.sleep(for: .milliseconds(1_400))
        #expect(store.statistics.failingSessions == 0)
        #expect(await sessions[1].finish().samples == 1600)
        await store.shutDown()
    }

    @Test("After a stuck disk the sessions give their memory back with the first write")
    func shrinks() async throws {
        let folder = try TemporaryFolder()
        let disk = WatchedDisk()
        let store = try makeStore("\(folder.path)/data", operations: disk.operations)
        let sessions = try (0..<20).map { try open(store, $0) }
        try await Task.sleep(for: .milliseconds(100))
        disk.isStuck.isSet = true
        for turn in 0..<20 {
            for session in sessions { session.append(samples(turn * 1600..<(turn + 1) * 1600).span) }
            try await Task.sleep(for: .milliseconds(5))
        }
        func held() -> Int {
            sessions.reduce(0) { sum, session in
                sum + session.pending.withLock { $0.capacityBytes } + session.file.withLock { $0.capacityBytes }
            }
        }
        disk.isStuck.isSet = false
        for session in sessions { session.append(samples(32_000..<33_600).span) }
        try await Task.sleep(for: .milliseconds(300))
        #expect(held() <= 20 * 512)
        for session in sessions {
            let summary = await session.finish()
            #expect(summary.samples == 33_600 && summary.lostSamples == 0)
        }
        await store.shutDown()
    }

    @Test("A session's memory after an outage is that of before")
    func shrinksAfterOutage() {
        let driven = DrivenSession()
        driven.append(1_650)
        driven.flush()
        let before = driven.session.file.withLock { $0.capacityBytes }
        driven.disk.state.withLock { $0.budget = 0 }
        for _ in 0..<40 {
            driven.append(1_600)
            driven.now += 200
            driven.flush()
        }
        #expect(driven.session.file.withLock { $0.capacityBytes } > 60_000)
        driven.disk.state.withLock { $0.budget = .max }
        driven.now += 1_000
        driven.flush()
        #expect(driven.session.file.withLock { $0.capacityBytes } <= before + 512)
        #expect(driven.session.pending.withLock { $0.capacityBytes } == 0)
    }
}
