import Glibc
import Synchronization
import Testing

@testable import StreamSink

@Suite("Silence for samples that were lost")
struct SilenceTests {
    /// Appends 800 samples each 100 ms and flushes; the disk is full in the given steps.
    private func drive(_ driven: DrivenSession, steps: Int = 300, full: Range<Int>, room: Int = 0) {
        for step in 0..<steps {
            driven.append(800)
            driven.now += 100
            driven.disk.state.withLock { $0.budget = full.contains(step) ? room : .max }
            driven.flush()
        }
    }

    /// All samples as a reader that only joins blocks sees them.
    private func joined(_ driven: DrivenSession) throws -> [Int16] {
        try Scanned(driven.content).blocks.flatMap(\.samples)
    }

    /// Whether each sample of `audio` is the right one, or silence in one of the `lost` places.
    private func isTrue(_ audio: [Int16], lost: Range<Int>) -> Bool {
        let right = samples(0..<audio.count)
        return audio[..<lost.lowerBound] == right[..<lost.lowerBound] && audio[lost].allSatisfy { $0 == 0 }
            && audio[lost.upperBound...] == right[lost.upperBound...]
    }

    @Test("A hole of any length is filled to the sample", arguments: [1, 79, 160, 161, 8_001, 40_000, 123_457])
    func place(hole: Int) throws {
        let driven = DrivenSession(pendingLimit: 4_000)
        driven.append(1_003)
        driven.flush()
        driven.disk.state.withLock { $0.budget = 0 }
        // The 43 samples of the unfinished block are held and count against the limit.
        driven.append(3_957)
        driven.now += 100
        driven.flush()
        driven.append(hole)
        driven.disk.state.withLock { $0.budget = .max }
        driven.now += 1_000
        driven.flush()
        driven.append(2_501)
        let summary = driven.close()
        let scanned = try Scanned(driven.content)
        let audio = scanned.blocks.flatMap(\.samples)
        #expect(isTrue(audio, lost: 4_960..<4_960 + hole))
        #expect(audio.count == driven.appended)
        #expect(summary.samples == Int64(driven.appended))
        #expect(summary.lostSamples == Int64(hole))
        #expect(summary.durationMilliseconds == Int64(driven.appended / 8))
        #expect(summary.failure == nil)
        #expect(zip(scanned.blocks, scanned.blocks.dropFirst()).allSatisfy { $0.position + 160 == $1.position })
        #expect(scanned.blocks.dropLast().allSatisfy { $0.samples.count == 160 })
    }

    @Test("Outages of every kind leave no hole, and each lost sample is counted once", arguments: 1...60)
    func outages(seed: Int) throws {
        var random = Seeded(UInt64(seed) &* 131)
        let driven = DrivenSession(pendingLimit: 4_000)
        driven.disk.state.withLock { $0.truncateFails = seed % 5 == 0 }
        for step in 0..<300 {
            driven.append(Int.random(in: 1...900, using: &random))
            driven.now += 100
            let isFull = (40..<110).contains(step) || (150..<155).contains(step) || (200..<260).contains(step)
            // Sometimes there is room for a part of the silence.
            driven.disk.state.withLock { $0.budget = isFull ? Int.random(in: 0...20_000, using: &random) : .max }
            driven.flush()
        }
        driven.disk.state.withLock { $0.budget = .max }
        let summary = driven.close()
        let audio = try joined(driven)
        #expect(audio.count == driven.appended)
        let right = samples(0..<audio.count)
        let wrong = audio.indices.filter { audio[$0] != right[$0] }
        #expect(wrong.allSatisfy { audio[$0] == 0 })
        // A lost sample that was zero anyway does not show.
        let zeros = audio.indices.count { audio[$0] == 0 && right[$0] == 0 }
        #expect(summary.lostSamples > 0)
        #expect((wrong.count...wrong.count + zeros).contains(Int(summary.lostSamples)))
        #expect(summary.samples == Int64(driven.appended))
    }

    @Test("A disk that is full again at any byte of the silence still ends without a hole")
    func fullWithinSilence() throws {
        var torn = 0
        for budget in stride(from: 0, to: 60_000, by: 523) {
            let driven = DrivenSession(pendingLimit: 4_000)
            drive(driven, steps: 30, full: 5..<30)
            driven.disk.state.withLock { $0.budget = budget }
            driven.now += 1_000
            driven.flush()
            let cut = driven.content
            #expect(throws: Never.self) { try Scanned(cut) }
            // New samples have room although the silence is not written yet.
            let lost = driven.session.lostSamples
            if driven.session.pending.withLock({ $0.held }) < 160 {
                torn += driven.session.file.withLock { $0.failure == nil } ? 0 : 1
                driven.append(3_000)
                #expect(driven.session.lostSamples == lost)
            }
            driven.disk.state.withLock { $0.budget = .max }
            driven.now += 1_000
            driven.flush()
            let summary = driven.close()
            let audio = try joined(driven)
            try #require(audio.count == driven.appended && summary.lostSamples == lost, "\(budget)")
        }
        #expect(torn > 20)
    }

