/// The end of a signal, repeated for as long as is wanted, without jumps: the generator inside ``Concealer``.
struct RepeatedPitch {
    /// A place in the loop over the last `periods` pitch periods.
    private struct Reader {
        var periods = 1
        var offset = 0
    }

    /// A quarter of the pitch period, the length of every blend. Samples, at least 1.
    private(set) var quarter = 1
    private var history = InlineArray<780, Int16>(repeating: 0)
    private var count = 0
    /// 0: nothing to repeat.
    private var period = 0
    private var reader = Reader()
    private var fading = Reader()
    private var fadeLeft = 0
    /// What the first sample would miss the last one of the history by; taken away over a quarter.
    private var jump: Int32 = 0
    private var jumpLeft = 0

    /// Takes the history over, at most 780 samples of it, and measures its pitch.
    mutating func begin(_ samples: Span<Int16>, sampleRate: Int) {
        let used = samples.extracting(last: 780)
        count = used.count
        for index in used.indices { history[index] = used[index] }
        let pitch = PitchSearch(sampleRate: sampleRate).measure(used)
        period = pitch?.period ?? 0
        quarter = max(1, period / 4)
        reader = Reader()
        fadeLeft = 0
        // What has no pitch (noise, consonants) buzzes least when much of it is repeated.
        if let pitch, !pitch.isVoiced { while fits(reader.periods + 1), reader.periods < 3 { reader.periods += 1 } }
        beginJoint(sampleRate)
    }

    /// Goes over to a longer loop, if the history allows it: one that repeats less often buzzes less.
    mutating func lengthen() {
        guard period > 0, reader.periods < 3, fits(reader.periods + 1) else { return }
        fading = reader
        fadeLeft = quarter
        reader.periods += 1
    }

    /// The next sample, in the range of 16 bits.
    mutating func next() -> Int32 {
        var value = period > 0 ? read(reader, in: history.span) : 0
        if period > 0 { advance(&reader) }
        if fadeLeft > 0 {
            let old = read(fading, in: history.span)
            advance(&fading)
            value += (old - value) * Int32(fadeLeft) / Int32(quarter + 1)
            fadeLeft -= 1
        }
        if jumpLeft > 0 {
            value += jump * Int32(jumpLeft) / Int32(quarter + 1)
            jumpLeft -= 1
        }
        return saturated(value)
    }

    private mutating func beginJoint(_ sampleRate: Int) {
        // Without pitch the last sample alone runs out, over 2.5 ms.
        if period == 0 { quarter = sampleRate / 400 }
        let last = count > 0 ? Int32(history[count - 1]) : 0
        let before = count - reader.periods * period - 1
        jump = period > 0 && before >= 0 ? last - Int32(history[before]) : last
        jumpLeft = quarter
    }

    /// True where the history holds that many periods and the quarter before them.
    private func fits(_ periods: Int) -> Bool { periods * period + quarter <= count }

    /// The last quarter of the loop turns into what lies before its beginning, so that the loop closes.
    @inline(__always)
    private func read(_ reader: Reader, in history: Span<Int16>) -> Int32 {
        let length = reader.periods * period
        let place = count - length + reader.offset
        let value = Int32(history[place])
        let over = reader.offset - (length - quarter)
        guard over >= 0 else { return value }
        return value + (Int32(history[place - length]) - value) * Int32(over + 1) / Int32(quarter + 1)
    }

    private func advance(_ reader: inout Reader) {
        reader.offset += 1
        if reader.offset >= reader.periods * period { reader.offset = 0 }
    }
}
