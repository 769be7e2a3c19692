import MediaCore
import Testing

@Suite("Opus")
struct OpusTests {
    /// Speech where the shared test data is, else a vowel whose pitch and loudness change.
    private static let speech: [Int16] =
        CodecSignals.speech("librivox/sense_and_sensibility_01_austen_64kb-0880.wav")
        ?? (0..<8).flatMap { part in
            CodecSignals.vowel(
                pitch: 110 + 15 * Double(part), rate: 16_000, count: 4_000, peak: part % 3 == 2 ? 600 : 9_000)
        }

    @Test("A tone comes back at every rate of the decoder, at its level", arguments: [8_000, 16_000, 48_000])
    func rates(rate: Int) throws {
        var encoder = try makeEncoder(sampleRate: 16_000, bitrate: 32_000)
        let input = CodecSignals.sine(700, rate: 16_000, count: 32_000)
        let packets = encodeOpus(input, frame: 320, with: &encoder)
        var decoder = try makeDecoder(sampleRate: rate)
        var output: [Int16] = []
        for packet in packets {
            #expect(announced(packet, at: rate) == rate / 50)
            output += decoder.decode(packet)
        }
        #expect(output.count == rate * 2)
        let amplitude = CodecSignals.amplitude(of: 700, in: output[rate..<(rate * 2)], rate: rate)
        #expect((8_900...11_000).contains(amplitude))
    }

    @Test("Speech keeps its waveform to 8 dB at 32 kbit/s, pre-skip taken into account")
    func roundTrip() throws {
        var encoder = try makeEncoder(sampleRate: 16_000, bitrate: 32_000)
        var decoder = try makeDecoder(sampleRate: 16_000)
        let output = encodeOpus(Self.speech, frame: 320, with: &encoder).flatMap { decoder.decode($0) }
        let ratio = CodecSignals.segmentalSignalToNoise(Self.speech, output, delay: encoder.preSkip / 3)
        #expect(ratio > 2)
        // The pre-skip is right: a step to either side fits worse.
        for wrong in [-8, 8] {
            let shifted = encoder.preSkip / 3 + wrong
            #expect(CodecSignals.segmentalSignalToNoise(Self.speech, output, delay: shifted) < ratio)
        }
    }

    @Test("Frames of 2.5 to 60 ms encode to packets of that length", arguments: [40, 80, 160, 320, 640, 960])
    func frames(length: Int) throws {
        var encoder = try makeEncoder(sampleRate: 16_000, bitrate: 24_000)
        var decoder = try makeDecoder(sampleRate: 16_000)
        for packet in encodeOpus(Array(Self.speech.prefix(9_600)), frame: length, with: &encoder) {
            #expect(decoder.decode(packet).count == length)
        }
    }

    @Test("Packets carry the repeat when loss is expected, and only then")
    func flag() throws {
        var plain = try makeEncoder(sampleRate: 16_000, bitrate: 24_000)
        var guarded = try makeEncoder(sampleRate: 16_000, bitrate: 24_000, expectedLoss: 20)
        for frame in [320, 640, 960] {
            let without = encodeOpus(Self.speech, frame: frame, with: &plain)
            let with = encodeOpus(Self.speech, frame: frame, with: &guarded)
            #expect(without.allSatisfy { !hasRepeat($0) })
            let share = Double(with.count { hasRepeat($0) }) / Double(with.count)
            #expect(share > 0.4)
        }
    }

    @Test(
        "The flag says what libopus finds: with it a repair differs from concealment, without it it does not",
        arguments: [(16_000, 320, 24_000), (16_000, 640, 20_000), (16_000, 960, 20_000), (48_000, 960, 40_000)])
    func flagAgainstDecoder(rate: Int, frame: Int, bitrate: Int) throws {
        var encoder = try makeEncoder(sampleRate: rate, bitrate: bitrate, expectedLoss: 15)
        // Played three times too fast at 48 kHz, which gives a wide spectrum and so the hybrid mode.
        let packets = encodeOpus(Self.speech, frame: frame, with: &encoder)
        var disagreements = 0
        var flagged = 0
        for index in 4..<packets.count {
            var repairing = try makeDecoder(sampleRate: 16_000)
            var concealing = try makeDecoder(sampleRate: 16_000)
            for packet in packets[(index - 4)..<(index - 1)] {
                _ = repairing.decode(packet)
                _ = concealing.decode(packet)
            }
            let lost = frame * 16_000 / rate
            let isFlagged = hasRepeat(packets[index])
            let differs = repairing.repair(lost, from: packets[index]) != concealing.conceal(lost)
            // Where the bandwidth changes, a repair begins anew and differs without any repeat.
            if differs != isFlagged, packets[index][0] == packets[index - 2][0] { disagreements += 1 }
            if isFlagged { flagged += 1 }
        }
        #expect(disagreements == 0)
        #expect(flagged > 0 && flagged < packets.count - 4)
    }

    @Test("The repeat brings a lost frame back: 3 dB nearer to the decoded original than concealment, over speech")
    func repair() throws {
        var encoder = try makeEncoder(sampleRate: 16_000, bitrate: 24_000, expectedLoss: 20)
        let packets = encodeOpus(Self.speech, frame: 320, with: &encoder)
        var whole = try makeDecoder(sampleRate: 16_000)
        let reference = packets.map { whole.decode($0) }

        var repairing = try makeDecoder(sampleRate: 16_000)
        var concealing = try makeDecoder(sampleRate: 16_000)
        var repaired = 0.0
        var concealed = 0.0
        var losses = 0.0
        for (index, packet) in packets.enumerated() {
            guard index % 5 != 3 else { continue }
            if index > 0, index % 5 == 4 {
                let better = repairing.repair(320, from: packet)
                let plain = concealing.conceal(320)
                #expect(better.count == 320 && plain.count == 320)
                if hasRepeat(packet),
                    CodecSignals.level(reference[index - 1]) > 300
                {
                    repaired += CodecSignals.signalToNoise(reference[index - 1], better)
                    concealed += CodecSignals.signalToNoise(reference[index - 1], plain)
                    losses += 1
                }
            }
            _ = repairing.decode(packet)
            _ = concealing.decode(packet)
        }
        try #require(losses > 5)
        #expect(repaired / losses > concealed / losses + 3)
    }