    @Test("Two legs whose outages were noticed at different moments have the same length")
    func equalLegs() throws {
        let legs = [DrivenSession(pendingLimit: 4_000), DrivenSession(pendingLimit: 4_000)]
        drive(legs[0], full: 40..<103)
        drive(legs[1], full: 47..<121, room: 331)
        let summaries = legs.map { $0.close() }
        let audio = try legs.map(joined)
        #expect(summaries[0].lostSamples != summaries[1].lostSamples)
        #expect(summaries.allSatisfy { $0.lostSamples > 0 })
        #expect(audio[0].count == 240_000 && audio[1].count == 240_000)
        #expect(summaries[0].durationMilliseconds == summaries[1].durationMilliseconds)
    }

    @Test("A hole is filled up to the limit and a jump beyond it", arguments: [0, 1])
    func limit(beyond: Int) throws {
        let driven = DrivenSession(pendingLimit: 3_957, silenceLimit: 9_000)
        driven.disk.state.withLock { $0.budget = 0 }
        driven.append(3_957)
        // Taken in two parts while the disk fails: it is one hole all the same.
        for part in [5_000, 4_000 + beyond] {
            driven.append(part)
            driven.now += 1_000
            driven.flush()
        }
        driven.disk.state.withLock { $0.budget = .max }
        driven.now += 1_000
        driven.flush()
        driven.append(2_000)
        let summary = driven.close()
        let scanned = try Scanned(driven.content)
        if beyond == 0 {
            #expect(isTrue(scanned.blocks.flatMap(\.samples), lost: 3_957..<12_957))
            #expect(summary.lostSamples == 9_000)
        } else {
            #expect(scanned.isTrue)
            // 117 samples before the hole and 2 after it are given up for the grid.
            #expect(summary.lostSamples == 9_001 + 117 + 2)
            #expect(scanned.blocks.map(\.position).first { $0 > 3_840 } == 12_960)
        }
        #expect(summary.durationMilliseconds == Int64(driven.appended / 8))
    }

    @Test("A short hole right after a jump is filled from the grid on", arguments: [1, 50, 119, 120, 5_000])
    func shortAfterJump(hole: Int) throws {
        let driven = DrivenSession(pendingLimit: 1_000, silenceLimit: 5_000)
        driven.append(1_000)
        driven.append(9_000)
        // A jump to 10080; 80 samples after the hole are given up, of which 40 come before the next hole.
        driven.flush()
        driven.append(40)
        driven.flush()
        driven.session.pending.withLock { $0.held = 1_000 }
        driven.append(hole)
        driven.flush()
        driven.append(160)
        driven.flush()
        let summary = driven.close()
        let scanned = try Scanned(driven.content)
        let later = scanned.blocks.filter { $0.position >= 960 }
        #expect(later.first?.position == 10_080)
        let audio = later.flatMap(\.samples)
        #expect(audio.count == driven.appended - 10_080)
        #expect(audio.suffix(100) == samples(driven.appended - 100..<driven.appended)[...])
        #expect(summary.lostSamples == Int64(9_000 + 40 + 40 + hole + max(0, 40 - hole)))
        #expect(summary.durationMilliseconds == Int64(driven.appended / 8))
    }

    /// 75 samples of silence wait in a block: for the rest of it in vain, or until 100 more samples fill it.
    @Test(
        "Silence is not counted again when the call ends on a full disk",
        arguments: [(more: 0, samples: 1_600, lost: 75 + 20), (more: 100, samples: 1_760, lost: 75 + 35)])
    func countedOnce(more: Int, samples: Int64, lost: Int64) throws {
        let driven = DrivenSession(pendingLimit: 1_600)
        driven.append(1_600)
        driven.append(75)
        driven.flush()
        driven.append(20)
        driven.flush()
        driven.append(more)
        driven.flush()
        driven.disk.state.withLock { $0.budget = 0 }
        let summary = driven.close()
        #expect(summary.samples == samples)
        #expect(summary.lostSamples == lost)
    }

    @Test("Sixty seconds of silence need no more memory than a write of five")
    func littleMemory() throws {
        let driven = DrivenSession(pendingLimit: 4_000)
        driven.append(4_000)
        for _ in 0..<3 { driven.append(120_000) }
        let before = driven.disk.state.withLock { $0.writes }
        driven.flush()
        #expect(driven.disk.state.withLock { $0.writes } - before >= 360_000 / 40_000)
        #expect(driven.session.file.withLock { $0.capacityBytes } <= 32_768)
        #expect(driven.close().samples == 364_000)
    }
}
