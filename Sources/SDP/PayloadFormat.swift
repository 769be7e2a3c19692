/// One RTP payload format of an `m=` line: its number, and what `a=rtpmap` and `a=fmtp` say of it.
public struct PayloadFormat: Sendable, Equatable, CustomStringConvertible {
    /// 0…127.
    public let payloadType: UInt8
    /// As written (`PCMU`, `telephone-event`); empty where neither `a=rtpmap` nor RFC 3551 knows the number.
    public let encodingName: String
    /// Ticks a second of the RTP clock; 8000 where nothing is known.
    public let clockRate: Int
    /// 1 unless `a=rtpmap` says otherwise.
    public let channels: Int
    /// The value of `a=fmtp` after the number, as written.
    public let formatParameters: String?

    /// Makes a format; `payloadType` is 0…127.
    public init(
        payloadType: UInt8, encodingName: String, clockRate: Int = 8000, channels: Int = 1,
        formatParameters: String? = nil
    ) {
        self.payloadType = payloadType
        self.encodingName = encodingName
        self.clockRate = clockRate
        self.channels = channels
        self.formatParameters = formatParameters
    }

    /// Whether the encoding has this name, in any case of letters (RFC 4855 §3).
    public func isEncoding(_ name: String) -> Bool { encodingName.asciiLowercased == name.asciiLowercased }

    /// G.711 µ-law and A-law at 8 kHz mono.
    public var isG711: Bool { (isEncoding("PCMU") || isEncoding("PCMA")) && clockRate == 8000 && channels == 1 }
    /// G.722, whose RTP clock is 8000 although it samples at 16 kHz (RFC 3551 §4.5.2).
    public var isG722: Bool { isEncoding("G722") && clockRate == 8000 && channels == 1 }
    /// Opus, RFC 7587.
    public var isOpus: Bool { isEncoding("opus") && clockRate == 48_000 && channels <= 2 }
    /// The audio can be decoded.
    public var isDecodable: Bool { isG711 || isG722 || isOpus }
    /// The audio can be decoded and has more than the telephone's 4 kHz.
    public var isWideband: Bool { isG722 || isOpus }
    /// RFC 4733 events.
    public var isTelephoneEvent: Bool { isEncoding("telephone-event") }
    /// RFC 3389 comfort noise.
    public var isComfortNoise: Bool { isEncoding("CN") }

    /// The value of `a=rtpmap` after the number, `PCMU/8000`.
    public var mapping: String {
        channels == 1 ? "\(encodingName)/\(clockRate)" : "\(encodingName)/\(clockRate)/\(channels)"
    }

    /// Number and mapping, for logs: `0 PCMU/8000`.
    public var description: String { "\(payloadType) \(encodingName.isEmpty ? "?" : mapping)" }
}
