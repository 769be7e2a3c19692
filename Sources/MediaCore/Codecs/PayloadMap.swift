/// What a payload type carries, as far as the recorder understands it.
public enum PayloadKind: UInt8, Sendable {
    /// G.711 µ-law, 8 kHz: PCMU of RFC 3551 §4.5.14.
    case muLaw
    /// G.711 A-law, 8 kHz: PCMA of RFC 3551 §4.5.14.
    case aLaw
    /// Named telephone events: digits (RFC 4733 §2). Reported, never heard as loss.
    case telephoneEvent
    /// Comfort noise (RFC 3389): a timed pause.
    case comfortNoise
    /// Anything else: counted, its time is silence, the call goes on.
    case unknown
}

/// The payload types of a leg: 128 entries, built from the offer and replaced whole by a re-offer.
public struct PayloadMap: Sendable, Equatable {
    private var kinds: [PayloadKind]

    /// The static types of RFC 3551 table 4: they hold even where an offer does not list them, because some peers
    /// switch between the two laws without asking.
    public init() {
        kinds = Array(repeating: .unknown, count: 128)
        kinds[0] = .muLaw
        kinds[8] = .aLaw
        kinds[13] = .comfortNoise
    }

    /// Payload types above 127 do not exist; they read as unknown and are not stored.
    public subscript(payloadType: UInt8) -> PayloadKind {
        get { kinds[Int(payloadType & 0x7F)] }
        set { if payloadType < 128 { kinds[Int(payloadType)] = newValue } }
    }

    /// Enters a payload type by its encoding name (`a=rtpmap`, RFC 8866 §6.6), case ignored. Only 8 kHz audio is
    /// understood; another clock rate stays unknown.
    public mutating func map(_ payloadType: UInt8, encoding: String, clockRate: UInt32) {
        let name = encoding.lowercased()
        self[payloadType] =
            switch (name, clockRate) {
            case ("pcmu", 8000): .muLaw
            case ("pcma", 8000): .aLaw
            case ("telephone-event", 8000): .telephoneEvent
            case ("cn", 8000): .comfortNoise
            default: .unknown
            }
    }
}
