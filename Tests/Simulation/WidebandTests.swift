import MediaCore
import Testing

@Suite("Codecs with state, on lines of 8 and 16 kHz")
struct WidebandTests {
    static let lines = CodecSender.Codec.allCases.flatMap { codec in
        [TimelineFormat.narrowband, .wideband].map { (codec, $0) }
    }

    /// Where `part` lies in `samples`; nil when nowhere.
    private func find(_ part: ArraySlice<Int16>, in samples: [Int16]) -> Int? {
        (0..<min(6_000, samples.count - part.count)).first { start in
            part.indices.allSatisfy { samples[start + $0 - part.startIndex] == part[$0] }
        }
    }

    @Test("Reordered and doubled packets are decoded in the order of their places, to the sample", arguments: lines)
    func order(codec: CodecSender.Codec, format: TimelineFormat) throws {
        for seed in 0..<3 as Range<UInt64> {
            let sender = try CodecSender(codec, frames: 300)
            let network = SimulatedNetwork(seed: seed, duplicatePercent: 10, jitter: 35_000_000, swapPercent: 10)
            let (deliveries, _) = network.carry(sender.packets)
            let leg = SimulatedLeg(
                deliveries, until: 7_000_000_000, payloads: CodecSender.map(codec), format: format)
            let reference = sender.reference(at: format.sampleRate)
            #expect(reference.count == 300 * format.sampleRate / 50)
            let start = try #require(find(reference[200..<1_200], in: leg.samples)) - 200
            #expect(Array(leg.samples[start..<(start + reference.count)]) == reference)
            #expect(leg.statistics.late == 0 && leg.statistics.lostSamples == 0 && leg.statistics.anchors == 1)
            #expect(start >= format.sampleRate * 7 / 100 && start <= format.sampleRate * 11 / 100)
            #expect(leg.samples.count == format.sampleRate * 7)
        }
    }

    @Test("Lost packets keep their time; what was received stays in its place", arguments: lines)
    func loss(codec: CodecSender.Codec, format: TimelineFormat) throws {
        let sender = try CodecSender(codec, frames: 500)
        let network = SimulatedNetwork(seed: 4, lossPercent: 5)
        let (deliveries, lost) = network.carry(sender.packets)
        let leg = SimulatedLeg(deliveries, until: 11_000_000_000, payloads: CodecSender.map(codec), format: format)
        let frame = format.sampleRate / 50
        let statistics = leg.statistics
        let made = statistics.concealedSamples + statistics.recoveredSamples
        #expect(statistics.lostSamples == UInt64(lost.filter { $0 < 499 }.count * frame))
        #expect(made > 0 && made <= statistics.lostSamples)
        #expect(statistics.recoveredSamples > 0 || codec == .g722)
        // The decoders' state was disturbed by the loss, so the audio resembles the reference and is not equal to it.
        let reference = sender.reference(at: format.sampleRate)
        let start = format.sampleRate * 7 / 100
        var error = 0.0
        var energy = 0.0
        for index in reference.indices where !lost.contains(index / frame) && !lost.contains(index / frame - 1) {
            let difference = Double(leg.samples[start + index]) - Double(reference[index])
            error += difference * difference
            energy += Double(reference[index]) * Double(reference[index])
        }
        #expect(error < energy / 10, "signal to difference: \(energy / error)")
    }

    @Test("G.711 on a 16 kHz line lies where it lies on an 8 kHz line")
    func narrowbandOnWideLine() throws {
        var sender = SimulatedSender(seed: 8)
        sender.speak(50)
        sender.pause(samples: 4_000)
        sender.speak(50)
        let deliveries = sender.packets.map { SimulatedNetwork.Delivery(arrival: $0.time, packet: $0) }
        let wide = SimulatedLeg(deliveries, until: 3_000_000_000, format: .wideband)
        let narrow = SimulatedLeg(deliveries, until: 3_000_000_000)
        #expect(wide.samples.count == 2 * narrow.samples.count)
        let begins = try #require(narrow.samples.firstIndex { $0 != 0 })
        let wideBegins = try #require(wide.samples.firstIndex { $0 != 0 })
        // The interpolation filter rings for its length and lies 1.7 ms late.
        #expect(abs(wideBegins - 2 * begins) <= 54)
        #expect(wide.statistics.silenceSamples == 2 * narrow.statistics.silenceSamples)
    }

    @Test(
        "A codec whose clock differs takes over within the same SSRC, with loss and jitter (RFC 7160)",
        arguments: 0..<6 as Range<UInt64>)
    func clockChange(seed: UInt64) throws {
        var first = SimulatedSender(seed: seed)
        first.speak(100)
        let opus = try CodecSender(.opus, frames: 200, startingAt: (first.position + 160) * 125_000)
        var packets = first.packets
        for packet in opus.packets {
            var packet = packet
            packet.ssrc = first.ssrc
            packet.sequence = first.sequence &+ UInt16(packet.position)
            packets.append(packet)
        }
        let network = SimulatedNetwork(seed: seed, lossPercent: Double(seed), jitter: Int64(seed) * 9_000_000)
        let (deliveries, lost) = network.carry(packets)
        let leg = SimulatedLeg(deliveries, until: 8_000_000_000, payloads: CodecSender.map(.opus))
        let statistics = leg.statistics
        #expect(statistics.anchors == 2 && statistics.late == 0 && statistics.overlappedSamples == 0)
        #expect(statistics.lost == UInt64(lost.filter { $0 < packets.count - 1 }.count))
        // One after the other without a pause: only what was lost is no audio.
        let heard = 300 * 160 - lost.count * 160
        let silence = leg.samples.count - heard - Int(statistics.lostSamples)
        #expect(abs(Int(statistics.silenceSamples) - silence) <= lost.count * 160)
        // No jump of more than the jitter between the two.
        let audible = leg.samples.indices.filter { leg.samples[$0] != 0 }
        let begin = try #require(audible.first)
        let end = try #require(audible.last)
        #expect(abs(end - begin - 300 * 160) <= 480)
    }
}
