import MediaCore
import Testing

@Suite("Payloads come out untouched, in order and in their places")
struct VerbatimTests {
    @Test(
        "Over a bad network, each payload that arrived is handed out once, where its audio would lie",
        arguments: [
            ("PCMU", UInt8(0), 8_000, 160), ("G729", UInt8(18), 8_000, 160), ("AMR-WB", UInt8(97), 16_000, 320),
            ("X-CODEC", UInt8(98), 44_100, 882), ("G722", UInt8(9), 8_000, 160),
        ])
    func badNetwork(name: String, type: UInt8, clock: UInt32, ticks: UInt32) throws {
        for seed in 0..<4 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            var packets: [SentPacket] = []
            var timestamp: UInt32 = .max - 9_000
            for index in 0..<400 {
                let count = ["PCMU", "G722"].contains(name) ? 160 : Int.random(in: 10...40, using: &generator)
                packets.append(
                    SentPacket(
                        time: 100_000_000 + Int64(index) * 20_000_000,
                        sequence: UInt16(truncatingIfNeeded: 65_300 + index),
                        timestamp: timestamp, ssrc: 5, payloadType: type,
                        payload: (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) },
                        position: Int64(index) * 160, audio: []))
                timestamp &+= ticks
            }
            var map = PayloadMap()
            map.map(type, encoding: name, clockRate: clock)
            let network = SimulatedNetwork(
                seed: seed, lossPercent: 4, duplicatePercent: 5, jitter: 38_000_000, swapPercent: 5)
            let (deliveries, lost) = network.carry(packets)
            let leg = SimulatedLeg(
                deliveries, until: 10_000_000_000, payloads: map, format: .verbatim, drainEvery: 5)
            let sent = packets.indices.filter { !lost.contains($0) }
            #expect(leg.payloads.map(\.octets) == sent.map { packets[$0].payload })
            #expect(leg.payloads.allSatisfy { $0.payloadType == type && $0.length == 160 })
            let first = try #require(leg.payloads.first).position
            #expect(leg.payloads.map { $0.position - first } == sent.map { packets[$0].position })
            #expect(leg.samples.isEmpty && leg.statistics.late == 0)
        }
    }

    @Test("Events and comfort noise are no payloads; a pause is a pause")
    func events() {
        var sender = SimulatedSender(seed: 3)
        sender.speak(50)
        sender.press(5, frames: 10)
        sender.comfortNoise(samples: 4_000)
        sender.speak(50)
        let deliveries = sender.packets.map { SimulatedNetwork.Delivery(arrival: $0.time, packet: $0) }
        let leg = SimulatedLeg(
            deliveries, until: 4_000_000_000,
            format: TimelineFormat(sampleRate: 8_000, audio: true, payload: true))
        #expect(leg.payloads.count == 100 && leg.payloads.allSatisfy { $0.payloadType == 0 })
        #expect(leg.samples.count == 32_000, "audio comes out beside them")
        for payload in leg.payloads {
            let heard = leg.samples[Int(payload.position)..<Int(payload.position + payload.length)]
            #expect(heard.elementsEqual(payload.octets.map(G711.expandMuLaw)))
        }
    }

    @Test("Nobody drains: the output stays bounded, and says what it dropped")
    func bounded() {
        var sender = SimulatedSender(seed: 4)
        sender.speak(1_000)
        let deliveries = sender.packets.map { SimulatedNetwork.Delivery(arrival: $0.time, packet: $0) }
        let leg = SimulatedLeg(deliveries, until: 22_000_000_000, format: .verbatim, drainEvery: 10_000)
        #expect(leg.payloads.count == 65_536 / 160)
        #expect(leg.statistics.payloadOverflows == UInt64(1_000 - 65_536 / 160))
        #expect(leg.statistics.discarded(.payloadOverflow) == leg.statistics.payloadOverflows)
    }

    @Test("An unknown codec with frames of 30 ms is known to be so from its second packet on")
    func learnedFrame() {
        var map = PayloadMap()
        map.map(4, encoding: "G723", clockRate: 8_000)
        let packets = (0..<100).map { index in
            SentPacket(
                time: 100_000_000 + Int64(index) * 30_000_000, sequence: UInt16(index), timestamp: UInt32(index) * 240,
                ssrc: 5, payloadType: 4, payload: [UInt8](repeating: 1, count: 24), position: 0, audio: [])
        }
        let deliveries = packets.map { SimulatedNetwork.Delivery(arrival: $0.time, packet: $0) }
        let leg = SimulatedLeg(deliveries, until: 4_000_000_000, payloads: map, format: .verbatim)
        #expect(leg.payloads.count == 100 && leg.payloads.dropFirst().allSatisfy { $0.length == 240 })
        let steps = zip(leg.payloads, leg.payloads.dropFirst()).map { $1.position - $0.position }
        #expect(steps.allSatisfy { $0 == 240 })
    }
}
