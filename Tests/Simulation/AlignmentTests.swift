import MediaCore
import Testing

@Suite("Legs whose sender reports share a clock are aligned by them")
struct AlignmentTests {
    /// 2026, as NTP seconds.
    private static let wallClock: UInt64 = 3_991_000_000

    private func report(
        _ sender: SentPacket, ntp: UInt64, timestamp: UInt32
    ) -> [UInt8] {
        var bytes: [UInt8] = [0x80, 200, 0, 6]
        for shift in [24, 16, 8, 0] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: sender.ssrc >> shift)) }
        for shift in stride(from: 56 as UInt64, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: ntp >> shift))
        }
        for shift in [24, 16, 8, 0] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: timestamp >> shift)) }
        return bytes + [UInt8](repeating: 0, count: 8)
    }

    /// A leg of noise whose first packet the network delays, with a sender report every five seconds.
    private struct Run {
        var samples: [Int16] = []
        var offset: Int64?
        var statistics = ReceptionStatistics()
    }

    private func run(
        seed: UInt64, firstDelay: Int64, seconds: Int, alignBy: Int64?, reports: Bool = true,
        toward target: Int64? = nil, format: TimelineFormat = .narrowband, absurdAt: Int = -1
    ) -> (run: Run, sender: SimulatedSender) {
        var sender = SimulatedSender(seed: seed)
        sender.speak(seconds * 50)
        var deliveries = sender.packets.map { SimulatedNetwork.Delivery(arrival: $0.time + 10_000_000, packet: $0) }
        // Packets behind it wait as well: the network keeps the order.
        for index in deliveries.indices {
            deliveries[index].arrival = max(deliveries[index].arrival, deliveries[0].packet.time + firstDelay)
        }
        var result = Run()
        var line = LegTimeline(epoch: 0, payloads: .telephony, format: format)
        for (index, delivery) in deliveries.enumerated() {
            let bytes = delivery.packet.datagram
            if let header = try? RTPHeader(parsing: bytes.span.bytes) {
                _ = line.receive(header, bytes.span.bytes, arrival: delivery.arrival)
            }
            if reports, index % 250 == 100 {
                let packet = delivery.packet
                // When the packet's first sample was spoken.
                let nanoseconds = UInt64(packet.position) * 125_000
                var ntp = (Self.wallClock << 32) + (nanoseconds << 32) / 1_000_000_000
                if index / 250 == absurdAt { ntp = 77 << 32 }
                line.receiveRTCP(
                    report(packet, ntp: ntp, timestamp: packet.timestamp).span.bytes, arrival: delivery.arrival)
            }
            if index == 600, let alignBy { line.align(by: alignBy) }
            // An engine looks again and again, also while a correction is under way.
            if index % 40 == 39, let target, let offset = line.senderOffset { line.align(by: target - offset) }
            line.advance(to: delivery.arrival)
            line.drain { for index in $0.indices { result.samples.append($0[index]) } }
        }
        result.offset = line.senderOffset
        result.statistics = line.snapshot(at: Int64(seconds) * 1_000_000_000)
        return (result, sender)
    }

    /// How much later than spoken the last frames lie, in samples.
    private func lateness(_ run: Run, _ sender: SimulatedSender) throws -> Int {
        let packet = sender.packets[sender.packets.count - 20]
        let probe = packet.audio
        let lowest = max(0, Int(packet.position) - 4_000)
        let place = try #require(
            (lowest..<(run.samples.count - 160)).first { start in
                (0..<159).allSatisfy { run.samples[start + $0] == probe[$0] }
            })
        return place - Int(packet.position)
    }

    @Test("A leg whose first packet came 80 ms late is within 5 ms of the other one after alignment")
    func aligned() throws {
        let (good, _) = run(seed: 1, firstDelay: 10_000_000, seconds: 40, alignBy: nil)
        let (before, beforeSender) = run(seed: 2, firstDelay: 90_000_000, seconds: 40, alignBy: nil)
        let goodOffset = try #require(good.offset)
        let offset = try #require(before.offset)
        #expect(abs(offset - goodOffset - 640) <= 8, "the reports say that the leg lies 80 ms late")
        #expect(try abs(lateness(before, beforeSender) - 640 - 80 - 160) <= 8)

        let (after, sender) = run(seed: 2, firstDelay: 90_000_000, seconds: 40, alignBy: goodOffset - offset)
        let afterOffset = try #require(after.offset)
        #expect(abs(afterOffset - goodOffset) <= 40)
        // Spoken, 20 ms of packet and 10 ms of network: where the other leg lies.
        #expect(try abs(lateness(after, sender) - 240) <= 40)
        #expect(after.statistics.driftCorrection == goodOffset - offset)
        #expect(abs(after.statistics.skewPartsPerMillion) < 10, "an alignment is no drift")
    }

    @Test("Who asks for alignment again and again gets it once", arguments: [TimelineFormat.narrowband, .wideband])
    func repeated(format: TimelineFormat) throws {
        let (good, _) = run(seed: 1, firstDelay: 10_000_000, seconds: 5, alignBy: nil, format: format)
        let target = try #require(good.offset)
        let (after, _) = run(
            seed: 2, firstDelay: 90_000_000, seconds: 60, alignBy: nil, toward: target, format: format)
        let millisecond = Int64(format.sampleRate) / 1_000
        #expect(abs(after.statistics.driftCorrection + 80 * millisecond) <= millisecond)
        #expect(after.offset.map { abs($0 - target) <= millisecond } == true)
    }

    @Test("A leg can be moved later, too, and stays there")
    func movedLater() throws {
        let (after, sender) = run(seed: 3, firstDelay: 10_000_000, seconds: 60, alignBy: 640)
        #expect(try abs(lateness(after, sender) - 880) <= 8)
        #expect(after.statistics.driftCorrection == 640)
    }

    @Test("A leg without reports has no offset, and is as it was")
    func withoutReports() {
        let (silent, _) = run(seed: 2, firstDelay: 90_000_000, seconds: 30, alignBy: nil, reports: false)
        let (reporting, _) = run(seed: 2, firstDelay: 90_000_000, seconds: 30, alignBy: nil)
        #expect(silent.offset == nil && silent.samples == reporting.samples)
        #expect(silent.statistics.driftCorrection == 0)
    }

    @Test("One report with an absurd wall clock is ignored", arguments: 1...7)
    func absurd(at report: Int) throws {
        let (good, _) = run(seed: 5, firstDelay: 10_000_000, seconds: 40, alignBy: nil)
        let (lied, _) = run(seed: 5, firstDelay: 10_000_000, seconds: 40, alignBy: nil, absurdAt: report)
        let offset = try #require(lied.offset)
        #expect(abs(offset - (try #require(good.offset))) <= 8)
    }

    @Test("More than half a second is no alignment")
    func bounded() {
        var line = LegTimeline(epoch: 0, payloads: PayloadMap())
        let far = [4_001, -4_001, .max, .min].map { line.align(by: $0) }
        let near = line.align(by: 4_000)
        #expect(far == [false, false, false, false] && near && line.pendingCorrection == 4_000)
    }
}
