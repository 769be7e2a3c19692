import MediaCore
import SDP

/// What the client sends: one of the two laws of G.711 (RFC 3551 §4.5.14).
public enum SpeechCodec: String, Sendable, CaseIterable {
    /// µ-law, payload type 0.
    case pcmu
    /// A-law, payload type 8.
    case pcma

    /// The format as SDP writes it.
    public var format: PayloadFormat { self == .pcmu ? .pcmu : .pcma }

    /// The number of RFC 3551 table 4.
    var payloadType: UInt8 { self == .pcmu ? 0 : 8 }

    func compress(_ sample: Int16) -> UInt8 {
        self == .pcmu ? G711.compressMuLaw(sample) : G711.compressALaw(sample)
    }
}
