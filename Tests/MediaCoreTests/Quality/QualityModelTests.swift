import MediaCore
import Testing

@Suite("MOS by the simplified E-model, ITU-T G.107")
struct QualityModelTests {
    @Test(
        "Known points of the curve from R to MOS, clamped to 1.0…4.4",
        arguments: [
            (93.2, 4.4), (90, 4.339), (80, 4.024), (70, 3.597), (60, 3.1), (50, 2.575), (0, 1), (-40, 1), (120, 4.4),
        ])
    func knownScores(rating: Double, expected: Double) {
        #expect(abs(QualityModel.score(rating: rating, scale: .narrowband) - expected) < 0.002)
    }

    @Test("Without loss and delay G.711 has the best rating there is, and a score of 4.4")
    func best() {
        let rating = QualityModel.rating(
            lossFraction: 0, burstRatio: 1, oneWayDelayMilliseconds: 0, codec: .g711Concealed)
        #expect(rating == 93.2)
        #expect(
            QualityModel.mos(lossFraction: 0, jitterMicroseconds: 0, roundTripMicroseconds: nil, kind: .muLaw) == 4.4)
    }

    @Test(
        "Ie,eff of G.711 follows G.107 §7.5 with the Bpl of G.113",
        arguments: [(0.01, 3.64), (0.02, 7.011), (0.05, 15.781), (0.10, 27.066)])
    func lossImpairment(loss: Double, expected: Double) {
        let rating = QualityModel.rating(
            lossFraction: loss, burstRatio: 1, oneWayDelayMilliseconds: 0, codec: .g711Concealed)
        #expect(abs(93.2 - rating - expected) < 0.002)
    }

    @Test("Delay costs little up to 177.3 ms and more beyond", arguments: [(100, 2.4), (177.3, 4.2552), (400, 34.097)])
    func delayImpairment(milliseconds: Double, expected: Double) {
        let rating = QualityModel.rating(
            lossFraction: 0, burstRatio: 1, oneWayDelayMilliseconds: milliseconds, codec: .g711Concealed)
        #expect(abs(93.2 - rating - expected) < 0.001)
    }

    @Test("The delay of a leg is half its round trip and twice its jitter")
    func delay() {
        #expect(QualityModel.oneWayDelay(roundTripMicroseconds: 100_000, jitterMicroseconds: 10_000) == 70)
        #expect(QualityModel.oneWayDelay(roundTripMicroseconds: nil, jitterMicroseconds: 10_000) == 20)
    }

    static let kinds: [PayloadKind] = [.muLaw, .aLaw, .g722, .opus, .unknown]

    @Test("More loss, more delay or more jitter never give a better score; all lie in 1.0…4.4", arguments: kinds)
    func monotonic(kind: PayloadKind) {
        var falls = 0
        var isMonotonic = true
        for burst in [1.0, 2, 5] {
            for roundTrip in stride(from: 0, through: 2_000_000, by: 200_000) as StrideThrough<UInt64> {
                var previous = 5.0
                for step in 0...200 {
                    let score = QualityModel.mos(
                        lossFraction: Double(step) / 200, burstRatio: burst, jitterMicroseconds: 0,
                        roundTripMicroseconds: roundTrip, kind: kind)
                    isMonotonic = isMonotonic && score <= previous && QualityModel.scores.contains(score)
                    if score < previous { falls += 1 }
                    previous = score
                }
            }
            for loss in [0, 0.01, 0.1] {
                var previous = 5.0
                for jitter in stride(from: 0, through: 500_000, by: 5_000) as StrideThrough<UInt64> {
                    let score = QualityModel.mos(
                        lossFraction: loss, burstRatio: burst, jitterMicroseconds: jitter,
                        roundTripMicroseconds: 100_000, kind: kind)
                    isMonotonic = isMonotonic && score <= previous && QualityModel.scores.contains(score)
                    previous = score
                }
            }
        }
        #expect(isMonotonic && falls > 100)
    }

    @Test("Losses in bursts are worse than the same losses one by one")
    func bursts() {
        func score(_ burst: Double) -> Double {
            QualityModel.mos(
                lossFraction: 0.05, burstRatio: burst, jitterMicroseconds: 0, roundTripMicroseconds: nil, kind: .aLaw)
        }
        #expect(score(1) > score(2) && score(2) > score(8) && score(8) == score(1_000))
        #expect(QualityModel.burstRatio(lost: 10, runs: 10, expected: 1_000) == 1)
        #expect(abs(QualityModel.burstRatio(lost: 40, runs: 10, expected: 1_000) - 3.84) < 1e-9)
        #expect(QualityModel.burstRatio(lost: 0, runs: 0, expected: 0) == 1)
        #expect(QualityModel.burstRatio(lost: .max, runs: 1, expected: 5) == 1)
    }

    @Test("Each band is measured against its own best: wideband codecs without fault come near to the top")
    func wideband() {
        for kind in [.g722, .opus] as [PayloadKind] {
            let score = QualityModel.mos(
                lossFraction: 0, jitterMicroseconds: 0, roundTripMicroseconds: nil, kind: kind)
            #expect((4.3...4.4).contains(score))
        }
        // G.107.1: R = 129 − 13, over 1.29.
        #expect(abs(QualityModel.score(rating: 116, scale: .wideband) - 4.337) < 0.002)
    }

    @Test(
        "No input makes a score that is none",
        arguments: [Double.nan, .infinity, -.infinity, -1, 2, 1e300])
    func hostile(value: Double) {
        let scores = [
            QualityModel.mos(
                lossFraction: value, burstRatio: value, jitterMicroseconds: .max, roundTripMicroseconds: .max,
                kind: .g722),
            QualityModel.mos(
                lossFraction: 0, burstRatio: value, jitterMicroseconds: 0, roundTripMicroseconds: 0, kind: .opus),
            QualityModel.score(rating: value, scale: .wideband),
        ]
        for score in scores { #expect(QualityModel.scores.contains(score)) }
    }
}
