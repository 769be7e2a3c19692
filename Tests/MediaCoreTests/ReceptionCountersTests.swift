import MediaCore
import Testing

@Suite("What a leg counts: gaps, missing packets and the codec that it hears")
struct ReceptionCountersTests {
    private func feed(
        _ line: inout LegTimeline, _ sequence: UInt16, type: UInt8 = 0, at milliseconds: Int64,
        payload: [UInt8] = Array(repeating: 0x12, count: 160)
    ) {
        let bytes = packet(sequence: sequence, timestamp: UInt32(sequence) * 160, type: type, payload: payload)
        guard let header = try? header(bytes).get() else { return }
        _ = line.receive(header, bytes.span.bytes, arrival: milliseconds * 1_000_000)
    }

    @Test("An outage of five seconds is one gap, however often the line is advanced", arguments: [20, 230])
    func outage(tick: Int) {
        var line = LegTimeline(epoch: 0, payloads: PayloadMap())
        for index in 0..<100 as Range<UInt16> { feed(&line, index, at: Int64(index) * 20) }
        for now in stride(from: 2_000 as Int64, to: 7_000, by: tick) {
            line.advance(to: now * 1_000_000)
            line.drain { _ in }
        }
        for index in 350..<450 as Range<UInt16> {
            feed(&line, index, at: Int64(index) * 20)
            line.advance(to: Int64(index) * 20_000_000)
        }
        #expect(line.snapshot(at: 0).longestGapSamples == 40_000)
        // Two outages are not one.
        for now in stride(from: 9_000 as Int64, to: 12_000, by: tick) { line.advance(to: now * 1_000_000) }
        #expect(line.snapshot(at: 0).longestGapSamples == 40_000)
    }

    @Test("A packet that comes too late to be told from a lost one is missing once")
    func tooOld() {
        var line = LegTimeline(epoch: 0, payloads: PayloadMap(), format: .statistics)
        for index in 0..<1_500 as Range<UInt16> where index != 100 && index != 1_400 {
            feed(&line, index, at: Int64(index) * 20)
            line.advance(to: Int64(index) * 20_000_000)
        }
        var statistics = line.snapshot(at: 0)
        #expect(statistics.lost == 2 && statistics.missing == 2 && statistics.expected == 1_500)
        feed(&line, 100, at: 30_000)
        feed(&line, 1_400, at: 30_000)
        statistics = line.snapshot(at: 0)
        #expect(statistics.late == 2 && statistics.tooOld == 1 && statistics.lost == 1)
        #expect(statistics.missing == 2 && statistics.expected == 1_500)
        #expect(abs(statistics.missingFraction - 2.0 / 1_500) < 1e-9)
    }

    @Test(
        "Runs of lost packets are counted as they are, also when some of them come later",
        arguments: [
            ([], [], 0), ([10], [], 1), ([10, 11, 12], [], 1), ([10, 12, 14], [], 3), ([10, 11, 12], [11], 2),
            ([10, 11, 12], [10, 12], 1), ([10, 11, 12], [12, 11, 10], 0), ([10, 20], [20], 1),
            ([10, 15, 16, 17], [10], 1),
        ] as [([UInt16], [UInt16], UInt64)])
    func runs(missing: [UInt16], reordered: [UInt16], expected: UInt64) {
        var line = LegTimeline(epoch: 0, payloads: PayloadMap(), format: .statistics)
        for index in 0..<30 as Range<UInt16> where !missing.contains(index) {
            feed(&line, index, at: Int64(index) * 20)
        }
        for index in reordered { feed(&line, index, at: 600) }
        let statistics = line.snapshot(at: 0)
        #expect(statistics.lossRuns == expected)
        #expect(statistics.lost == UInt64(missing.count - reordered.count))
        #expect(statistics.burstRatio >= 1)
        if missing.count == 3, reordered.isEmpty, expected == 1 { #expect(statistics.burstRatio > 2.5) }
    }

    @Test("The codec of the leg is that of its newest audio, whatever comes between")
    func audioKind() {
        var map = PayloadMap()
        map.map(101, encoding: "telephone-event", clockRate: 8_000)
        var line = LegTimeline(epoch: 0, payloads: map)
        #expect(line.audioKind == .unknown)
        feed(&line, 0, type: 101, at: 0, payload: [1, 10, 0, 160])
        #expect(line.audioKind == .unknown)
        feed(&line, 1, type: 8, at: 20)
        feed(&line, 3, type: 0, at: 60)
        #expect(line.audioKind == .muLaw)
        // Older than the newest one.
        feed(&line, 2, type: 8, at: 61)
        feed(&line, 4, type: 101, at: 80, payload: [1, 10, 0, 160])
        feed(&line, 5, type: 13, at: 100, payload: [64])
        #expect(line.audioKind == .muLaw)
        feed(&line, 6, type: 9, at: 120)
        #expect(line.audioKind == .g722)
    }
}