    @Test("Without a repeat, and for more than a frame, the gap is concealed and has the length that was asked for")
    func longGaps() throws {
        var encoder = try makeEncoder(sampleRate: 16_000, bitrate: 24_000)
        let packets = encodeOpus(Self.speech, frame: 320, with: &encoder)
        var decoder = try makeDecoder(sampleRate: 8_000)
        for packet in packets.prefix(30) { _ = decoder.decode(packet) }
        #expect(decoder.repair(480, from: packets[33]).count == 480)
        #expect(decoder.repair(480, from: [0x03, 0]).count == 480)
        // Whole steps of 2.5 ms, at most 120 ms a call; nothing for nothing.
        #expect(decoder.conceal(90).count == 80)
        #expect(decoder.conceal(5_000).count == 960)
        #expect(decoder.conceal(0).isEmpty && decoder.conceal(19).isEmpty)
        let silence = (0..<20).flatMap { _ in decoder.conceal(960) }
        #expect(CodecSignals.level(silence.suffix(960)) < 100)
    }

    @Test("Any octets decode to what they announce or to nothing, and the stream goes on after them", arguments: 0..<8)
    func rubbish(seed: UInt64) throws {
        var generator = CodecGenerator(seed: seed)
        var encoder = try makeEncoder(sampleRate: 16_000, bitrate: 24_000, expectedLoss: 10)
        let packets = encodeOpus(Self.speech, frame: 320, with: &encoder)
        var decoder = try makeDecoder(sampleRate: 16_000)
        for round in 0..<400 {
            var packet: [UInt8]
            if round % 2 == 0 {
                packet = (0..<Int.random(in: 0...200, using: &generator)).map { _ in
                    UInt8.random(in: .min ... .max, using: &generator)
                }
            } else {
                packet = packets[Int.random(in: packets.indices, using: &generator)]
                if !packet.isEmpty {
                    packet[Int.random(in: packet.indices, using: &generator)] ^=
                        1
                        << UInt8.random(
                            in: 0..<8, using: &generator)
                    packet.removeLast(Int.random(in: 0..<packet.count, using: &generator))
                }
            }
            let length = announced(packet, at: 16_000) ?? 0
            if round % 3 == 0 { #expect(decoder.repair(320, from: packet).count == 320) }
            let count = decoder.decode(packet).count
            #expect(count == length || count == 0)
        }
        let input = CodecSignals.sine(500, rate: 16_000, count: 16_000)
        let output = encodeOpus(input, frame: 320, with: &encoder).flatMap { decoder.decode($0) }
        #expect(CodecSignals.amplitude(of: 500, in: output.suffix(8_000), rate: 16_000) > 7_000)
    }

    @Test("An output that is too short gets nothing, and a stereo packet is mixed down")
    func room() throws {
        var encoder = try makeEncoder(sampleRate: 16_000, bitrate: 24_000)
        let packets = encodeOpus(CodecSignals.sine(400, rate: 16_000, count: 3_200), frame: 320, with: &encoder)
        var decoder = try makeDecoder(sampleRate: 16_000)
        var short = [Int16](repeating: 7, count: 319)
        var output = short.mutableSpan
        let packet = packets[0]
        let refused = decoder.decode(packet.span.bytes, into: &output)
        #expect(refused == 0 && short.allSatisfy { $0 == 7 })
        // A stereo packet of CELT without a frame: allowed, 20 ms.
        #expect(decoder.decode([0xFC]).count == 320)
    }

    @Test("Rates that Opus does not have are refused")
    func refusedRates() {
        for rate in [-1, 0, 7_999, 11_025, 44_100, 96_000, Int.max] {
            let decoder = OpusDecoder(sampleRate: rate)
            let encoder = OpusEncoder(sampleRate: rate, bitrate: 24_000)
            let isRefused = decoder == nil && encoder == nil
            #expect(isRefused)
        }
    }

    @Test("Frames that Opus does not have, and rooms that are too small, encode to nothing")
    func refusedFrames() throws {
        var encoder = try makeEncoder(sampleRate: 16_000, bitrate: 24_000)
        var packet: [UInt8] = [1, 2, 3]
        for length in [0, 1, 319, 321, 5_000] {
            let samples = [Int16](repeating: 0, count: length)
            let written = encoder.encode(samples.span, into: &packet)
            #expect(written == 0 && packet.isEmpty)
        }
        var none: [UInt8] = []
        var room = none.mutableSpan
        let samples = [Int16](repeating: 0, count: 320)
        let written = encoder.encode(samples.span, into: &room)
        #expect(written == 0)
    }

    @Test("Resetting forgets the past: the same packets give the same samples again")
    func reset() throws {
        var encoder = try makeEncoder(sampleRate: 16_000, bitrate: 24_000)
        let packets = encodeOpus(Array(Self.speech.prefix(6_400)), frame: 320, with: &encoder)
        var decoder = try makeDecoder(sampleRate: 16_000)
        let first = packets.flatMap { decoder.decode($0) }
        decoder.reset()
        #expect(firstDifference(packets.flatMap { decoder.decode($0) }, first) == nil)
    }
}
