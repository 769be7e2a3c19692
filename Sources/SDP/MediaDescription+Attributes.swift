extension MediaDescription {
    /// The section's own `c=`.
    public var connection: ConnectionAddress? {
        lines.firstValue(UInt8(ascii: "c")).flatMap { ConnectionAddress(parsing: $0) }
    }

    /// The section's own direction attribute.
    public var direction: MediaDirection? { lines.direction }

    /// `a=label`, RFC 4574: an opaque word that recording metadata refers to.
    public var label: String? { attribute("label").flatMap { $0.isEmpty ? nil : $0 } }

    /// `a=mid`, RFC 5888.
    public var identification: String? { attribute("mid").flatMap { $0.isEmpty ? nil : $0 } }

    /// `a=ptime` in milliseconds; nil where it is absent or not a whole number of 1…1000.
    public var packetTime: Int? { milliseconds("ptime") }

    /// `a=maxptime` in milliseconds, as ``packetTime``.
    public var maximumPacketTime: Int? { milliseconds("maxptime") }

    /// `a=rtcp-mux`, RFC 5761 §5.1.1.
    public var multiplexesRTCP: Bool { attribute("rtcp-mux") != nil }

    /// `a=rtcp`, RFC 3605.
    public var rtcp: RTCPAddress? { attribute("rtcp").flatMap { RTCPAddress(parsing: $0) } }

    /// Each readable `a=crypto`, RFC 4568, in the order of preference they were written in; at most 16.
    public var crypto: [CryptoAttribute] {
        Array(attributes("crypto").prefix(16).compactMap { CryptoAttribute(parsing: $0) })
    }

    /// `a=setup` and `a=fingerprint` of DTLS-SRTP (RFC 5763): noticed, not supported.
    public var offersDTLS: Bool {
        attribute("fingerprint") != nil || isDTLS
    }

    /// Whether the profile takes its keys from a DTLS handshake (RFC 5764 §8): `UDP/TLS/RTP/SAVP`, `UDP/TLS/RTP/SAVPF`.
    public var isDTLS: Bool { transport.asciiLowercased.hasPrefix("udp/tls") }

    /// Whether the transport is a secure RTP profile: `RTP/SAVP`, `RTP/SAVPF`, `UDP/TLS/RTP/SAVP…`.
    public var isSecure: Bool {
        let profile = transport.asciiLowercased
        return profile.hasSuffix("/savp") || profile.hasSuffix("/savpf")
    }

    /// Whether the transport is plain RTP: `RTP/AVP` or `RTP/AVPF` (feedback is not sent).
    public var isPlainRTP: Bool {
        let profile = transport.asciiLowercased
        return profile == "rtp/avp" || profile == "rtp/avpf"
    }

    /// The formats of the `m=` line that are RTP payload numbers, in the peer's order of preference, each once.
    public var payloads: [PayloadFormat] {
        var mappings: [UInt8: String] = [:]
        var parameters: [UInt8: String] = [:]
        for line in lines {
            guard let (name, value) = line.attribute else { continue }
            guard name == "rtpmap" || name == "fmtp" else { continue }
            let words = value.asciiWords(limit: 2)
            guard words.count == 2, let number = UInt8(words[0]), number < 128 else { continue }
            // The first of two lines for one number counts.
            if name == "rtpmap" {
                if mappings[number] == nil { mappings[number] = words[1] }
            } else if parameters[number] == nil {
                parameters[number] = words[1]
            }
        }
        var seen: Set<UInt8> = []
        return formats.compactMap { word in
            guard let number = UInt8(word), number < 128, seen.insert(number).inserted else { return nil }
            return MediaDescription.payload(number, mapping: mappings[number], parameters: parameters[number])
        }
    }

    private static func payload(_ number: UInt8, mapping: String?, parameters: String?) -> PayloadFormat {
        let assigned = PayloadFormat.assigned(number)
        let pieces = mapping?.asciiSplit(UInt8(ascii: "/"), limit: 3).map(\.asciiTrimmed) ?? []
        let clock = pieces.count > 1 ? Int(pieces[1]).flatMap { (1...1_000_000).contains($0) ? $0 : nil } : nil
        let channels = pieces.count > 2 ? Int(pieces[2]).flatMap { (1...64).contains($0) ? $0 : nil } : nil
        let name = pieces.first.flatMap { $0.isEmpty ? nil : $0 }
        return PayloadFormat(
            payloadType: number,
            encodingName: name ?? assigned?.encodingName ?? "",
            clockRate: clock ?? (name == nil ? assigned?.clockRate : nil) ?? 8000,
            channels: channels ?? (name == nil ? assigned?.channels : nil) ?? 1,
            formatParameters: parameters)
    }

    private func milliseconds(_ name: String) -> Int? {
        guard let value = attribute(name).flatMap({ Int($0) }), (1...1000).contains(value) else { return nil }
        return value
    }
}
