import MediaCore
import StreamSink
import Testing

/// One way of speaking over one network.
struct Scenario: CustomTestStringConvertible, Sendable {
    var name: String
    var network = SimulatedNetwork(seed: 1)
    var script: @Sendable (inout SimulatedSender) -> Void

    var testDescription: String { name }

    static let all: [Scenario] = [
        Scenario(name: "a clean network") { $0.speak(500) },
        Scenario(name: "5 % loss", network: .init(seed: 2, lossPercent: 5)) { $0.speak(1_000) },
        Scenario(name: "40 % loss", network: .init(seed: 3, lossPercent: 40)) { $0.speak(1_000) },
        Scenario(name: "reordering", network: .init(seed: 4, swapPercent: 20)) { $0.speak(1_000) },
        Scenario(name: "duplicates", network: .init(seed: 5, duplicatePercent: 30)) { $0.speak(1_000) },
        Scenario(name: "200 ms of jitter", network: .init(seed: 6, jitter: 200_000_000)) { $0.speak(2_000) },
        Scenario(
            name: "loss, duplicates and 200 ms of jitter",
            network: .init(seed: 7, lossPercent: 3, duplicatePercent: 3, jitter: 200_000_000)
        ) { $0.speak(2_000) },
        Scenario(name: "sequence wrap", network: .init(seed: 8, lossPercent: 2, jitter: 60_000_000)) {
            $0.sequence = 65_400
            $0.speak(400)
        },
        Scenario(name: "timestamp wrap", network: .init(seed: 9, lossPercent: 2, jitter: 60_000_000)) {
            $0.timestamp = .max - 16_000
            $0.speak(400)
        },
        Scenario(name: "a timestamp that starts at 0") {
            $0.timestamp = 0
            $0.sequence = 0
            $0.speak(400)
        },
        Scenario(name: "DTX", network: .init(seed: 10, jitter: 60_000_000)) {
            for length in [1_600, 8_000, 24_000, 170, 96_000] {
                $0.speak(60)
                $0.pause(samples: Int64(length))
            }
            $0.speak(60)
        },
        Scenario(name: "comfort noise", network: .init(seed: 11, jitter: 60_000_000)) {
            for length in [4_000, 16_000, 40_000] {
                $0.speak(60)
                $0.comfortNoise(samples: Int64(length))
            }
            $0.speak(60)
        },
        Scenario(name: "a timestamp jump forwards") {
            $0.speak(200)
            $0.timestamp &+= 900_000
            $0.speak(200)
        },
        Scenario(name: "a timestamp jump backwards") {
            $0.speak(200)
            $0.timestamp &-= 700_000
            $0.speak(200)
        },
        Scenario(name: "an SSRC change without a gap") {
            $0.speak(200)
            $0.ssrc = 77
            $0.sequence = 9
            $0.timestamp = 3_000_000_000
            $0.speak(200)
        },
        Scenario(name: "an SSRC change after 3 s") {
            $0.speak(200)
            $0.pause(samples: 24_000)
            $0.ssrc = 78
            $0.sequence = 9
            $0.timestamp = 5
            $0.speak(200)
        },
        Scenario(name: "a sender that restarts with the same SSRC") {
            $0.speak(200)
            $0.pause(samples: 8_000)
            $0.sequence = 30_000
            $0.timestamp = 1
            $0.speak(200)
        },
        Scenario(name: "a payload change from µ-law to A-law and back", network: .init(seed: 12, jitter: 60_000_000)) {
            $0.speak(100)
            $0.payloadType = 8
            $0.speak(100)
            $0.payloadType = 0
            $0.speak(100)
        },
        Scenario(name: "40 ms packets", network: .init(seed: 13, lossPercent: 4, jitter: 100_000_000)) {
            $0.frame = 320
            $0.speak(500)
        },
        Scenario(name: "60 ms packets", network: .init(seed: 14, lossPercent: 4, jitter: 100_000_000)) {
            $0.frame = 480
            $0.speak(400)
        },
        Scenario(name: "a change from 20 ms to 60 ms packets and to 10 ms") {
            $0.speak(100)
            $0.frame = 480
            $0.speak(100)
            $0.frame = 80
            $0.speak(200)
        },
        Scenario(name: "a hold of a minute, media time going on") {
            $0.speak(200)
            $0.pause(samples: 480_000)
            $0.speak(200)
        },
        Scenario(name: "a hold of a minute, media time standing still") {
            $0.speak(200)
            $0.holdWithFrozenClock(samples: 480_000)
            $0.speak(200)
        },
        Scenario(name: "digits between speech", network: .init(seed: 15, jitter: 60_000_000)) {
            $0.speak(100)
            $0.press(5, frames: 8)
            $0.speak(50)
            $0.press(11, frames: 40)
            $0.speak(100)
        },
        Scenario(name: "packets of a codec nobody knows, between speech") {
            $0.speak(100)
            $0.speakUnknownCodec(20)
            $0.speak(100)
        },
    ]
}

