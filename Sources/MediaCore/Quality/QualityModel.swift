/// A mean opinion score from what a leg measured: the E-model of ITU-T G.107, simplified.
///
/// R = 93.2 − Id − Ie,eff, with every other input at its default (G.107 §7.7), and without the advantage factor.
///
/// - Id, the impairment of delay, is 0.024·d + 0.11·(d − 177.3 where d is larger), d in ms: the straight lines that
///   Cole and Rosenbluth (2001) fitted to G.107 §7.4. Echo is taken as cancelled.
/// - d, one way, is half the round trip plus the play-out buffer, taken as twice the jitter. Where the round trip is
///   not known, only the buffer counts.
/// - Ie,eff = Ie + (95 − Ie)·Ppl / (Ppl/BurstR + Bpl), Ppl in percent (G.107 §7.5).
///
/// G.722 and Opus are rated on the wideband scale, R = 129 − Id − Ie,eff with Ie,wb (G.107.1), and divided by 1.29 before
/// the score is taken, so each is measured against the best that its own band allows: scores compare within a band
/// and not across. Everything is clamped to 1.0…4.4. This estimates; nobody has listened.
public enum QualityModel: Sendable {
    /// The range of every score.
    public static let scores: ClosedRange<Double> = 1.0...4.4

    /// The score of a leg, 1.0 to 4.4.
    ///
    /// - Parameters:
    ///   - lossFraction: packets lost or too late over packets expected, 0 to 1.
    ///   - burstRatio: see ``burstRatio(lost:runs:expected:)``; 1 where losses come one by one.
    ///   - jitterMicroseconds: interarrival jitter (RFC 3550 §6.4.1).
    ///   - roundTripMicroseconds: nil where it was never measured.
    ///   - kind: the leg's codec.
    public static func mos(
        lossFraction: Double, burstRatio: Double = 1, jitterMicroseconds: UInt64, roundTripMicroseconds: UInt64?,
        kind: PayloadKind
    ) -> Double {
        let codec = CodecImpairment(kind)
        let delay = oneWayDelay(
            roundTripMicroseconds: roundTripMicroseconds, jitterMicroseconds: jitterMicroseconds)
        let rating = rating(
            lossFraction: lossFraction, burstRatio: burstRatio, oneWayDelayMilliseconds: delay, codec: codec)
        return score(rating: rating, scale: codec.scale)
    }

    /// R on the codec's own scale; may be negative.
    public static func rating(
        lossFraction: Double, burstRatio: Double, oneWayDelayMilliseconds: Double, codec: CodecImpairment
    ) -> Double {
        let best =
            switch codec.scale {
            case .narrowband: 93.2
            case .wideband: 129.0
            }
        // G.107 table 3 bounds BurstR to 1…8. What is no number is the worst.
        let burst = burstRatio >= 1 ? min(burstRatio, 8) : burstRatio.isNaN ? 8 : 1
        let percent = (lossFraction >= 0 ? min(lossFraction, 1) : lossFraction.isNaN ? 1 : 0) * 100
        let loss = (95 - codec.equipment) * percent / (percent / burst + codec.robustness)
        return best - delayImpairment(milliseconds: oneWayDelayMilliseconds) - codec.equipment - loss
    }

    /// Half the round trip plus a play-out buffer of twice the jitter, milliseconds.
    public static func oneWayDelay(roundTripMicroseconds: UInt64?, jitterMicroseconds: UInt64) -> Double {
        Double(roundTripMicroseconds ?? 0) / 2_000 + Double(jitterMicroseconds) * 2 / 1_000
    }

    /// The score of a rating, G.107 Annex B: 1 + 0.035 R + R (R − 60)(100 − R)·7·10⁻⁶, clamped to 1.0…4.4.
    public static func score(rating: Double, scale: CodecImpairment.Scale) -> Double {
        let onNarrowband =
            switch scale {
            case .narrowband: rating
            case .wideband: rating / 1.29
            }
        // Below 6.5 the curve dips under 1 and would not be monotonic.
        guard onNarrowband > 6.5 else { return scores.lowerBound }
        let r = min(onNarrowband, 100)
        let score = 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6
        return min(max(score, scores.lowerBound), scores.upperBound)
    }

    /// BurstR of G.107 §7.5: the mean length of runs of lost packets over what it would be if losses were random.
    /// 1 where nothing is known.
    public static func burstRatio(lost: UInt64, runs: UInt64, expected: UInt64) -> Double {
        guard lost > 0, runs > 0, runs <= lost, lost < expected else { return 1 }
        let mean = Double(lost) / Double(runs)
        return min(max(mean * (1 - Double(lost) / Double(expected)), 1), 8)
    }

    private static func delayImpairment(milliseconds: Double) -> Double {
        // Ten seconds are beyond all use already, and keep the arithmetic finite.
        let delay = milliseconds >= 0 ? min(milliseconds, 10_000) : milliseconds.isNaN ? 10_000 : 0
        return 0.024 * delay + (delay > 177.3 ? 0.11 * (delay - 177.3) : 0)
    }
}
