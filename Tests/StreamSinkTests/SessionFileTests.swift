import Glibc
import Synchronization
import Testing

@testable import StreamSink

@Suite("A session's file")
struct SessionFileTests {
    @Test("Chunks of any size give the same file", arguments: 1...20)
    func anyChunks(seed: Int) throws {
        var random = Seeded(UInt64(seed))
        let driven = DrivenSession()
        let total = Int.random(in: 1...30_000, using: &random)
        while driven.appended < total {
            driven.append(min(total - driven.appended, Int.random(in: 1...2000, using: &random)))
            driven.now += 100
            if Bool.random(using: &random) { driven.flush() }
        }
        let summary = driven.close()
        let scanned = try Scanned(driven.content)
        #expect(scanned.isTrue)
        #expect(scanned.sampleCount == total)
        #expect(summary.samples == Int64(total))
        #expect(summary.lostSamples == 0)
        #expect(summary.bytes == Int64(driven.content.count))
        #expect(summary.durationMilliseconds == Int64(total / 8))
        #expect(summary.fragments == scanned.fragments.count)
        #expect(summary.fragments == (total + 7999) / 8000)
        #expect(summary.endFragmentNumber == scanned.fragments.last?.number)
        #expect(summary.failure == nil)
        #expect(scanned.blocks.dropLast().allSatisfy { $0.samples.count == 160 })
    }

    @Test("A disk that is full at any byte and has room a second later loses nothing")
    func fullAtEveryByte() throws {
        let head = 1_000
        let secondFragment = 190 + 620 + 50 * 327
        for budget in Array(0..<head + 3 * 327) + Array(secondFragment - 400..<secondFragment + 1000) {
            let chunk = budget < secondFragment / 2 ? 160 : 800
            let driven = DrivenSession()
            driven.disk.state.withLock { $0.budget = budget }
            var failed = false
            for _ in 0..<12 {
                driven.append(chunk)
                if case .failed(let error) = driven.flush() {
                    #expect(error.code == ENOSPC)
                    // What is in the file is whole at any time.
                    #expect(driven.content.count <= budget)
                    let cut = try Scanned(driven.content)
                    #expect(cut.isTrue)
                    failed = true
                    driven.disk.state.withLock { $0.budget = .max }
                }
                driven.now += 100
            }
            driven.now += 1000
            driven.flush()
            let summary = driven.close()
            let scanned = try Scanned(driven.content)
            try #require(
                scanned.isTrue && failed && summary.lostSamples == 0 && scanned.sampleCount == 12 * chunk, "\(budget)")
            let numbers = scanned.fragments.compactMap { $0.number?.description }
            #expect(numbers == numbers.sorted() && Set(numbers).count == numbers.count)
            #expect(scanned.fragments.first?.number == driven.session.startFragmentNumber, "\(budget)")
            #expect(summary.failure == nil)
        }
    }

    @Test("Short writes and interruptions change nothing", arguments: [1, 7, 100, 326, 327, 328])
    func shortWrites(most: Int) throws {
        let driven = DrivenSession()
        driven.disk.state.withLock { $0.shortWrite = most }
        for _ in 0..<4 {
            driven.append(800)
            driven.flush()
        }
        let summary = driven.close()
        let scanned = try Scanned(driven.content)
        #expect(scanned.isTrue)
        #expect(scanned.sampleCount == 3200)
        #expect(summary.failure == nil)
    }

    @Test("Where holes stay holes, losses are counted exactly and the rest lies in its place", arguments: 1...60)
    func longOutage(seed: Int) throws {
        var random = Seeded(UInt64(seed) &* 77)
        let driven = DrivenSession(pendingLimit: 4000, silenceLimit: 0)
        driven.disk.state.withLock { $0.truncateFails = seed % 5 == 0 }
        for step in 0..<300 {
            driven.append(Int.random(in: 1...900, using: &random))
            driven.now += 100
            let isFull = (40..<110).contains(step) || (150..<155).contains(step) || (200..<260).contains(step)
            driven.disk.state.withLock { $0.budget = isFull ? Int.random(in: 0...500, using: &random) : .max }
            driven.flush()
        }
        driven.disk.state.withLock { $0.budget = .max }
        let summary = driven.close()
        var scanned = try Scanned(driven.content)
        #expect(scanned.isTrue)
        #expect(summary.lostSamples > 0)
        #expect(Int64(scanned.sampleCount) == summary.samples)
        #expect(summary.samples + summary.lostSamples == Int64(driven.appended))
        #expect(abs(summary.durationMilliseconds - Int64(driven.appended / 8)) <= 20)
        let positions = scanned.blocks.map(\.position)
        #expect(positions == positions.sorted() && Set(positions).count == positions.count)
        #expect(positions.allSatisfy { $0 % 160 == 0 })
        scanned.blocks = []
        let numbers = scanned.fragments.compactMap { $0.number?.description }
        #expect(numbers == numbers.sorted() && Set(numbers).count == numbers.count)
    }

    @Test("A call during which the disk never has room ends with everything counted as lost")
    func neverRoom() {
        let driven = DrivenSession()
        driven.disk.state.withLock { $0.budget = 0 }
        for _ in 0..<100 {
            driven.append(800)
            driven.now += 100
            driven.flush()
        }
        let summary = driven.close()
        #expect(summary.lostSamples == 80_000)
        #expect(summary.samples == 0)
        #expect(summary.endFragmentNumber == nil)
        #expect(summary.failure?.contains("free some space") == true)
    }

    @Test("The disk is asked once a second while it fails")
    func retryInterval() {
        let driven = DrivenSession()
        driven.disk.state.withLock { $0.budget = 0 }
        for _ in 0..<30 {
            driven.append(800)
            driven.now += 100
            driven.flush()
        }
        #expect(driven.disk.state.withLock { $0.writes } == 3)
    }

    @Test("A session without samples is a readable, closed file without fragments")
    func empty() throws {
        let driven = DrivenSession()
        driven.flush()
        let summary = driven.close()
        #expect(summary.fragments == 0)
        #expect(summary.durationMilliseconds == 0)
        #expect(try Scanned(driven.content).blocks.isEmpty)
        #expect(driven.content.count > 150)
    }

    @Test("A session in normal running keeps little memory")
    func littleMemory() {
        let driven = DrivenSession()
        for _ in 0..<200 {
            driven.append(800)
            driven.now += 100
            driven.flush()
        }
        #expect(driven.session.pending.withLock { $0.count } == 0)
        #expect(driven.session.pending.withLock { $0.capacityBytes } <= 4096)
        #expect(driven.session.file.withLock { $0.capacityBytes } <= 4096)
    }
}