@Suite("Fidelity: the file says what the sender's time line says")
struct FidelityTests {
    @Test("Sample for sample", arguments: Scenario.all)
    func equalsTheSender(scenario: Scenario) throws {
        for seed in 0..<4 as Range<UInt64> {
            var sender = SimulatedSender(seed: 100 + seed)
            scenario.script(&sender)
            var network = scenario.network
            network.seed &+= seed &* 1_000
            let (deliveries, lost) = network.carry(sender.packets)
            let end = (sender.position + 8_000) * 125_000
            let leg = SimulatedLeg(deliveries, until: end)
            let recorded = try recordedSamples(leg.samples)
            #expect(recorded == leg.samples, "the file holds what the time line made")
            let late = tooLate(deliveries, of: sender.packets)
            #expect(leg.statistics.late == UInt64(late.count))
            try compare(
                recorded, with: truth(of: sender.packets, without: lost.union(late)), lost: lost, sender: sender,
                leg.statistics)
            // Nobody can know of packets lost behind the last one that came.
            let lastCame = sender.packets.indices.last { !lost.contains($0) } ?? 0
            #expect(leg.statistics.lost == UInt64(lost.count { $0 < lastCame }))
        }
    }

    /// A line begins 40 ms after its first packet. Packets that were sent before those that had come by then find no
    /// place any more; only heavy jitter at the very beginning brings them.
    private func tooLate(_ deliveries: [SimulatedNetwork.Delivery], of packets: [SentPacket]) -> Set<Int> {
        guard let first = deliveries.first else { return [] }
        let due = first.arrival + 40_000_000
        // What comes next, a packet or a tick of 20 ms, begins the line.
        let tick = (due + 19_999_999) / 20_000_000 * 20_000_000
        let beginning = min(tick, deliveries.first { $0.arrival >= due }?.arrival ?? tick)
        let earliest = deliveries.prefix { $0.arrival <= beginning }.map(\.packet.position).min() ?? 0
        var late: Set<Int> = []
        for delivery in deliveries where delivery.arrival > beginning && delivery.packet.position < earliest {
            if let index = packets.firstIndex(where: { $0.position == delivery.packet.position }) { late.insert(index) }
        }
        return late
    }

    /// Both have to be equal at one constant offset, the network's delay of the first packet. Where packets were lost
    /// there may be concealment, no more than the statistics say; everywhere else nothing may be made up.
    private func compare(
        _ recorded: [Int16], with truth: [Int64: Int16], lost: Set<Int>, sender: SimulatedSender,
        _ statistics: ReceptionStatistics
    ) throws {
        let first = try #require(truth.keys.min())
        let start = try #require(recorded.firstIndex { $0 != 0 })
        let offset = Int64(start) - first
        var missing: Set<Int64> = []
        for index in lost {
            let packet = sender.packets[index]
            for sample in packet.audio.indices { missing.insert(packet.position + Int64(sample)) }
        }
        var wrong = 0
        var madeUp: UInt64 = 0
        for index in recorded.indices where recorded[index] != truth[Int64(index) - offset] ?? 0 {
            if missing.contains(Int64(index) - offset) { madeUp += 1 } else { wrong += 1 }
        }
        #expect(wrong == 0, "samples that differ, of \(recorded.count)")
        #expect(madeUp <= statistics.concealedSamples && statistics.concealedSamples <= statistics.lostSamples)
        #expect(lost.isEmpty || madeUp > statistics.concealedSamples / 2, "what is lost is concealed")
        let last = try #require(truth.keys.max())
        #expect(Int64(recorded.count) > last + offset, "the end of the audio is in the file")
        #expect(abs(offset) <= 2_000, "the leg lies where its packets arrived")
    }
}
