import MediaCore
import Testing

@Suite("G.722")
struct G722Tests {
    @Test("Silence stays silence: samples within ±3")
    func silence() {
        let samples = decodeG722(encodeG722([Int16](repeating: 0, count: 3_200)))
        #expect(samples.allSatisfy { abs($0) <= 3 })
    }

    @Test(
        "A tone keeps its level to 0.5 dB and its noise 20 dB below, in both bands",
        arguments: [200.0, 440, 1_000, 2_500, 3_600, 5_000, 6_500])
    func tone(frequency: Double) {
        let input = CodecSignals.sine(frequency, rate: 16_000, count: 16_000, amplitude: 8_000)
        let output = decodeG722(encodeG722(input))
        let part = output[8_000..<16_000]
        let amplitude = CodecSignals.amplitude(of: frequency, in: part, rate: 16_000)
        #expect((7_550...8_480).contains(amplitude))
        // Both filters together delay by 22 samples.
        #expect(CodecSignals.signalToNoise(input.dropFirst(4_000), output.dropFirst(4_000), delay: 22) > 20)
    }

    @Test("Pieces of any length give what one piece gives", arguments: [1, 2, 7, 79, 80, 81, 160, 320])
    func pieces(length: Int) {
        let input = CodecSignals.sweep(from: 100, to: 7_000, rate: 16_000, count: 6_400)
        let octets = encodeG722(input, piece: 6_400)
        #expect(firstDifference(encodeG722(input, piece: length * 2), octets) == nil)
        let whole = decodeG722(octets, piece: octets.count)
        #expect(firstDifference(decodeG722(octets, piece: length), whole) == nil)
    }

    @Test("Any octets decode, twice the same, and after rubbish the decoder finds its way back", arguments: 0..<4)
    func rubbish(seed: UInt64) {
        var generator = CodecGenerator(seed: seed)
        // Random octets, and long runs of one octet, which drive every state to its limit.
        var octets: [UInt8] = []
        for _ in 0..<40 {
            if Bool.random(using: &generator) {
                octets += (0..<160).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            } else {
                octets += [UInt8](repeating: .random(in: .min ... .max, using: &generator), count: 160)
            }
        }
        for mode in G722Mode.allCases {
            let whole = decodeG722(octets, mode: mode)
            #expect(firstDifference(decodeG722(octets, mode: mode, piece: 33), whole) == nil)
        }
        let input = CodecSignals.sine(700, rate: 16_000, count: 16_000)
        let output = decodeG722(octets + encodeG722(input)).dropFirst(octets.count * 2)
        #expect(CodecSignals.signalToNoise(input.dropFirst(8_000), output.dropFirst(8_000), delay: 22) > 20)
    }

    @Test("All octets as runs of 600: no state overflows", arguments: 0...255)
    func runs(octet: Int) {
        let samples = decodeG722([UInt8](repeating: UInt8(octet), count: 600), piece: 600)
        #expect(samples.count == 1_200)
    }

    @Test("Full scale and noise encode without harm", arguments: [Int16.max, 3_000, 1])
    func loud(peak: Int16) {
        let square = (0..<6_400).map { $0 / 20 % 2 == 0 ? peak : -peak }
        #expect(encodeG722(square).count == 3_200)
        let noise = CodecSignals.noise(seed: 5, count: 32_000, peak: peak)
        let output = decodeG722(encodeG722(noise))
        #expect(peak < 100 || CodecSignals.signalToNoise(noise, output, delay: 22) > 6)
    }

    @Test("What does not fit is left out, an odd sample too, and nothing is written past the count")
    func room() {
        var decoder = G722Decoder()
        let octets = [UInt8](repeating: 0xFA, count: 10)
        var samples = [Int16](repeating: 77, count: 7)
        var output = samples.mutableSpan
        let decoded = decoder.decode(octets.span.bytes, into: &output)
        #expect(decoded == 6 && samples[6] == 77)

        var encoder = G722Encoder()
        var codes = [UInt8](repeating: 77, count: 9)
        var room = codes.mutableSpan
        let encoded = encoder.encode([Int16](repeating: 0, count: 5).span, into: &room)
        #expect(encoded == 2 && codes[2] == 77)
    }

    @Test(
        "Speech survives: segmental SNR of at least 28 dB",
        arguments: ["misc/jfk-16k.wav", "librivox/sense_and_sensibility_01_austen_64kb-0880.wav"])
    func speech(file: String) {
        guard let input = CodecSignals.speech(file) else { return }
        let output = decodeG722(encodeG722(input))
        let ratio = CodecSignals.segmentalSignalToNoise(input, output, delay: 22)
        #expect(ratio > 28)
    }

    @Test(
        "Recorded G.722 of another encoder decodes to speech like the same prompt at 8 kHz",
        arguments: ["agent-incorrect", "queue-youarenext", "vm-intro"])
    func recorded(name: String) {
        guard let octets = SharedTestData.read("speech/asterisk-en-g722/\(name).g722") else { return }
        let samples = decodeG722(octets)
        let level = CodecSignals.level(samples)
        #expect((300...12_000).contains(level))
        #expect(samples.allSatisfy { $0 != .max && $0 != .min })
    }
}
