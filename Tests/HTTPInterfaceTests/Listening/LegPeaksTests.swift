import StreamSink
import Testing

@testable import HTTPInterface

@Suite("Loudness and gaps")
struct LegPeaksTests {
    @Test("Each 50 ms has its loudest sample, and holes are told")
    func peaks() {
        var peaks = LegPeaks(origin: 1000, length: 500)
        var samples = [Int16](repeating: 0, count: 800)
        samples[10] = -32768
        samples[450] = 1280
        peaks.add(PlacedSamples(originMilliseconds: 1000, position: 0, rate: 8000, samples: samples))
        peaks.add(
            PlacedSamples(
                originMilliseconds: 1000, position: 2400, rate: 8000, samples: [Int16](repeating: 12800, count: 400)))
        #expect(peaks.knownMilliseconds == 350)
        #expect(
            peaks.json(from: 60_000).text == #"{"peaks":"ff0a0000000064","gaps":[[60100,60300]]}"#)
    }

    @Test("What lies outside of the range changes nothing")
    func outside() {
        var peaks = LegPeaks(origin: 1000, length: 100)
        peaks.add(
            PlacedSamples(
                originMilliseconds: 0, position: 0, rate: 8000, samples: [Int16](repeating: .max, count: 400)))
        peaks.add(
            PlacedSamples(
                originMilliseconds: 5000, position: 0, rate: 8000, samples: [Int16](repeating: .max, count: 400)))
        #expect(peaks.isFull)
        #expect(peaks.json(from: 0).text == #"{"peaks":"0000","gaps":[[0,100]]}"#)
    }
}
