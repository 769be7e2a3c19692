import COpus
import MediaCore
import Testing

@Suite("Opus packets")
struct OpusPacketTests {
    private func parse(_ octets: [UInt8]) -> OpusPacket? { OpusPacket(parsing: octets.span.bytes) }

    @Test(
        "The table of contents gives mode and frame length for all 32 configurations (RFC 6716 table 2)",
        arguments: 0..<32)
    func configurations(configuration: Int) throws {
        let durations = [
            480, 960, 1920, 2880, 480, 960, 1920, 2880, 480, 960, 1920, 2880, 480, 960, 480, 960,
            120, 240, 480, 960, 120, 240, 480, 960, 120, 240, 480, 960, 120, 240, 480, 960,
        ]
        let packet = try #require(parse([UInt8(configuration << 3), 1, 2]))
        #expect(packet.frameDuration == durations[configuration])
        #expect(packet.mode == (configuration < 12 ? .silk : configuration < 16 ? .hybrid : .celt))
        #expect(packet.channels == 1 && packet.frameCount == 1 && packet.firstFrame == 1..<3)
        #expect(parse([UInt8(configuration << 3) | 4, 1, 2])?.channels == 2)
    }

    @Test(
        "What breaks a rule of framing is no packet",
        arguments: [
            ("R1: nothing", []),
            ("R3: two equal frames in an odd number of octets", [0x01, 1, 2, 3]),
            ("R4: a first frame without length", [0x02]),
            ("R4: a length cut in half", [0x02, 252]),
            ("R4: a first frame longer than the packet", [0x02, 9, 1, 2]),
            ("R5: seven frames of 20 ms", [0x0B, 7]),
            ("R5: three frames of 60 ms", [0x1B, 3]),
            ("R6: no frame at all", [0x03, 0]),
            ("R6: no count", [0x03]),
            ("R6: more padding than packet", [0x03, 0x41, 5, 0]),
            ("R6: padding without end", [0x03, 0x41, 255, 255]),
            ("R6: frames that do not divide", [0x03, 2, 1, 2, 3]),
            ("R7: lengths that are missing", [0x03, 0x83, 1]),
            ("R7: lengths beyond the end", [0x03, 0x82, 9, 1]),
            ("R2: a frame of 1,276 octets", [0x00] + [UInt8](repeating: 0, count: 1276)),
        ] as [(String, [UInt8])])
    func malformed(rule: String, octets: [UInt8]) {
        #expect(parse(octets) == nil)
        #expect(announced(octets, at: 48_000) == nil)
        #expect(!hasRepeat(octets))
    }

    @Test("A packet is as long as its frames, at most 120 ms, at every rate", arguments: [8_000, 16_000, 48_000])
    func duration(rate: Int) {
        // 60 ms twice, 2.5 ms 48 times, 20 ms twice.
        #expect(announced([0x1B, 2], at: rate) == rate * 120 / 1000)
        #expect(announced([0x83, 48], at: rate) == rate * 120 / 1000)
        #expect(announced([0x09, 1, 1], at: rate) == rate * 40 / 1000)
    }

    @Test(
        "The flag lies behind the flags of voice activity, once a channel (RFC 6716 §4.2.3, §4.2.4)",
        arguments: [
            ("10 ms", [0x00, 0b0100_0000, 0], true), ("20 ms, voice only", [0x08, 0b1000_0000, 0], false),
            ("40 ms", [0x10, 0b0010_0000, 0], true), ("40 ms, voice only", [0x10, 0b1100_0000, 0], false),
            ("60 ms", [0x18, 0b0001_0000, 0], true), ("60 ms, voice only", [0x18, 0b1110_1111, 0], false),
            ("stereo, middle", [0x0C, 0b0100_0000, 0], true), ("stereo, side", [0x0C, 0b0001_0000, 0], true),
            ("stereo, voice only", [0x0C, 0b1010_1111, 0], false), ("stereo 60 ms, side", [0x1C, 1, 0], true),
            ("hybrid 20 ms", [0x68, 0b0100_0000, 0], true), ("CELT", [0x80, 0xFF, 0xFF], false),
            ("a second frame's flag does not count", [0x09, 0x80, 0, 0x40, 0], false),
            ("a frame of one octet", [0x08, 0x40], false), ("no frame", [0x08], false),
        ] as [(String, [UInt8], Bool)])
    func flag(name: String, packet: [UInt8], isFlagged: Bool) { #expect(hasRepeat(packet) == isFlagged) }

    @Test("Random octets parse as libopus parses them, or not at all", arguments: 0..<8)
    func likeLibopus(seed: UInt64) {
        var generator = CodecGenerator(seed: seed)
        var disagreements = 0
        var parsed = 0
        for _ in 0..<5_000 {
            let length = Int.random(in: 0...(Bool.random(using: &generator) ? 12 : 400), using: &generator)
            var octets = (0..<length).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            // Code 3 is the interesting one; small counts make more of them valid.
            if length > 2, Bool.random(using: &generator) {
                octets[0] |= 3
                octets[1] = octets[1] & 0xC3
            }
            var sizes = [opus_int16](repeating: 0, count: 48)
            var offset: Int32 = 0
            let count = opus_packet_parse(octets, Int32(length), nil, nil, &sizes, &offset)
            let packet = parse(octets)
            if count < 0 {
                if packet != nil { disagreements += 1 }
            } else {
                parsed += 1
                let isSame =
                    packet?.frameCount == Int(count) && packet?.firstFrame.lowerBound == Int(offset)
                    && packet?.firstFrame.count == Int(sizes[0])
                    && packet?.duration == Int(opus_packet_get_nb_samples(octets, Int32(length), 48_000))
                if !isSame { disagreements += 1 }
            }
        }
        #expect(disagreements == 0)
        #expect(parsed > 500)
    }
}
