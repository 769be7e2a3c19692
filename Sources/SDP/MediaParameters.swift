/// What one `m=` line says once the session's defaults are applied: all that a receiver of the media needs to know.
public struct MediaParameters: Sendable, Equatable {
    /// Position among all `m=` lines, from 0.
    public let index: Int
    /// `audio`, `video`, …
    public let kind: String
    /// `a=label`; opaque.
    public let label: String?
    /// The peer's RTP port; 0 means the stream is refused or removed.
    public let port: UInt16
    /// The peer's address as written (a name is possible); nil where none is known, that is where `c=` is missing or
    /// unspecified. The first packet then tells.
    public let address: String?
    /// The peer's RTCP port; the RTP port where it multiplexes, nil where there is no port.
    public let rtcpPort: UInt16?
    /// The peer's RTCP address; ``address`` unless `a=rtcp` says otherwise.
    public let rtcpAddress: String?
    /// `a=rtcp` was written and can be read: port and address are the peer's word and not the default of RFC 3550 §11.
    public let namesRTCP: Bool
    /// `a=rtcp-mux` was written.
    public let multiplexesRTCP: Bool
    /// `sendrecv` where nothing is written, RFC 8866 §6.7.
    public let direction: MediaDirection
    /// In the peer's order of preference.
    public let payloads: [PayloadFormat]
    /// Milliseconds.
    public let packetTime: Int?
    /// A secure profile such as `RTP/SAVP`.
    public let isSecure: Bool
    /// Keys by RFC 4568; secret. A reader may leave the one that counts.
    public var crypto: [CryptoAttribute]
}

extension SessionDescription {
    /// The effective values of the `m=` line at `index`; nil where there is no such line.
    public func parameters(ofMediaAt index: Int) -> MediaParameters? {
        guard media.indices.contains(index) else { return nil }
        let section = media[index]
        let connection = (section.connection ?? self.connection).flatMap { $0.isUnspecified ? nil : $0 }
        let rtcp = section.rtcp
        let multiplexes = section.multiplexesRTCP
        let rtcpHost = rtcp?.address.flatMap { $0.isUnspecified ? nil : $0.host }
        return MediaParameters(
            index: index, kind: section.kind, label: section.label, port: section.port, address: connection?.host,
            rtcpPort: multiplexes ? section.port : (rtcp?.port ?? MediaParameters.next(section.port)),
            rtcpAddress: multiplexes ? connection?.host : (rtcpHost ?? connection?.host),
            namesRTCP: rtcp != nil && !multiplexes, multiplexesRTCP: multiplexes,
            direction: section.direction ?? direction ?? .sendrecv,
            payloads: section.payloads, packetTime: section.packetTime, isSecure: section.isSecure,
            crypto: section.crypto)
    }

    /// ``parameters(ofMediaAt:)`` of every `m=` line.
    public var mediaParameters: [MediaParameters] { media.indices.compactMap { parameters(ofMediaAt: $0) } }
}

extension MediaParameters {
    /// RFC 3550 §11: RTCP is one above RTP.
    fileprivate static func next(_ port: UInt16) -> UInt16? {
        port == 0 || port == UInt16.max ? nil : port &+ 1
    }
}
