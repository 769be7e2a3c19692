import MediaCore
import Testing

/// Whatever comes, in whatever order: the line goes on, its parts agree, and nothing grows without bound.
@Suite("The time line of a leg under rubbish, for every format")
struct LegTimelineHostileTests {
    static let formats: [TimelineFormat] = [
        .narrowband, .wideband, .verbatim, .statistics, TimelineFormat(sampleRate: 16_000, audio: true, payload: true),
    ]

    private static var everyCodec: PayloadMap {
        var map = PayloadMap()
        map.map(96, encoding: "opus", clockRate: 48_000)
        map.map(97, encoding: "X-NEW", clockRate: 44_100)
        map.map(98, encoding: "X-ODD", clockRate: 1)
        map.map(99, encoding: "X-FAST", clockRate: .max)
        map.map(101, encoding: "telephone-event", clockRate: 8_000)
        map.map(102, encoding: "telephone-event", clockRate: 48_000)
        return map
    }

    /// A sender report with any content.
    private func report(_ generator: inout some RandomNumberGenerator) -> [UInt8] {
        let random = (0..<20).map { _ in UInt8.random(in: 0...255, using: &generator) }
        return [0x80, 200, 0, 6, 0, 0, 0, UInt8.random(in: 1...3, using: &generator)] + random
    }

    @Test("Samples, payloads and counters agree", arguments: formats)
    func agree(format: TimelineFormat) {
        var generator = SystemRandomNumberGenerator()
        for round in 0..<12 {
            var policy = TimelinePolicy()
            policy.redactsDigits = round % 2 == 0
            var line = LegTimeline(epoch: 0, payloads: Self.everyCodec, format: format, policy: policy)
            var now: Int64 = 0
            var produced: Int64 = 0
            var sent: UInt64 = 0
            var handedOut: UInt64 = 0
            var largest: Int64 = 0
            let rate = Int64(format.sampleRate)
            for step in 0..<600 {
                now += Int64.random(in: 0...40, using: &generator)
                let types: [UInt8] = [0, 8, 9, 13, 77, 96, 97, 98, 99, 101, 102]
                let steady = Bool.random(using: &generator)
                // Any octets, without asking the generator for each.
                let seed = UInt64.random(in: 0 ... .max, using: &generator)
                var payload = (0..<Int.random(in: 0...300, using: &generator)).map {
                    UInt8(truncatingIfNeeded: seed >> UInt64($0 & 31)) ^ UInt8(truncatingIfNeeded: $0)
                }
                if payload.isEmpty, steady { payload = [7, 0x8A, 3, 32] }
                let bytes = packet(
                    sequence: steady ? UInt16(step) : UInt16.random(in: 0 ... .max, using: &generator),
                    timestamp: steady ? UInt32(step) * 160 : UInt32.random(in: 0 ... .max, using: &generator),
                    type: types.randomElement(using: &generator) ?? 0,
                    ssrc: UInt8.random(in: 1...3, using: &generator), payload: payload)
                if let header = try? header(bytes).get() {
                    sent += 1
                    _ = line.receive(header, bytes.span.bytes, arrival: now * 1_000_000)
                }
                if step % 50 == 0 { line.receiveRTCP(report(&generator).span.bytes, arrival: now * 1_000_000) }
                if step % 200 == 100 { line.align(by: Int64.random(in: -5_000...5_000, using: &generator)) }
                line.advance(to: now * 1_000_000)
                largest = max(largest, Int64(line.pendingSamples))
                if step % 5 == 0 {
                    line.drain { produced += Int64($0.count) }
                    var last = Int64.min
                    line.drainPayloads { position, length, _, payload in
                        #expect(position >= last && length > 0 && payload.byteCount > 0)
                        // One sample a frame may be taken out between two.
                        last = position
                        handedOut += 1
                    }
                }
            }
            while !line.finish(at: now * 1_000_000) { line.drain { produced += Int64($0.count) } }
            line.drain { produced += Int64($0.count) }
            line.drainPayloads { _, _, _, _ in handedOut += 1 }
            let statistics = line.snapshot(at: now * 1_000_000)
            #expect(produced == (format.audio ? line.frontier : 0))
            #expect(handedOut + statistics.payloadOverflows <= (format.payload ? sent : 0))
            #expect(statistics.packets + statistics.refusedSources == sent)
            #expect(statistics.concealedSamples + statistics.recoveredSamples <= statistics.lostSamples)
            // Frames are no longer than 300 ms and never lie a call's length ahead of the clock.
            #expect(line.frontier <= (now + 6_000) * rate / 1_000 + 600 * 300 * rate / 1_000)
            #expect(largest <= line.frontier)
        }
    }

    @Test("Two legs with the same packets and another tick make the same samples", arguments: [false, true])
    func deterministic(redacts: Bool) {
        var policy = TimelinePolicy()
        policy.redactsDigits = redacts
        func samples(tick: Int64) -> [Int16] {
            var line = LegTimeline(epoch: 0, payloads: PayloadMap(), policy: policy)
            var samples: [Int16] = []
            for index in 0..<300 as Range<Int64> where index % 7 != 3 {
                let payload = (0..<160).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ Int(index)) }
                let bytes = packet(
                    sequence: UInt16(index), timestamp: UInt32(index) * 160, payload: payload)
                if let header = try? header(bytes).get() {
                    _ = line.receive(header, bytes.span.bytes, arrival: index * 20_000_000)
                }
                line.advance(to: index * 20_000_000)
                guard index % tick == 0 else { continue }
                line.drain { for index in $0.indices { samples.append($0[index]) } }
            }
            _ = line.finish(at: 7_000_000_000)
            line.drain { for index in $0.indices { samples.append($0[index]) } }
            return samples
        }
        // Concealment goes on from the same history, however often the output is drained.
        let reference = samples(tick: 1)
        for tick in [2, 3, 5, 10, 50] as [Int64] { #expect(samples(tick: tick) == reference) }
    }
}
