import Foundation
import MediaCore
import Testing

@Suite("Comfort noise (RFC 3389)")
struct ComfortNoiseTests {
    private func noise(level: UInt8, seed: UInt64 = 1, count: Int = 40_000) -> [Int16] {
        var generator = ComfortNoiseGenerator(seed: seed)
        generator.set(level: level)
        var samples = [Int16](repeating: 0, count: count)
        var output = samples.mutableSpan
        generator.fill(&output)
        return samples
    }

    private func parse(_ octets: [UInt8]) -> ComfortNoise? { ComfortNoise(parsing: octets.span.bytes) }

    @Test("The first octet is the level, what follows is the model; an empty payload is none")
    func payload() {
        #expect(parse([]) == nil)
        #expect(parse([0])?.level == 0)
        let noise = parse([0xC8, 127, 3])
        #expect(noise?.level == 72 && noise?.modelOrder == 2)
    }

    @Test("The noise has the level that was told, to 1 dB", arguments: [30, 36, 45, 55, 65, 75] as [UInt8])
    func level(level: UInt8) {
        let rms = CodecSignals.level(noise(level: level).dropFirst(2_000))
        let decibels = 20 * log10(rms / 32_768)
        #expect(abs(decibels + Double(level)) < 1)
    }

    @Test("No packet makes it louder than −30 dBov, and −127 dBov is silence")
    func limits() {
        #expect(firstDifference(noise(level: 0), noise(level: ComfortNoiseGenerator.loudest)) == nil)
        #expect(noise(level: 127).allSatisfy { $0 == 0 })
        #expect(firstDifference(noise(level: 255), noise(level: 127)) == nil)
    }

    @Test("It is soft: the upper half of the band is at least 6 dB below the lower half, and no tone stands out")
    func colour() {
        let samples = noise(level: 30).dropFirst(2_000)
        func band(_ range: ClosedRange<Double>) -> Double {
            stride(from: range.lowerBound, through: range.upperBound, by: 50).reduce(0) {
                $0 + pow(CodecSignals.amplitude(of: $1, in: samples, rate: 8_000), 2)
            }
        }
        #expect(band(2_100...3_900) * 4 < band(100...1_900))
        #expect(abs(samples.reduce(0) { $0 + Double($1) } / Double(samples.count)) < 30)
    }

    @Test("The same seed makes the same noise, another seed another")
    func seeds() {
        #expect(firstDifference(noise(level: 40, seed: 4), noise(level: 40, seed: 4)) == nil)
        #expect(firstDifference(noise(level: 40, seed: 4), noise(level: 40, seed: 5)) != nil)
    }

    @Test("A change of level is spread over 1,024 samples")
    func ramp() {
        var generator = ComfortNoiseGenerator(seed: 9)
        var samples = [Int16](repeating: 0, count: 4_096)
        var output = samples.mutableSpan
        generator.fill(&output)
        #expect(samples.allSatisfy { $0 == 0 })
        generator.set(level: 30)
        output = samples.mutableSpan
        generator.fill(&output)
        #expect(CodecSignals.level(samples.prefix(100)) * 4 < CodecSignals.level(samples.suffix(2_000)))
    }
}
