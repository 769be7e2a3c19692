/// Makes up for lost packets of a codec that cannot do it itself, after the manner of ITU-T G.711 Appendix I: the last
/// pitch period is repeated, after 10 ms the last two, after 20 ms the last three; from 10 ms on it fades, and after
/// 60 ms it is silence.
///
/// Good packets cost nothing: the audio before a gap is handed over when the gap is found. Unlike Appendix I nothing
/// is delayed; the joint at the beginning is smoothed on our side of it.
///
///     concealer.begin(after: history)        // once a gap
///     concealer.conceal(into: &output)       // as often as the gap needs, any length
///     concealer.end(&firstGoodSamples)       // blends the joint; a few milliseconds are changed
///
/// About 1.7 kB, no allocation. Belongs to one leg and one thread.
public struct Concealer: ~Copyable, Sendable {
    /// Samples of history that are used, at `sampleRate`: 48.75 ms, 390 samples of 8 kHz. Less is allowed.
    public static func historyLength(at sampleRate: Int) -> Int { min(capacity, sampleRate / 800 * 39) }

    /// True between ``begin(after:)`` and ``end(_:)``.
    public private(set) var isConcealing = false
    /// Samples made in this gap so far.
    public private(set) var elapsed = 0

    static let capacity = 780
    private let sampleRate: Int
    private var source = RepeatedPitch()

    /// 8 and 16 kHz are meant; other rates are held to that range.
    public init(sampleRate: Int) { self.sampleRate = max(8_000, min(16_000, sampleRate)) }

    /// A gap begins after `history`, the newest audio of the line, oldest sample first; only its last
    /// ``historyLength(at:)`` samples are read. Does nothing while a gap is open.
    public mutating func begin(after history: Span<Int16>) {
        guard !isConcealing else { return }
        isConcealing = true
        elapsed = 0
        source.begin(history.extracting(last: Self.historyLength(at: sampleRate)), sampleRate: sampleRate)
    }

    /// Fills `output`, which follows what was made before. Silence where no gap is open.
    public mutating func conceal(into output: inout MutableSpan<Int16>) {
        for index in output.indices { output[index] = isConcealing ? next() : 0 }
    }

    /// The gap is over: blends the first of `samples`, the good audio that follows it, with what would have come.
    ///
    /// The blend takes a quarter of the pitch period, and 4 ms more for each 10 ms of the gap, 10 ms at most; after a
    /// gap that ended in silence only the quarter, so that little of a word's onset is taken away.
    public mutating func end(_ samples: inout MutableSpan<Int16>) {
        guard isConcealing else { return }
        isConcealing = false
        let tenth = sampleRate / 100
        var length = source.quarter
        if elapsed < tenth * 6 { length += min(tenth, max(0, elapsed / tenth - 1) * (tenth * 4 / 10)) }
        length = min(length, tenth, samples.count)
        for index in 0..<length {
            let weight = Int32((index + 1) * 32_768 / (length + 1))
            let made = Int32(next())
            samples[index] = Int16(
                clamping: (Int32(samples[index]) * weight + made * (32_768 - weight) + 16_384) >> 15)
        }
    }

    /// A new stream begins: what came before is no guide to it.
    public mutating func reset() { isConcealing = false }

    private mutating func next() -> Int16 {
        let tenth = sampleRate / 100
        guard elapsed < tenth * 6 else { return 0 }
        // Full for 10 ms, then a fifth less each 10 ms.
        let gain = elapsed < tenth ? 32_768 : Int32((tenth * 6 - elapsed) * 32_768 / (tenth * 5))
        if elapsed == tenth || elapsed == tenth * 2 { source.lengthen() }
        elapsed += 1
        return Int16(clamping: (source.next() * gain) >> 15)
    }
}
