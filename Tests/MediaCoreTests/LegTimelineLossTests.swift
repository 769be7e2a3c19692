import MediaCore
import Testing

@Suite("The time line of a leg: its first packet, and packets that are missing")
struct LegTimelineLossTests {
    private func feed(_ line: inout LegTimeline, _ index: UInt16, at milliseconds: Int64, payload: [UInt8]? = nil) {
        let bytes = packet(
            sequence: index, timestamp: UInt32(index) * 160, payload: payload ?? Array(repeating: 0x12, count: 160))
        guard let header = try? header(bytes).get() else { return }
        _ = line.receive(header, bytes.span.bytes, arrival: milliseconds * 1_000_000)
        line.advance(to: milliseconds * 1_000_000)
    }

    /// 200 Hz, 40 periods in ten frames.
    private func tone(_ index: Int) -> [UInt8] {
        (0..<160).map { sample in
            let phase = (index * 160 + sample) % 40
            return G711.compressMuLaw(Int16(phase < 20 ? phase * 600 - 6_000 : (40 - phase) * 600 - 6_000))
        }
    }

    @Test("The first packet of a leg waits 40 ms for a predecessor, not for the whole jitter buffer")
    func firstPacket() {
        var line = LegTimeline(epoch: 0, payloads: PayloadMap())
        feed(&line, 5, at: 100)
        line.advance(to: 139_000_000)
        #expect(line.frontier == 0)
        line.advance(to: 140_000_000)
        #expect(line.frontier == 960 && line.pendingSamples == 960)
    }

    @Test("A predecessor within 40 ms finds its place, a later one is late and counted")
    func predecessor() {
        var line = LegTimeline(epoch: 0, payloads: PayloadMap())
        feed(&line, 6, at: 100)
        feed(&line, 5, at: 120)
        line.advance(to: 140_000_000)
        #expect(line.frontier == 960 && line.snapshot(at: 0).late == 0 && line.snapshot(at: 0).reordered == 1)
        feed(&line, 3, at: 145)
        #expect(line.snapshot(at: 0).late == 1)
    }

    @Test("A lost packet of a tone is made up with a tone; after 60 ms there is silence", arguments: [1, 2, 3, 6, 20])
    func concealment(lost: Int) {
        var line = LegTimeline(epoch: 0, payloads: PayloadMap())
        var samples: [Int16] = []
        for index in 0..<60 where !(20..<(20 + lost)).contains(index) {
            feed(&line, UInt16(index), at: Int64(index) * 20, payload: tone(index))
            line.drain { for index in $0.indices { samples.append($0[index]) } }
        }
        line.advance(to: 1_600_000_000)
        line.drain { for index in $0.indices { samples.append($0[index]) } }
        let gap = samples[(20 * 160)..<((20 + lost) * 160)]
        let statistics = line.snapshot(at: 0)
        #expect(statistics.lostSamples == UInt64(lost * 160))
        #expect(statistics.concealedSamples == UInt64(min(480, lost * 160)))
        #expect(statistics.longestGapSamples >= UInt64(lost * 160))
        // The first 10 ms are the tone as it would have gone on.
        let expected = tone(20).map(G711.expandMuLaw)
        let worst = (0..<80).map { abs(Int(gap[20 * 160 + $0]) - Int(expected[$0])) }.max() ?? .max
        #expect(worst <= 600)
        #expect(gap.dropFirst(480).allSatisfy { $0 == 0 })
        // What came is untouched on both sides.
        for index in [19, 20 + lost, 21 + lost] {
            #expect(samples[(index * 160)..<((index + 1) * 160)].elementsEqual(tone(index).map(G711.expandMuLaw)))
        }
    }

    @Test("Concealment can be switched off, and makes nothing up after a pause")
    func silence() {
        var policy = TimelinePolicy()
        policy.maximumConcealment = 0
        var line = LegTimeline(epoch: 0, payloads: PayloadMap(), policy: policy)
        var other = LegTimeline(epoch: 0, payloads: PayloadMap())
        for index in 0..<40 as Range<UInt16> where index != 20 {
            feed(&line, index, at: Int64(index) * 20)
            // A second of silence before the loss, in which the line goes on.
            if index == 21 { for tick in 20...70 as ClosedRange<Int64> { other.advance(to: tick * 20_000_000) } }
            feed(&other, index < 21 ? index : index + 50, at: Int64(index < 21 ? index : index + 50) * 20)
        }
        line.advance(to: 2_000_000_000)
        other.advance(to: 2_000_000_000)
        #expect(line.snapshot(at: 0).concealedSamples == 0 && line.snapshot(at: 0).lostSamples == 160)
        #expect(other.snapshot(at: 0).concealedSamples == 0)
    }

    @Test("Jitter is measured by the source's own clock", arguments: [("PCMU", UInt32(8_000)), ("opus", 48_000)])
    func jitter(name: String, clock: UInt32) {
        var map = PayloadMap()
        map.map(96, encoding: name, clockRate: clock)
        var line = LegTimeline(epoch: 0, payloads: map, format: .statistics)
        for index in 0..<400 as Range<Int64> {
            // A 20 ms Opus frame of one octet, or 160 octets.
            let payload: [UInt8] = name == "opus" ? [0x08, 1] : Array(repeating: 3, count: 160)
            let bytes = packet(
                sequence: UInt16(index), timestamp: UInt32(index) * clock / 50, type: 96, payload: payload)
            if let header = try? header(bytes).get() {
                _ = line.receive(header, bytes.span.bytes, arrival: (index * 20 + index % 2 * 4) * 1_000_000)
            }
        }
        // Every packet is 4 ms off the one before it: RFC 3550 §A.8 tends to just that.
        let microseconds = line.snapshot(at: 0).jitterMicroseconds
        #expect(microseconds >= 3_800 && microseconds <= 4_100)
        #expect(
            line.reportBlocks(at: 0).first.map { abs(Int($0.jitter) - Int(clock) / 250) <= Int(clock) / 4_000 } == true)
        #expect(line.frontier >= 399 * 160)
    }
}
