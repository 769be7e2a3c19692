import MediaCore
import Testing

@Suite("A leg follows a peer that changes its SSRC, and nobody else")
struct SourceChangeTests {
    private func feed(
        _ line: inout LegTimeline, ssrc: UInt8, sequence: UInt16, timestamp: UInt32, at milliseconds: Int64
    ) -> LegTimeline.Reception {
        let bytes = packet(sequence: sequence, timestamp: timestamp, ssrc: ssrc)
        guard let header = try? header(bytes).get() else { return .discarded }
        return line.receive(header, bytes.span.bytes, arrival: milliseconds * 1_000_000)
    }

    @Test(
        "A new SSRC every 100 ms loses one packet of each that has no place, and none where the sender has the key",
        arguments: [false, true])
    func quickChanges(trusts: Bool) {
        var policy = TimelinePolicy()
        policy.trustsSources = trusts
        var line = LegTimeline(epoch: 0, payloads: PayloadMap(), policy: policy)
        var loud = 0
        for index in 0..<200 as Range<Int64> {
            let ssrc = UInt8(10 + index / 5)
            _ = feed(
                &line, ssrc: ssrc, sequence: UInt16(ssrc) &* 1_000 &+ UInt16(index % 5),
                timestamp: UInt32(ssrc) &* 99_999 &+ UInt32(index) * 160, at: index * 20)
            line.advance(to: index * 20_000_000)
            line.drain { for sample in $0.indices where $0[sample] != 0 { loud += 1 } }
        }
        _ = line.finish(at: 4_000_000_000)
        line.drain { for sample in $0.indices where $0[sample] != 0 { loud += 1 } }
        let statistics = line.snapshot(at: 0)
        // The first four have a place at once.
        // At most: who has been silent for a second makes room at once.
        #expect(trusts ? statistics.refusedSources == 0 : (1...36).contains(statistics.refusedSources))
        #expect(loud >= (trusts ? 200 : 164) * 160)
        #expect(statistics.lost == 0 && line.frontier <= 4 * 8_000 + 800)
        let blocks = line.reportBlocks(at: 0).count
        #expect(blocks <= policy.maximumSources)
    }

    @Test(
        "Strangers who send two packets of each SSRC take places from one another, never from the one who talks",
        arguments: [false, true])
    func pairs(trusts: Bool) {
        var policy = TimelinePolicy()
        policy.trustsSources = trusts
        var line = LegTimeline(epoch: 0, payloads: PayloadMap(), policy: policy)
        for index in 0..<50 as Range<Int64> {
            _ = feed(&line, ssrc: 9, sequence: UInt16(index), timestamp: UInt32(index) * 160, at: index * 20)
        }
        let anchors = line.snapshot(at: 0).anchors
        #expect(anchors == 1)
        var stranger: UInt8 = 10
        var known = 0
        for index in 50..<300 as Range<Int64> {
            // Ten strangers between two packets of the talker.
            for _ in 0..<10 {
                stranger = stranger == 250 ? 10 : stranger + 1
                for sequence in 0..<2 as Range<UInt16> {
                    _ = feed(
                        &line, ssrc: stranger, sequence: sequence, timestamp: UInt32(sequence) * 160,
                        at: index * 20 - 10)
                }
            }
            _ = feed(&line, ssrc: 9, sequence: UInt16(index), timestamp: UInt32(index) * 160, at: index * 20)
            let blocks = line.reportBlocks(at: index * 20_000_000)
            // Its numbers have gone on since its first packet: nobody had its place in between.
            if blocks.contains(where: { $0.ssrc == 9 && $0.highestSequence == UInt32(index) }) { known += 1 }
            #expect(blocks.count <= policy.maximumSources)
            line.advance(to: index * 20_000_000)
        }
        let statistics = line.snapshot(at: 0)
        #expect(known == 250)
        #expect(statistics.packets + statistics.refusedSources == 300 + 250 * 20)
        // Without the key every stranger's first packet beyond the places is refused.
        #expect(trusts ? statistics.refusedSources == 0 : statistics.refusedSources > 2_000)
    }

    @Test("One packet, or two that do not follow each other, take nobody's place")
    func unproven() {
        var line = LegTimeline(epoch: 0, payloads: PayloadMap())
        for ssrc in 1...4 as ClosedRange<UInt8> { _ = feed(&line, ssrc: ssrc, sequence: 7, timestamp: 0, at: 0) }
        let once = feed(&line, ssrc: 5, sequence: 100, timestamp: 0, at: 20)
        let again = feed(&line, ssrc: 5, sequence: 100, timestamp: 0, at: 30)
        let apart = feed(&line, ssrc: 5, sequence: 102, timestamp: 320, at: 40)
        #expect(once == .discarded && again == .discarded && apart == .discarded)
        #expect(line.snapshot(at: 0).refusedSources == 3)
        // Others in between do not matter.
        _ = feed(&line, ssrc: 6, sequence: 1, timestamp: 0, at: 50)
        _ = feed(&line, ssrc: 5, sequence: 103, timestamp: 480, at: 60)
        #expect(line.snapshot(at: 0).packets == 5)
        #expect(line.reportBlocks(at: 0).contains { $0.ssrc == 5 })
    }
}
