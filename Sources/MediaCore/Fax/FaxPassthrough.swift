/// Tells a leg that carries fax or modem tones as G.711: from then on nothing of it may be transcoded, concealed,
/// corrected for drift or taken as silence, since a modem hears what people do not (ITU-T V.152).
///
/// Three signs, any of which is enough: the session description says voice-band data, a telephone event of
/// RFC 4734 names a fax or modem tone, or the tone itself is in the audio. Once seen it holds for the call, as
/// the tone stands only at its beginning.
public struct FaxPassthrough: Sendable {
    /// How it became known.
    public enum Sign: UInt8, Sendable {
        /// `a=gpmd:… vbd=yes` (V.152) or the like: the caller reads session descriptions.
        case signalled
        /// An event of RFC 4734.
        case event
        /// A tone of 2,100 Hz (CED, ANS) or 1,100 Hz (CNG) in the audio.
        case tone
    }

    /// The first sign; nil while the leg is speech as far as anyone can tell.
    public private(set) var sign: Sign?

    private var answer = ToneRun(tone: .answer)
    private var calling = ToneRun(tone: .calling)

    /// A leg of speech.
    public init() {}

    /// True where nothing may touch a sample of this leg.
    public var isActive: Bool { sign != nil }

    /// The session description says that this leg is voice-band data.
    public mutating func noteSignalled() { note(.signalled) }

    /// A telephone event (RFC 4733 §2.3.1): RFC 4734 has the answer tones in 32 to 35, CNG in 36, and V.21 tones of fax
    /// in 37 to 40.
    public mutating func note(event code: UInt8) {
        if (32...40).contains(code) { note(.event) }
    }

    /// Audio at 8 kHz in order: about three operations a sample, and none once it is known. Feed what was received, as it
    /// was received.
    public mutating func note(samples: Span<Int16>) {
        guard sign == nil else { return }
        for index in samples.indices {
            answer.feed(samples[index])
            calling.feed(samples[index])
        }
        if answer.isFound || calling.isFound { note(.tone) }
    }

    private mutating func note(_ new: Sign) {
        if sign == nil { sign = new }
    }
}

/// A tone of fax that is looked for.
private struct FaxTone {
    /// 2·cos(2πf/8000).
    let coefficient: Double
    /// Blocks of 20 ms in a row that make it sure.
    let blocks: Int

    /// CED of T.30 and ANS of V.25: 2,100 Hz, at least 2.6 s; 300 ms are enough to tell.
    static let answer = FaxTone(coefficient: -0.156_918_191, blocks: 15)
    /// CNG of T.30: 1,100 Hz, 0.5 s on.
    static let calling = FaxTone(coefficient: 1.298_896_097, blocks: 20)
}

/// Goertzel's filter over blocks of 20 ms: nine tenths of the energy in one bin of 50 Hz, block after block, is no
/// voice.
private struct ToneRun {
    let tone: FaxTone
    private(set) var isFound = false
    private var delays = (one: 0.0, two: 0.0)
    private var energy = 0.0
    private var count = 0
    private var run = 0

    init(tone: FaxTone) { self.tone = tone }

    mutating func feed(_ sample: Int16) {
        let value = Double(sample)
        let next = value + tone.coefficient * delays.one - delays.two
        delays = (next, delays.one)
        energy += value * value
        count += 1
        guard count == 160 else { return }
        // A pure tone in the middle of the bin: power = energy · n / 2.
        let power = delays.one * delays.one + delays.two * delays.two - tone.coefficient * delays.one * delays.two
        let isTone = energy > 160 * 10_000 && power > 0.9 * energy * 80
        run = isTone ? run + 1 : 0
        if run >= tone.blocks { isFound = true }
        delays = (0, 0)
        energy = 0
        count = 0
    }
}
