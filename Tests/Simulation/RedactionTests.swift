import MediaCore
import Testing

@Suite("Digits that are redacted leave no trace")
struct RedactionTests {
    /// Speech, then a digit as event packets with its tone in the audio at the same time, as some gateways send it.
    private func call(clock: UInt32) -> (packets: [SentPacket], digit: Range<Int64>) {
        var sender = SimulatedSender(seed: 6)
        sender.speak(300)
        let digit = (400 + 100 * 160 as Int64)..<(400 + 115 * 160)
        var packets: [SentPacket] = []
        var sequence: UInt16 = 4_711
        for packet in sender.packets {
            var audio = packet
            audio.sequence = sequence
            sequence &+= 1
            packets.append(audio)
            let index = (packet.position - digit.lowerBound) / 160
            guard packet.position >= digit.lowerBound, packet.position < digit.upperBound + 320 else { continue }
            var event = packet
            event.sequence = sequence
            sequence &+= 1
            event.timestamp = packet.timestamp &- UInt32(index) * 160
            event.payloadType = 101
            event.audio = []
            let duration = UInt16(min(index + 1, 15)) * UInt16(clock / 50)
            let end: UInt8 = index >= 14 ? 0x80 : 0
            event.payload = [7, end | 10, UInt8(duration >> 8), UInt8(duration & 255)]
            packets.append(event)
        }
        return (packets, digit)
    }

    private func leg(redacts: Bool, clock: UInt32 = 8_000, drainEvery: Int64, format: TimelineFormat) -> SimulatedLeg {
        let packets = call(clock: clock).packets
        let deliveries = packets.map { SimulatedNetwork.Delivery(arrival: $0.time, packet: $0) }
        var policy = TimelinePolicy()
        policy.redactsDigits = redacts
        var map = PayloadMap()
        map.map(101, encoding: "telephone-event", clockRate: clock)
        return SimulatedLeg(
            deliveries, until: 7_000_000_000, payloads: map, format: format, policy: policy, drainEvery: drainEvery)
    }

    @Test(
        "The tone is silence from 80 ms before it to 40 ms behind it, the rest is untouched",
        arguments: [5, 10, 25])
    func tone(drainEvery: Int64) throws {
        let both = TimelineFormat(sampleRate: 8_000, audio: true, payload: true)
        let open = leg(redacts: false, drainEvery: drainEvery, format: both)
        let redacted = leg(redacts: true, drainEvery: drainEvery, format: both)
        let begin = Int64(try #require(open.samples.firstIndex { $0 != 0 }))
        let digit = call(clock: 8_000).digit
        let tone = (digit.lowerBound - 400 + begin)..<(digit.upperBound - 400 + begin)
        #expect(redacted.samples[Int(tone.lowerBound - 640)..<Int(tone.upperBound + 320)].allSatisfy { $0 == 0 })
        let before = Int(tone.lowerBound - 640)
        let after = Int(tone.upperBound + 320)
        #expect(redacted.samples[..<before] == open.samples[..<before])
        #expect(redacted.samples[after...] == open.samples[after...])
        #expect(redacted.samples.count == open.samples.count && redacted.statistics.redactedSamples > 2_400)
        #expect(open.statistics.redactedSamples == 0)
        // The same of the payloads.
        #expect(open.payloads.count == 300)
        #expect(
            !redacted.payloads.contains {
                $0.position < tone.upperBound + 320 && $0.position + 160 > tone.lowerBound - 640
            })
        #expect(redacted.payloads.count >= 300 - 15 - 8)
    }

    @Test("The event itself is reported with its place, duration and key", arguments: [8_000, 16_000, 48_000])
    func reported(clock: UInt32) throws {
        let leg = leg(redacts: true, clock: clock, drainEvery: 5, format: .narrowband)
        let event = try #require(leg.digits.first)
        #expect(leg.digits.count == 1 && event.code == 7 && event.milliseconds == 300)
        // Audio of 8 kHz and an event of another clock in one SSRC is against RFC 4733; then arrival has to do.
        let expected: Int64 = 560 + 100 * 160
        #expect(abs(event.position - expected) <= (clock == 8_000 ? 0 : 200))
    }

    @Test("A wideband line is redacted to the same places")
    func wideband() {
        let leg = leg(redacts: true, drainEvery: 5, format: .wideband)
        let tone = 2 * (560 + 100 * 160)..<2 * (560 + 115 * 160)
        #expect(leg.samples[tone].allSatisfy { $0 == 0 })
        #expect(leg.samples[(tone.upperBound + 700)...].prefix(320).contains { $0 != 0 })
    }
}
