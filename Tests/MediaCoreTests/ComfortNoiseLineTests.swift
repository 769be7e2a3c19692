import Foundation
import MediaCore
import Testing

@Suite("Comfort noise on a leg's line")
struct ComfortNoiseLineTests {
    /// Speech packets, then a pause that comfort noise opens, then speech again; what comes out of it.
    private func leg(
        noise: [(frame: Int, payload: [UInt8])], lost: Set<Int> = [], resumesAt: Int, policy: TimelinePolicy = .init(),
        format: TimelineFormat = .narrowband
    ) -> (samples: [Int16], statistics: ReceptionStatistics) {
        var line = LegTimeline(epoch: 0, payloads: PayloadMap(), format: format, policy: policy)
        var samples: [Int16] = []
        var sequence: UInt16 = 0
        for frame in 0..<(resumesAt + 50) {
            let now = Int64(frame) * 20_000_000
            var bytes: [UInt8]?
            if frame < 20 || frame >= resumesAt {
                bytes = packet(
                    sequence: sequence, timestamp: UInt32(frame) * 160, payload: Array(repeating: 0x12, count: 160))
            } else if let payload = noise.first(where: { $0.frame == frame })?.payload {
                bytes = packet(sequence: sequence, timestamp: UInt32(frame) * 160, type: 13, payload: payload)
            }
            if let bytes {
                sequence += 1
                if !lost.contains(frame), let header = try? header(bytes).get() {
                    _ = line.receive(header, bytes.span.bytes, arrival: now)
                }
            }
            line.advance(to: now)
            line.drain { for index in $0.indices { samples.append($0[index]) } }
        }
        return (samples, line.snapshot(at: 0))
    }

    /// Root mean square, in dB below 32,768.
    private func level(_ samples: ArraySlice<Int16>) -> Double {
        let power = samples.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(max(1, samples.count))
        return -10 * log10(max(power, 1e-9) / (32_768.0 * 32_768.0))
    }

    private let voice = G711.expandMuLaw(0x12)

    @Test("A pause sounds as its sender says, from the packet to the next audio, and audio is untouched")
    func sounds() {
        let (samples, statistics) = leg(noise: [(20, [45])], resumesAt: 120)
        #expect(samples.count >= 160 * 165)
        #expect(samples[..<3200].allSatisfy { $0 == voice })
        #expect(samples[19_200...].prefix(3200).allSatisfy { $0 == voice })
        #expect(abs(level(samples[5000..<19_200]) - 45) < 2)
        #expect(statistics.comfortNoise == 1 && statistics.lostSamples == 0 && statistics.silenceSamples == 16_000)
    }

    @Test("A change of level is followed; a new pause begins with its own packet, and without one it is silent")
    func changes() {
        let (samples, _) = leg(noise: [(20, [40]), (70, [60])], resumesAt: 120)
        #expect(abs(level(samples[5000..<7000]) - 40) < 2)
        #expect(abs(level(samples[13_000..<19_200]) - 60) < 2)
        // The packet comes half a second into the pause.
        let late = leg(noise: [(45, [40])], resumesAt: 120).samples
        #expect(late[3200..<7200].allSatisfy { $0 == 0 } && abs(level(late[9000..<19_200]) - 40) < 2)
        let lost = leg(noise: [(20, [40])], lost: [20], resumesAt: 120).samples
        #expect(lost[4000..<19_200].allSatisfy { $0 == 0 })
    }

    @Test("One packet is believed for a minute")
    func bounded() {
        let samples = leg(noise: [(20, [45])], resumesAt: 4000).samples
        #expect(level(samples[480_000..<483_000]) < 47)
        #expect(samples[484_000..<630_000].allSatisfy { $0 == 0 })
    }

    @Test("Never louder than −30 dBov, whatever a packet says; an empty one says nothing; switched off, all is silent")
    func hostile() {
        #expect(level(leg(noise: [(20, [0])], resumesAt: 120).samples[5000..<19_200]) > 28)
        #expect(leg(noise: [(20, [])], resumesAt: 120).samples[3200..<19_200].allSatisfy { $0 == 0 })
        var silent = TimelinePolicy()
        silent.rendersComfortNoise = false
        #expect(
            leg(noise: [(20, [45])], resumesAt: 120, policy: silent).samples[3200..<19_200].allSatisfy { $0 == 0 })
    }

    @Test("At 16 kHz too")
    func wideband() {
        let samples = leg(noise: [(20, [45])], resumesAt: 120, format: .wideband).samples
        #expect(abs(level(samples[10_000..<38_000]) - 45) < 2)
    }
}
