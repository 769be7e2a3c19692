/// One `m=` line of an offer that we make.
public struct MediaOffer: Sendable, Equatable {
    /// `audio`.
    public var kind = "audio"
    /// `RTP/AVP`.
    public var transport = "RTP/AVP"
    /// Where we send from and receive.
    public var local: LocalMedia
    /// In our order of preference.
    public var payloads: [PayloadFormat]
    /// As seen from us.
    public var direction: MediaDirection
    /// `a=label`; nil writes none.
    public var label: String?
    /// Milliseconds.
    public var packetTime: Int? = 20
    /// Whether `a=rtcp-mux` is offered.
    public var multiplexesRTCP = false

    /// Makes a line of audio.
    public init(
        local: LocalMedia, payloads: [PayloadFormat] = [.pcmu, .pcma, .telephoneEvent],
        direction: MediaDirection, label: String? = nil
    ) {
        self.local = local
        self.payloads = payloads
        self.direction = direction
        self.label = label
    }
}

extension SessionDescription {
    /// An offer, RFC 3264 §5. The address of `origin` is also the session's `c=`.
    public static func offer(origin: Origin, media: [MediaOffer]) -> SessionDescription {
        SessionDescription(
            lines: head(origin: origin, time: "0 0"),
            media: media.map { section(of: $0, session: origin.address) })
    }

    private static func section(of offer: MediaOffer, session: ConnectionAddress) -> MediaDescription {
        var lines: [SDPLine] = []
        if let address = offer.local.address, address != session { lines.append(SDPLine("c", address.description)) }
        lines += formatLines(offer.payloads)
        if let time = offer.packetTime { lines.append(SDPLine("a", "ptime:\(time)")) }
        lines.append(SDPLine("a", offer.direction.rawValue))
        // RFC 5761 §5.1.1: an offer of multiplexing still tells where RTCP goes without it.
        if let rtcpPort = offer.local.rtcpPort, rtcpPort != offer.local.port &+ 1 {
            lines.append(SDPLine("a", "rtcp:\(rtcpPort)"))
        }
        if offer.multiplexesRTCP { lines.append(SDPLine("a", "rtcp-mux")) }
        if let crypto = offer.local.crypto { lines.append(SDPLine("a", "crypto:" + crypto.wireValue)) }
        if let label = offer.label { lines.append(SDPLine("a", "label:" + label)) }
        return MediaDescription(
            kind: offer.kind, port: offer.local.port, transport: offer.transport,
            formats: offer.payloads.map { String($0.payloadType) }, lines: lines)
    }
}
