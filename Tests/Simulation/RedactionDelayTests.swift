import MediaCore
import Testing

@Suite("A digit's tone that begins before its event does not come out either")
struct RedactionDelayTests {
    /// An octet that speech does not have: what it stands for is the tone.
    private static let tone: UInt8 = 0x2A

    enum Stamp: CaseIterable { case onset, recognition }

    /// Speech, in which the tone of a digit lasts for packets 100 to 105; the gateway recognises it and sends the first
    /// event packet `late` frames after the tone's onset, with the audio muted from there on.
    private func call(late: Int, stamp: Stamp, lost: Int) -> [SimulatedNetwork.Delivery] {
        var sender = SimulatedSender(seed: 11)
        sender.speak(200)
        var packets: [SentPacket] = []
        var sequence: UInt16 = 60_000
        for (index, packet) in sender.packets.enumerated() {
            var audio = packet
            audio.payload = audio.payload.map { $0 == Self.tone ? Self.tone + 1 : $0 }
            if (100..<106).contains(index) { audio.payload = Array(repeating: Self.tone, count: 160) }
            if (100 + late..<106).contains(index) { audio.payload = Array(repeating: 0xFF, count: 160) }
            audio.sequence = sequence
            sequence &+= 1
            packets.append(audio)
            let number = index - 100 - late
            guard number >= 0, number < 10 else { continue }
            var event = packet
            event.sequence = sequence
            sequence &+= 1
            let start = 100 + (stamp == .onset ? 0 : late)
            event.timestamp = sender.packets[start].timestamp
            event.payloadType = 101
            let duration = UInt16(min(index + 1, 108) - start) * 160
            event.payload = [3, (index >= 107 ? 0x80 : 0) | 10, UInt8(duration >> 8), UInt8(duration & 255)]
            if number >= lost { packets.append(event) }
        }
        return packets.map { SimulatedNetwork.Delivery(arrival: $0.time, packet: $0) }
    }

    private func leg(
        redacts: Bool, late: Int, stamp: Stamp, lost: Int = 0, drainEvery: Int64 = 1
    ) -> SimulatedLeg {
        var policy = TimelinePolicy()
        policy.redactsDigits = redacts
        return SimulatedLeg(
            call(late: late, stamp: stamp, lost: lost), until: 5_000_000_000,
            format: TimelineFormat(sampleRate: 8_000, audio: true, payload: true), policy: policy,
            drainEvery: drainEvery)
    }

    @Test(
        "Nothing of a tone that begins 20 to 60 ms before the first event packet comes out, however often it is drained",
        arguments: [1, 2, 3], Stamp.allCases)
    func leadingTone(late: Int, stamp: Stamp) {
        let loud = G711.expandMuLaw(Self.tone)
        let open = leg(redacts: false, late: late, stamp: stamp)
        #expect(open.samples.count(where: { $0 == loud }) == late * 160)
        for drainEvery in [1, 3, 10] as [Int64] {
            let redacted = leg(redacts: true, late: late, stamp: stamp, drainEvery: drainEvery)
            #expect(!redacted.samples.contains(loud))
            #expect(!redacted.payloads.contains { $0.octets.contains(Self.tone) })
            // Time goes on as ever, and what is far from the digit is the same.
            #expect(redacted.samples.count == open.samples.count)
            #expect(redacted.samples[..<15_000] == open.samples[..<15_000])
            #expect(redacted.samples[20_000...] == open.samples[20_000...])
        }
    }

    @Test("Nor does it when the first two event packets are lost")
    func lostEvents() {
        let redacted = leg(redacts: true, late: 3, stamp: .onset, lost: 2)
        #expect(!redacted.samples.contains(G711.expandMuLaw(Self.tone)))
        #expect(!redacted.payloads.contains { $0.octets.contains(Self.tone) })
    }

    @Test("300 ms are kept back while the call lasts, at both rates, and nothing where no digits are redacted")
    func keptBack() {
        for format in [TimelineFormat.narrowband, .wideband] {
            for redacts in [true, false] {
                var sender = SimulatedSender(seed: 12)
                sender.speak(300)
                sender.pause(samples: 80_000)
                sender.speak(100)
                let deliveries = sender.packets.map { SimulatedNetwork.Delivery(arrival: $0.time, packet: $0) }
                var policy = TimelinePolicy()
                policy.redactsDigits = redacts
                var most = 0
                var least = Int.max
                let leg = SimulatedLeg(
                    deliveries, until: 20_000_000_000, format: format, policy: policy,
                    between: { line, tick in
                        // The drain of the tick before, and what came since.
                        if tick > 2_000_000_000 { least = min(least, line.pendingSamples) }
                        most = max(most, line.pendingSamples)
                    })
                let delay = redacts ? format.sampleRate * 3 / 10 : 0
                #expect(least >= delay && most <= delay + format.sampleRate)
                #expect(leg.samples.count == 20 * format.sampleRate)
            }
        }
    }
}
