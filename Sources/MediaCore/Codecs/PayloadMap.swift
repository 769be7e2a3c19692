/// What a payload type carries, as far as the recorder understands it.
public enum PayloadKind: UInt8, Sendable {
    /// G.711 µ-law, 8 kHz: PCMU of RFC 3551 §4.5.14.
    case muLaw
    /// G.711 A-law, 8 kHz: PCMA of RFC 3551 §4.5.14.
    case aLaw
    /// G.722 at 64 kbit/s: 16 kHz audio with an RTP clock of 8 kHz, an old error that RFC 3551 §4.5.2 keeps.
    case g722
    /// Opus: an RTP clock of 48 kHz whatever its audio is (RFC 7587 §4.1).
    case opus
    /// Named telephone events: digits (RFC 4733 §2). Reported, never heard as loss.
    case telephoneEvent
    /// Comfort noise (RFC 3389): a timed pause that sounds.
    case comfortNoise
    /// Anything else: kept verbatim where the leg's format has payloads, otherwise counted, and its time is silence.
    case unknown
}

/// The payload types of a leg, built from the offer and replaced whole by a re-offer.
///
/// A few entries in order of entry; copying it copies a reference. A media worker looks a type up only when it differs
/// from that of the packet before.
public struct PayloadMap: Sendable, Equatable {
    /// What two payload types have in common when they carry the same codec: the encoding name in capitals and the
    /// RTP clock. Payload types of the two directions of a bridge are matched by it.
    public struct Encoding: Hashable, Sendable {
        /// `PCMU`, `OPUS`, …; empty for a type nobody knows.
        public var name: String
        /// Hertz.
        public var clockRate: UInt32

        /// Makes a key; `name` is compared without regard to case.
        public init(name: String, clockRate: UInt32) {
            self.name = name.uppercased()
            self.clockRate = clockRate
        }
    }

    private struct Entry: Sendable, Equatable {
        var payloadType: UInt8
        var kind: PayloadKind
        var encoding: Encoding
    }

    private var entries: [Entry] = []

    /// The static types of RFC 3551 table 4: they hold even where an offer does not list them, because some peers
    /// switch between the two laws without asking.
    public init() {}

    /// What `payloadType` carries. Payload types above 127 do not exist; they read as unknown.
    public subscript(payloadType: UInt8) -> PayloadKind {
        for entry in entries where entry.payloadType == payloadType { return entry.kind }
        return switch payloadType {
        case 0: .muLaw
        case 8: .aLaw
        case 9: .g722
        case 13: .comfortNoise
        default: .unknown
        }
    }

    /// Enters a payload type by its encoding name (`a=rtpmap`, RFC 8866 §6.6), case ignored, in place of what it was
    /// before. A codec at a clock that it does not have is unknown, and its clock is kept. Types above 127 are ignored.
    public mutating func map(_ payloadType: UInt8, encoding: String, clockRate: UInt32) {
        guard payloadType < 128 else { return }
        let key = Encoding(name: encoding, clockRate: clockRate)
        let kind: PayloadKind =
            switch (key.name, clockRate) {
            case ("PCMU", 8_000): .muLaw
            case ("PCMA", 8_000): .aLaw
            case ("G722", 8_000): .g722
            case ("OPUS", 48_000): .opus
            // RFC 4733 §2.1 and RFC 7160: events have the clock of the audio that they stand in.
            case ("TELEPHONE-EVENT", 1...): .telephoneEvent
            case ("CN", 1...): .comfortNoise
            default: .unknown
            }
        entries.removeAll { $0.payloadType == payloadType }
        entries.append(Entry(payloadType: payloadType, kind: kind, encoding: key))
    }

    /// The RTP clock of `payloadType` in hertz, never zero; 8,000 where it is not known.
    public func clockRate(_ payloadType: UInt8) -> UInt32 {
        let rate = encoding(payloadType).clockRate
        return rate == 0 ? 8_000 : rate
    }

    /// True when ``map(_:encoding:clockRate:)`` entered it; false for what only the table of static types says.
    public func isNegotiated(_ payloadType: UInt8) -> Bool {
        entries.contains { $0.payloadType == payloadType }
    }

    /// The codec of `payloadType` as a key, so that two maps can be compared.
    public func encoding(_ payloadType: UInt8) -> Encoding {
        for entry in entries where entry.payloadType == payloadType { return entry.encoding }
        return Self.staticEncoding(payloadType)
    }

    /// The audio types of RFC 3551 table 4.
    private static func staticEncoding(_ payloadType: UInt8) -> Encoding {
        switch payloadType {
        case 0: Encoding(name: "PCMU", clockRate: 8_000)
        case 3: Encoding(name: "GSM", clockRate: 8_000)
        case 4: Encoding(name: "G723", clockRate: 8_000)
        case 5: Encoding(name: "DVI4", clockRate: 8_000)
        case 6: Encoding(name: "DVI4", clockRate: 16_000)
        case 7: Encoding(name: "LPC", clockRate: 8_000)
        case 8: Encoding(name: "PCMA", clockRate: 8_000)
        case 9: Encoding(name: "G722", clockRate: 8_000)
        case 10, 11: Encoding(name: "L16", clockRate: 44_100)
        case 12: Encoding(name: "QCELP", clockRate: 8_000)
        case 13: Encoding(name: "CN", clockRate: 8_000)
        case 14: Encoding(name: "MPA", clockRate: 90_000)
        case 15: Encoding(name: "G728", clockRate: 8_000)
        case 16: Encoding(name: "DVI4", clockRate: 11_025)
        case 17: Encoding(name: "DVI4", clockRate: 22_050)
        case 18: Encoding(name: "G729", clockRate: 8_000)
        default: Encoding(name: "", clockRate: 8_000)
        }
    }
}
