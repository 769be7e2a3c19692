/// What a codec costs in the E-model: ITU-T G.107 §7.5 and, for wideband, G.107.1.
public struct CodecImpairment: Sendable, Equatable {
    /// The scale that the values belong to. They must not be mixed.
    public enum Scale: Sendable, Equatable {
        /// G.107: R up to 93.2, telephone band.
        case narrowband
        /// G.107.1: R up to 129, 50 to 7,000 Hz.
        case wideband
    }

    /// The scale of the two values.
    public var scale: Scale
    /// Ie: the impairment without loss.
    public var equipment: Double
    /// Bpl: robustness to loss; larger is better.
    public var robustness: Double

    /// Makes one.
    public init(scale: Scale, equipment: Double, robustness: Double) {
        self.scale = scale
        self.equipment = equipment
        self.robustness = robustness
    }

    /// G.711 with packet-loss concealment: Ie 0, Bpl 25.1 (G.113 Appendix I, table I.4, random loss).
    public static let g711Concealed = CodecImpairment(scale: .narrowband, equipment: 0, robustness: 25.1)
    /// G.711 whose losses are silence: Ie 0, Bpl 4.3 (G.113 Appendix I, table I.4).
    public static let g711 = CodecImpairment(scale: .narrowband, equipment: 0, robustness: 4.3)
    /// G.722 at 64 kbit/s: Ie,wb 13 (G.113 Appendix IV). Its Bpl is an assumption, that of plain PCM.
    public static let g722 = CodecImpairment(scale: .wideband, equipment: 13, robustness: 4.3)
    /// Opus: no ITU-T values exist. Assumed from Alahmadi, Počta, Melvin, ACM TOMM 17(4) 133, 2021: Ie about 10 at
    /// the bit rates of a call, Bpl about 11 under random loss.
    public static let opus = CodecImpairment(scale: .wideband, equipment: 10, robustness: 11)

    /// The values for a leg of this kind. An unknown codec is judged by its network alone, as G.711 without
    /// concealment.
    public init(_ kind: PayloadKind) {
        switch kind {
        case .muLaw, .aLaw: self = .g711Concealed
        case .g722: self = .g722
        case .opus: self = .opus
        case .telephoneEvent, .comfortNoise, .unknown: self = .g711
        }
    }
}
