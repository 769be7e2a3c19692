import MediaCore
import Testing

@Suite("Between 8 and 16 kHz")
struct ResamplerTests {
    private func halve(_ samples: [Int16], piece: Int? = nil) -> [Int16] {
        var decimator = Decimator()
        var result: [Int16] = []
        for start in stride(from: 0, to: samples.count, by: piece ?? samples.count) {
            let part = Array(samples[start..<min(samples.count, start + (piece ?? samples.count))])
            let expected = decimator.outputCount(of: part.count)
            var out = [Int16](repeating: 0, count: expected + 3)
            var output = out.mutableSpan
            let count = decimator.process(part.span, into: &output)
            #expect(count == expected)
            result += out.prefix(count)
        }
        return result
    }

    private func double(_ samples: [Int16], piece: Int? = nil) -> [Int16] {
        var interpolator = Interpolator()
        var result: [Int16] = []
        for start in stride(from: 0, to: samples.count, by: piece ?? samples.count) {
            let part = Array(samples[start..<min(samples.count, start + (piece ?? samples.count))])
            var out = [Int16](repeating: 0, count: part.count * 2 + 3)
            var output = out.mutableSpan
            let count = interpolator.process(part.span, into: &output)
            #expect(count == part.count * 2)
            result += out.prefix(count)
        }
        return result
    }

    @Test("Decimation passes up to 3.5 kHz to 0.03 dB", arguments: [100.0, 300, 1_000, 2_000, 3_000, 3_400, 3_500])
    func passes(frequency: Double) {
        let output = halve(CodecSignals.sine(frequency, rate: 16_000, count: 32_000, amplitude: 20_000))
        let amplitude = CodecSignals.amplitude(of: frequency, in: output.dropFirst(4_000), rate: 8_000)
        #expect(abs(amplitude / 20_000 - 1) < 0.0035)
    }

    @Test(
        "Decimation stops what would fold back, from 4.5 kHz on, by 60 dB",
        arguments: [4_500.0, 4_700, 5_000, 5_600, 6_100, 7_000, 7_700])
    func stops(frequency: Double) {
        let output = halve(CodecSignals.sine(frequency, rate: 16_000, count: 32_000, amplitude: 32_000))
        let amplitude = CodecSignals.amplitude(of: 8_000 - frequency, in: output.dropFirst(4_000), rate: 8_000)
        #expect(amplitude < 32)
        #expect(CodecSignals.level(output.dropFirst(100)) < 32)
    }

    @Test(
        "Interpolation passes to 0.03 dB and its images are 60 dB down",
        arguments: [100.0, 1_000, 2_000, 3_100, 3_500])
    func images(frequency: Double) {
        let output = double(CodecSignals.sine(frequency, rate: 8_000, count: 16_000, amplitude: 30_000))
        let tail = output.dropFirst(4_000)
        #expect(abs(CodecSignals.amplitude(of: frequency, in: tail, rate: 16_000) / 30_000 - 1) < 0.0035)
        #expect(CodecSignals.amplitude(of: 8_000 - frequency, in: tail, rate: 16_000) < 30)
    }

    @Test(
        "Pieces of any length, odd ones too, give what one piece gives", arguments: [1, 2, 3, 79, 160, 161, 320, 997])
    func pieces(length: Int) {
        let wide = CodecSignals.noise(seed: 3, count: 5_001, peak: 9_000)
        #expect(halve(wide).count == 2_501)
        #expect(firstDifference(halve(wide, piece: length), halve(wide)) == nil)
        #expect(firstDifference(double(wide, piece: length), double(wide)) == nil)
    }

    @Test("Linear phase: an impulse comes out symmetric about 27 samples of 16 kHz")
    func impulse() {
        var narrow = [Int16](repeating: 0, count: 100)
        narrow[0] = 16_000
        let response = double(narrow)
        for distance in 1...27 { #expect(response[27 - distance] == response[27 + distance]) }
        #expect(response[27] == 16_000)
        #expect(response.dropFirst(55).allSatisfy { $0 == 0 })
    }

    @Test("8 to 16 kHz and back is the signal, 27 samples later, with noise 55 dB below")
    func thereAndBack() {
        let input = CodecSignals.sweep(from: 60, to: 3_300, rate: 8_000, count: 16_000, amplitude: 16_000)
        #expect(CodecSignals.signalToNoise(input.dropLast(40), halve(double(input)), delay: 27) > 55)
    }

    @Test("Full scale is limited and never wraps; a constant stays what it is to 0.2 %")
    func limits() {
        let square = (0..<4_000).map { $0 / 13 % 2 == 0 ? Int16.max : .min }
        #expect(halve(square).max() == .max && halve(square).min() == .min)
        #expect(double(square).max() == .max && double(square).min() == .min)
        for level in [Int16.max, .min, 1_000] {
            let flat = [Int16](repeating: level, count: 1_000)
            #expect(halve(flat).dropFirst(100).allSatisfy { abs(Int($0) - Int(level)) <= 64 })
            #expect(double(flat).dropFirst(100).allSatisfy { abs(Int($0) - Int(level)) <= 64 })
        }
    }

    @Test("What does not fit is left out, and nothing is written past the count")
    func room() {
        let input = [Int16](repeating: 100, count: 50)
        for room in 0..<30 {
            var decimator = Decimator()
            var out = [Int16](repeating: 7, count: 30)
            var whole = out.mutableSpan
            var output = whole._mutatingExtracting(0..<room)
            let count = decimator.process(input.span, into: &output)
            #expect(count == min(room, 25) && out[room...].allSatisfy { $0 == 7 })
            var interpolator = Interpolator()
            whole = out.mutableSpan
            output = whole._mutatingExtracting(0..<room)
            let doubled = interpolator.process(input.span, into: &output)
            #expect(doubled == room / 2 * 2)
        }
    }
}
