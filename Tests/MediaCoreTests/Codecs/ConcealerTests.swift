import Foundation
import MediaCore
import Testing

@Suite("Concealment of lost packets")
struct ConcealerTests {
    /// `signal` with the samples from `start` on concealed, in pieces, as a line of packets would be.
    private func conceal(_ signal: [Int16], rate: Int, gap: Range<Int>, piece: Int? = nil) -> [Int16] {
        var concealer = Concealer(sampleRate: rate)
        var line = signal
        concealer.begin(after: line.span.extracting(0..<gap.lowerBound))
        var position = gap.lowerBound
        while position < gap.upperBound {
            let end = min(gap.upperBound, position + (piece ?? gap.count))
            var whole = line.mutableSpan
            var output = whole._mutatingExtracting(position..<end)
            concealer.conceal(into: &output)
            position = end
        }
        var whole = line.mutableSpan
        var rest = whole._mutatingExtracting(gap.upperBound..<min(signal.count, gap.upperBound + rate / 50))
        concealer.end(&rest)
        return line
    }

    @Test(
        "20 ms of a vowel are replaced at least 9 dB nearer than silence",
        arguments: [8_000, 16_000], [70.0, 95, 118, 163, 210, 320, 440])
    func vowel(rate: Int, pitch: Double) {
        let signal = CodecSignals.vowel(pitch: pitch, rate: rate, count: rate / 2)
        let gap = (rate / 4)..<(rate / 4 + rate / 50)
        let line = conceal(signal, rate: rate, gap: gap)
        let ratio = CodecSignals.signalToNoise(signal[gap], line[gap])
        // Silence has 0 dB.
        #expect(ratio > 9)
    }

    @Test("Neither joint jumps further than the signal itself does, plus 3 % of its peak", arguments: [8_000, 16_000])
    func joints(rate: Int) {
        for pitch in stride(from: 67.0, to: 400, by: 13.7) {
            let signal = CodecSignals.vowel(pitch: pitch, rate: rate, count: rate / 2)
            for milliseconds in [5, 20, 37, 60, 100] {
                let gap = (rate / 4)..<(rate / 4 + rate * milliseconds / 1000)
                let line = conceal(signal, rate: rate, gap: gap)
                let own = CodecSignals.largestStep(signal)
                #expect(CodecSignals.largestStep(line) <= own + 270, "pitch \(pitch), \(milliseconds) ms")
            }
        }
    }

