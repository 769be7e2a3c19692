/// What comes out of a leg's time line.
public struct TimelineFormat: Sendable, Equatable {
    /// Samples a second of the line: the rate of its positions and of its audio. 8,000 or 16,000; anything else is
    /// taken as the nearer of the two.
    public var sampleRate: Int {
        didSet { sampleRate = Self.supported(sampleRate) }
    }
    /// Packets are decoded, and samples come out of ``LegTimeline/drain(_:)``.
    public var audio: Bool
    /// Packets come out of ``LegTimeline/drainPayloads(_:)`` untouched, with their places.
    public var payload: Bool

    /// Audio only, unless said otherwise.
    public init(sampleRate: Int, audio: Bool = true, payload: Bool = false) {
        self.sampleRate = Self.supported(sampleRate)
        self.audio = audio
        self.payload = payload
    }

    private static func supported(_ rate: Int) -> Int { rate > 12_000 ? 16_000 : 8_000 }

    /// 8 kHz audio.
    public static let narrowband = TimelineFormat(sampleRate: 8_000)
    /// 16 kHz audio.
    public static let wideband = TimelineFormat(sampleRate: 16_000)
    /// The packets themselves, on a line of 8 kHz.
    public static let verbatim = TimelineFormat(sampleRate: 8_000, audio: false, payload: true)
    /// Neither: the line is only counted.
    public static let statistics = TimelineFormat(sampleRate: 8_000, audio: false)
}
