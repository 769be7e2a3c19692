import MediaCore
import Testing

/// Senders that claim more time than passes. Whatever they do, a leg stays with the wall clock.
@Suite("A leg never runs away from the clock")
struct HostileSenderTests {
    private func leg(_ packets: [SentPacket], seconds: Int64) -> SimulatedLeg {
        let deliveries = packets.map { SimulatedNetwork.Delivery(arrival: $0.time, packet: $0) }
            .sorted { $0.arrival < $1.arrival }
        return SimulatedLeg(deliveries, until: seconds * 1_000_000_000)
    }

    @Test(
        "Two sources at once: one is heard at a time, and the time after the overlap is right",
        arguments: [10, 50, 150, 500])
    func overlappingSources(frames: Int) throws {
        var first = SimulatedSender(seed: 1)
        first.speak(100 + frames)
        var second = SimulatedSender(seed: 2, startingAt: 400 + 100 * 160, sequence: 9, timestamp: 77)
        second.speak(frames + 200)
        let end = second.position / 8_000 + 2
        let leg = leg(first.packets + second.packets, seconds: end)
        #expect(leg.samples.count == Int(end) * 8_000)
        // After the overlap there is only the second source, where its arrival says.
        let truth = truth(of: second.packets, without: [])
        let probe = second.position - 100 * 160
        let start = try #require(
            (0...400).first { shift in
                (0..<200).allSatisfy { leg.samples[Int(probe) + shift + $0] == truth[probe + Int64($0)] }
            })
        #expect(start <= 320, "the second source lies within a frame or two of where it arrived")
    }

    @Test("Media time at twice the rate of the audio makes a leg no longer than its call and half a second")
    func doubledTimestamps() {
        var sender = SimulatedSender(seed: 3)
        for _ in 0..<500 {
            sender.speak(1)
            sender.timestamp &+= 160
        }
        let leg = leg(sender.packets, seconds: 12)
        #expect(leg.samples.count <= 12 * 8_000 + 4_200)
    }

    @Test("Frames longer than their media time are cut, not strung together")
    func longFrames() {
        var sender = SimulatedSender(seed: 4)
        sender.frame = 240
        sender.speak(400)
        var packets = sender.packets
        for index in packets.indices {
            packets[index].time = Int64(index + 1) * 20_000_000
            packets[index].timestamp = UInt32(index) * 160
        }
        let leg = leg(packets, seconds: 9)
        #expect(leg.samples.count <= 9 * 8_000 + 320)
        #expect(leg.statistics.overlappedSamples > 20_000)
    }

    @Test("A sender ten times too fast gets five seconds ahead at most, and what is cut is counted")
    func fastSender() {
        var sender = SimulatedSender(seed: 5)
        sender.speak(5_000)
        var packets = sender.packets
        for index in packets.indices { packets[index].time = 50_000_000 + Int64(index) * 2_000_000 }
        let leg = leg(packets, seconds: 10)
        #expect(leg.samples.count <= 16 * 8_000)
        #expect(leg.statistics.late > 1_000)
    }
}