    @Test("A voice that swells: the repeated periods do not jump back where they begin again")
    func swelling() {
        for period in stride(from: 48, to: 118, by: 5) {
            // Half as loud again each period; the gap begins anywhere in one.
            let signal = (0..<1_000).map { index in
                let place = Double(index - 1_000) / Double(period)
                return Int16(12_000 * pow(1.5, place) * cos(2 * .pi * place))
            }
            for shift in stride(from: 0, to: period, by: 5) {
                let gap = (900 - shift)..<(1_000 - shift)
                let line = conceal(signal, rate: 8_000, gap: gap)
                #expect(
                    Double(CodecSignals.largestStep(line[(gap.lowerBound - period)..<gap.upperBound]))
                        < 1.9 * Double(CodecSignals.largestStep(signal[(gap.lowerBound - period)..<gap.lowerBound])),
                    "period \(period), shift \(shift)")
            }
        }
    }

    @Test("It fades from 10 ms on, is silent from 60 ms on, and good audio comes back within 5 ms after that")
    func fade() {
        let rate = 8_000
        let signal = CodecSignals.vowel(pitch: 120, rate: rate, count: rate)
        let gap = 2_000..<2_800
        let line = conceal(signal, rate: rate, gap: gap)
        func level(_ milliseconds: Int) -> Double {
            let start = gap.lowerBound + milliseconds * 8
            return CodecSignals.level(line[start..<(start + 80)]) / CodecSignals.level(signal)
        }
        #expect(level(0) > 0.8)
        #expect((0.45...0.85).contains(level(20)))
        #expect((0.2...0.5).contains(level(40)))
        #expect(level(50) < 0.25)
        #expect(line[(gap.lowerBound + 480)..<gap.upperBound].allSatisfy { $0 == 0 })
        #expect(firstDifference(line[(gap.upperBound + 40)...], signal[(gap.upperBound + 40)...]) == nil)
    }

    @Test("Only the first 10 ms after a gap are changed, and what lies before it never is", arguments: [8_000, 16_000])
    func untouched(rate: Int) {
        let signal = CodecSignals.vowel(pitch: 105, rate: rate, count: rate / 2)
        for milliseconds in [10, 20, 40, 59] {
            let gap = (rate / 4)..<(rate / 4 + rate * milliseconds / 1000)
            let line = conceal(signal, rate: rate, gap: gap)
            #expect(firstDifference(line[..<gap.lowerBound], signal[..<gap.lowerBound]) == nil)
            let rest = gap.upperBound + rate / 100
            #expect(firstDifference(line[rest...], signal[rest...]) == nil)
        }
    }

    @Test("Pieces of any length give what one piece gives", arguments: [1, 7, 80, 160, 1_000])
    func pieces(length: Int) {
        let signal = CodecSignals.vowel(pitch: 143, rate: 8_000, count: 4_000)
        let whole = conceal(signal, rate: 8_000, gap: 2_000..<2_640)
        let inPieces = conceal(signal, rate: 8_000, gap: 2_000..<2_640, piece: length)
        #expect(firstDifference(inPieces, whole) == nil)
    }

    @Test("Noise is replaced by noise: its level within 3 dB, no tone in it", arguments: [8_000, 16_000])
    func noise(rate: Int) {
        let signal = CodecSignals.noise(seed: 11, count: rate, peak: 3_000)
        let gap = (rate / 2)..<(rate / 2 + rate / 100)
        let line = conceal(signal, rate: rate, gap: gap)
        let ratio = CodecSignals.level(line[gap]) / CodecSignals.level(signal[gap])
        #expect((0.7...1.4).contains(ratio))
    }

    @Test("Silence stays silence, and a history too short for pitch runs out within 5 ms without a click")
    func shortHistory() {
        #expect(
            conceal([Int16](repeating: 0, count: 2_000), rate: 8_000, gap: 800..<960).allSatisfy { $0 == 0 })
        for length in [0, 1, 2, 39, 80, 199] {
            var concealer = Concealer(sampleRate: 8_000)
            concealer.begin(after: [Int16](repeating: 8_000, count: length).span)
            var samples = [Int16](repeating: 1, count: 160)
            var output = samples.mutableSpan
            concealer.conceal(into: &output)
            #expect(samples[40...].allSatisfy { $0 == 0 })
            #expect(CodecSignals.largestStep((length > 0 ? [8_000] : []) + samples) <= 8_000 / 20 + 1)
        }
    }

    @Test("Full-scale squares and noise do not overflow, whatever the gap", arguments: 0..<20)
    func extremes(seed: UInt64) {
        var generator = CodecGenerator(seed: seed)
        var signal = CodecSignals.noise(seed: seed, count: 8_000, peak: .max)
        let half = Int.random(in: 1...60, using: &generator)
        if seed % 2 == 0 { signal = signal.indices.map { $0 / half % 2 == 0 ? .max : .min } }
        let start = Int.random(in: 0...3_000, using: &generator)
        let length = Int.random(in: 1...1_000, using: &generator)
        #expect(conceal(signal, rate: seed % 3 == 0 ? 16_000 : 8_000, gap: start..<(start + length)).count == 8_000)
    }

    @Test("Without a gap it gives silence, changes nothing, and a second beginning is not heard")
    func misuse() {
        var concealer = Concealer(sampleRate: 8_000)
        var samples: [Int16] = [1, 2, 3]
        var output = samples.mutableSpan
        concealer.end(&output)
        #expect(samples == [1, 2, 3])
        var again = samples.mutableSpan
        concealer.conceal(into: &again)
        #expect(samples == [0, 0, 0])
        let isConcealing = concealer.isConcealing
        #expect(!isConcealing)
    }

    @Test(
        "Speech with every tenth packet lost: gaps keep their level, those in vowels their wave",
        arguments: ["misc/jfk-16k.wav", "librivox/sense_and_sensibility_01_austen_64kb-0870.wav", "misc/goforward.wav"])
    func speech(file: String) throws {
        guard let signal = CodecSignals.speech(file) else { return }
        var ratios: [Double] = []
        var isLevelKept: [Bool] = []
        for phase in 0..<10 {
            for index in stride(from: 10 + phase, to: signal.count / 320 - 2, by: 10) {
                let gap = (index * 320)..<(index * 320 + 320)
                let lost = signal[gap]
                guard CodecSignals.level(lost) > 300 else { continue }
                let around = Array(signal[(gap.lowerBound - 3_000)..<(gap.upperBound + 320)])
                let made = conceal(around, rate: 16_000, gap: 3_000..<3_320)[3_000..<3_320]
                ratios.append(CodecSignals.signalToNoise(lost, made))
                isLevelKept.append((0.5...2).contains(CodecSignals.level(made) / CodecSignals.level(lost)))
            }
        }
        try #require(ratios.count > 30)
        let vowels = ratios.sorted()[ratios.count * 5 / 6]
        let kept = Double(isLevelKept.count { $0 }) / Double(isLevelKept.count)
        // Silence has 0 dB, and keeps no level. Where speech changes, no repetition has the right wave.
        #expect(vowels > 1.5)
        #expect(kept > 0.7)
    }
}
