import Foundation
import MediaCore

/// Signals for the codec tests, and what is measured of them.
enum CodecSignals {
    /// A sine of `amplitude` (peak).
    static func sine(_ frequency: Double, rate: Int, count: Int, amplitude: Double = 10_000) -> [Int16] {
        (0..<count).map { Int16((amplitude * sin(2 * .pi * frequency * Double($0) / Double(rate))).rounded()) }
    }

    /// A sine that glides from one frequency to another.
    static func sweep(from low: Double, to high: Double, rate: Int, count: Int, amplitude: Double = 8_000) -> [Int16] {
        (0..<count).map { index in
            let time = Double(index) / Double(rate)
            let slope = (high - low) * Double(rate) / Double(count)
            return Int16((amplitude * sin(2 * .pi * (low * time + slope * time * time / 2))).rounded())
        }
    }

    /// Like a sung vowel: all harmonics of `pitch` below 3.4 kHz, two formants, no change over time.
    static func vowel(pitch: Double, rate: Int, count: Int, peak: Double = 9_000) -> [Int16] {
        var samples = [Double](repeating: 0, count: count)
        var number = 1.0
        while number * pitch < 3_400 {
            let frequency = number * pitch
            let gain = exp(-pow((frequency - 600) / 400, 2)) + 0.4 * exp(-pow((frequency - 1_700) / 500, 2)) + 0.02
            for index in samples.indices {
                samples[index] += gain * cos(2 * .pi * frequency * Double(index) / Double(rate) + number * number)
            }
            number += 1
        }
        let largest = samples.map(abs).max() ?? 1
        return samples.map { Int16(($0 / largest * peak).rounded()) }
    }

    /// White noise from a seed.
    static func noise(seed: UInt64, count: Int, peak: Int16) -> [Int16] {
        var generator = CodecGenerator(seed: seed)
        return (0..<count).map { _ in Int16.random(in: -peak...peak, using: &generator) }
    }

    /// Signal to noise ratio in dB, `output` lying `delay` samples behind `input`.
    static func signalToNoise(_ input: some Collection<Int16>, _ output: some Collection<Int16>, delay: Int = 0)
        -> Double
    {
        var signal = 0.0
        var noise = 1e-9
        for (wanted, got) in zip(input, output.dropFirst(delay)) {
            signal += Double(wanted) * Double(wanted)
            noise += pow(Double(wanted) - Double(got), 2)
        }
        return 10 * log10(signal / noise)
    }

    /// The ratio above over pieces of 20 ms at 16 kHz that are not silent, averaged in dB: what speech is judged by.
    static func segmentalSignalToNoise(_ input: [Int16], _ output: [Int16], delay: Int) -> Double {
        var sum = 0.0
        var count = 0.0
        for start in stride(from: 0, to: min(input.count, output.count - delay) - 320, by: 320) {
            let wanted = input[start..<(start + 320)]
            guard level(wanted) > 200 else { continue }
            sum += max(-10, min(45, signalToNoise(wanted, output[(start + delay)..<(start + delay + 320)])))
            count += 1
        }
        return sum / max(1, count)
    }

    /// Root mean square.
    static func level(_ samples: some Collection<Int16>) -> Double {
        (samples.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(max(1, samples.count))).squareRoot()
    }

    /// Amplitude (peak) of one frequency in `samples` (Goertzel's algorithm), weighted with a Hann window.
    static func amplitude(of frequency: Double, in samples: some Collection<Int16>, rate: Int) -> Double {
        let turn = 2 * cos(2 * .pi * frequency / Double(rate))
        var last = 0.0
        var before = 0.0
        for (index, sample) in samples.enumerated() {
            let window = 1 - cos(2 * .pi * Double(index) / Double(samples.count))
            (last, before) = (Double(sample) * window + turn * last - before, last)
        }
        return (last * last + before * before - turn * last * before).squareRoot() * 2 / Double(samples.count)
    }

    /// The largest step from one sample to the next.
    static func largestStep(_ samples: some Collection<Int16>) -> Int {
        zip(samples, samples.dropFirst()).reduce(0) { max($0, abs(Int($1.1) - Int($1.0))) }
    }

    /// Samples of a 16-bit mono WAV file of the shared test data; nil, with a message, where it is absent.
    static func speech(_ path: String) -> [Int16]? {
        guard let octets = SharedTestData.read("speech/" + path) else { return nil }
        var position = 12
        while position + 8 <= octets.count {
            let size = (0..<4).reduce(0) { $0 | Int(octets[position + 4 + $1]) << (8 * $1) }
            let body = (position + 8)..<min(octets.count, position + 8 + size)
            if octets[position..<(position + 4)].elementsEqual("data".utf8) {
                return stride(from: body.lowerBound, to: body.upperBound - 1, by: 2).map {
                    Int16(bitPattern: UInt16(octets[$0]) | UInt16(octets[$0 + 1]) << 8)
                }
            }
            position = body.upperBound + size % 2
        }
        return nil
    }
}

/// SplitMix64: the same packets and noises in every run.
struct CodecGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
