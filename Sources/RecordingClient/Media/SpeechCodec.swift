import MediaCore
import SDP

/// What the client sends: the two laws of G.711 (RFC 3551 §4.5.14) and G.722 (§4.5.2). Each is 8 octets a millisecond,
/// under an RTP clock of 8,000 Hz, so that ticks, octets and samples of an 8 kHz voice are one number.
public enum SpeechCodec: String, Sendable, CaseIterable {
    /// µ-law, payload type 0.
    case pcmu
    /// A-law, payload type 8.
    case pcma
    /// 16 kHz at 64 kbit/s, payload type 9.
    case g722

    /// The format as SDP writes it.
    public var format: PayloadFormat {
        switch self {
        case .pcmu: .pcmu
        case .pcma: .pcma
        case .g722: PayloadFormat(payloadType: 9, encodingName: "G722")
        }
    }

    /// The number of RFC 3551 table 4.
    var payloadType: UInt8 {
        switch self {
        case .pcmu: 0
        case .pcma: 8
        case .g722: 9
        }
    }

    /// Encodes 8 kHz samples, one octet each. G.722 hears them at 16 kHz, with nothing above 4 kHz.
    func encode(_ samples: [Int16]) -> [UInt8] {
        switch self {
        case .pcmu: return samples.map { G711.compressMuLaw($0) }
        case .pcma: return samples.map { G711.compressALaw($0) }
        case .g722:
            var wide = [Int16](repeating: 0, count: samples.count * 2)
            var interpolator = Interpolator()
            var span = wide.mutableSpan
            _ = interpolator.process(samples.span, into: &span)
            var octets = [UInt8](repeating: 0, count: samples.count)
            var encoder = G722Encoder()
            var output = octets.mutableSpan
            _ = encoder.encode(wide.span, into: &output)
            return octets
        }
    }
}
