import MediaCore
import Testing

@Suite("The time line of a leg: what is bounded, counted and kept")
struct LegTimelineTests {
    private func feed(_ line: inout LegTimeline, _ bytes: [UInt8], at milliseconds: Int64) -> LegTimeline.Reception {
        guard let header = try? header(bytes).get() else { return .discarded }
        return line.receive(header, bytes.span.bytes, arrival: milliseconds * 1_000_000)
    }

    @Test("A leg that never gets a packet is silence from start to end")
    func empty() {
        var line = LegTimeline(epoch: 1_000, payloads: PayloadMap())
        for tick in 1...100 as ClosedRange<Int64> { line.advance(to: 1_000 + tick * 20_000_000) }
        let done = line.finish(at: 1_000 + 2_000_000_000)
        #expect(done && line.frontier == 16_000 && line.pendingSamples == 16_000)
        #expect(line.snapshot(at: 0).silenceSamples == 16_000)
    }

    @Test("A packet in order is heard at once, without waiting for the jitter buffer")
    func immediate() {
        var line = LegTimeline(epoch: 0, payloads: PayloadMap())
        for index in 0..<30 as Range<UInt16> {
            _ = feed(&line, packet(sequence: index, timestamp: UInt32(index) * 160), at: Int64(index) * 20)
        }
        // 29 × 20 ms = 580 ms after the first one: everything but the last arrival's own lag is there.
        #expect(line.frontier >= 30 * 160)
    }

    @Test("A digit is reported once, with its duration, however often its end is sent (RFC 4733 §2.5.1.4)")
    func digit() {
        var payloads = PayloadMap()
        payloads.map(101, encoding: "telephone-event", clockRate: 8000)
        var line = LegTimeline(epoch: 0, payloads: payloads)
        var receptions: [LegTimeline.Reception] = []
        for index in 0..<8 as Range<UInt16> {
            let end: UInt8 = index >= 5 ? 0x80 : 0
            let duration = min(index + 1, 6) * 160
            let event: [UInt8] = [11, end | 10, UInt8(duration >> 8), UInt8(duration & 255)]
            let bytes = packet(sequence: index, timestamp: 800, type: 101, payload: event)
            receptions.append(feed(&line, bytes, at: Int64(index) * 20))
        }
        let ends = receptions.filter {
            if case .eventEnded(_, milliseconds: 120, position: _) = $0 { true } else { false }
        }
        let beginnings = receptions.filter { if case .eventBegan = $0 { true } else { false } }
        #expect(ends.count == 1 && beginnings.count == 1)
        #expect(line.snapshot(at: 0).telephoneEvents == 8 && line.snapshot(at: 0).lost == 0)
    }

    @Test("Somebody who sends a new SSRC with each packet does not push out the real source")
    func sourceFlood() {
        var line = LegTimeline(epoch: 0, payloads: PayloadMap())
        var accepted = 0
        for index in 0..<500 as Range<UInt16> {
            let time = Int64(index) * 20
            let real = feed(&line, packet(sequence: index, timestamp: UInt32(index) * 160), at: time)
            if real == .accepted { accepted += 1 }
            let flood = packet(
                sequence: index &* 7_919, timestamp: UInt32(index) &* 77_777, ssrc: UInt8(index % 200 + 10))
            _ = feed(&line, flood, at: time)
            line.advance(to: time * 1_000_000)
        }
        // Three strangers hold the entries that are left; where their audio came first, the real one's is cut.
        #expect(accepted > 450)
        #expect(line.snapshot(at: 0).refusedSources > 400)
    }

    @Test("Random packets in random order never trap and never make more audio than time has passed, plus a second")
    func hostile() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<60 {
            var line = LegTimeline(epoch: 0, payloads: PayloadMap())
            var now: Int64 = 0
            var produced: Int64 = 0
            for _ in 0..<500 {
                now += Int64.random(in: 0...60, using: &generator)
                let bytes = packet(
                    sequence: UInt16.random(in: 0 ... .max, using: &generator),
                    timestamp: UInt32.random(in: 0 ... .max, using: &generator),
                    type: [0, 8, 13, 101, 77].randomElement(using: &generator) ?? 0,
                    ssrc: UInt8.random(in: 1...3, using: &generator),
                    payload: Array(repeating: 3, count: Int.random(in: 0...400, using: &generator)))
                _ = feed(&line, bytes, at: now)
                line.advance(to: now * 1_000_000)
                line.drain { produced += Int64($0.count) }
            }
            while !line.finish(at: now * 1_000_000) { line.drain { produced += Int64($0.count) } }
            line.drain { produced += Int64($0.count) }
            #expect(produced == line.frontier)
            // Packets that claim to be speech are never cut, so 500 packets of at most 400 samples may be there.
            #expect(produced <= now * 8 + 500 * 400)
        }
    }

    @Test("A sender that goes on after its network stood still for three seconds loses no audio")
    func burstAfterStall() {
        var line = LegTimeline(epoch: 0, payloads: PayloadMap())
        var loud = 0
        for index in 0..<400 as Range<UInt16> {
            let sent = Int64(index) * 20
            // Packets of seconds 2 to 5 all arrive at second 5.
            let arrival = (2_000..<5_000).contains(sent) ? 5_000 : sent
            for tick in stride(from: max(0, arrival - 3_000), to: arrival, by: 20) where index == 100 {
                line.advance(to: tick * 1_000_000)
            }
            _ = feed(&line, packet(sequence: index, timestamp: UInt32(index) * 160), at: arrival)
            line.advance(to: arrival * 1_000_000)
            line.drain { for sample in $0.indices where $0[sample] != 0 { loud += 1 } }
        }
        _ = line.finish(at: 10_000_000_000)
        line.drain { for sample in $0.indices where $0[sample] != 0 { loud += 1 } }
        #expect(loud == 400 * 160)
        #expect(line.snapshot(at: 0).late == 0)
    }
}
