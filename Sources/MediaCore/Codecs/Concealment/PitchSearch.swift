/// Finds the pitch period at the end of a signal: the lag, 5 to 15 ms, at which the last 10 ms resemble what came
/// before them most. A coarse search at 4 kHz, then a fine one around its best.
struct PitchSearch {
    /// What was found.
    struct Pitch {
        /// Samples.
        var period: Int
        /// The signal resembles itself one period before: the normalised correlation is at least one half.
        var isVoiced: Bool
    }

    private let step: Int
    private let shortest: Int
    private let longest: Int
    private let window: Int

    /// For 8 to 16 kHz.
    init(sampleRate: Int) {
        step = max(1, sampleRate / 4_000)
        shortest = sampleRate / 200
        longest = sampleRate * 3 / 200
        window = sampleRate / 100
    }

    /// Nil where there are less than 25 ms of samples, or nothing but silence.
    func measure(_ samples: Span<Int16>) -> Pitch? {
        let count = samples.count
        guard count <= 780, count >= longest + shortest * 2 else { return nil }
        // Index 0 is the newest. Sums of `step` samples: a low-pass filter good enough for a first guess.
        var coarse = InlineArray<195, Float>(repeating: 0)
        let coarseCount = min(195, count / step)
        for index in 0..<coarseCount {
            var sum: Float = 0
            for part in 0..<step { sum += Float(samples[count - 1 - index * step - part]) }
            coarse[index] = sum
        }
        let window = min(window, count - longest)
        var scores = InlineArray<64, Float>(repeating: 0)
        var best: Float = 0
        let lags = (shortest / step)...min(63, longest / step)
        for lag in lags {
            scores[lag] = Self.score(coarse.span, lag: lag, window: min(window / step, coarseCount - lag))
            best = max(best, scores[lag])
        }
        guard best > 0 else { return soundless(samples) }

        // Multiples of the period resemble almost as well, and one of them may be nearer to a whole number of samples.
        var found: (lag: Int, score: Float, likeness: Float) = (longest, -1, 0)
        for lag in lags where scores[lag] >= best * 0.8 {
            let neighbours = max(lag - 1, lags.lowerBound)...min(lag + 1, lags.upperBound)
            guard neighbours.allSatisfy({ scores[$0] <= scores[lag] }) else { continue }
            for fine in max(shortest, (lag - 1) * step + 1)...min(longest, (lag + 1) * step - 1) {
                let (score, likeness) = Self.resemblance(samples, lag: fine, window: window)
                if score > found.score { found = (fine, score, likeness) }
            }
        }
        // The likeness is squared: a quarter is a correlation of one half.
        return Pitch(period: found.lag, isVoiced: found.likeness >= 0.25)
    }

    /// The squared correlation with what lies `lag` before, over the energy of that.
    private static func score(_ newestFirst: Span<Float>, lag: Int, window: Int) -> Float {
        var correlation: Float = 0
        var energy: Float = 1
        for index in 0..<max(0, window) {
            let earlier = newestFirst[index + lag]
            correlation += newestFirst[index] * earlier
            energy += earlier * earlier
        }
        return correlation > 0 ? correlation * correlation / energy : 0
    }

    /// The same at full rate, and the share of the energy that it explains.
    private static func resemblance(
        _ samples: Span<Int16>, lag: Int, window: Int
    ) -> (score: Float, likeness: Float) {
        var correlation: Float = 0
        var energy: Float = 1
        var own: Float = 1
        for index in (samples.count - window)..<samples.count {
            let now = Float(samples[index])
            let earlier = Float(samples[index - lag])
            correlation += now * earlier
            energy += earlier * earlier
            own += now * now
        }
        let score = correlation > 0 ? correlation * correlation / energy : 0
        return (score, score / own)
    }

    /// Nothing resembles anything: noise, of which the longest piece is repeated, or silence.
    private func soundless(_ samples: Span<Int16>) -> Pitch? {
        for index in (samples.count - window / 2)..<samples.count where samples[index] != 0 {
            return Pitch(period: longest, isVoiced: false)
        }
        return nil
    }
}
