/// The `a=rtcp` attribute, RFC 3605 §2.1: where RTCP goes when it is not the port after RTP.
public struct RTCPAddress: Sendable, Equatable {
    /// 1…65535.
    public let port: UInt16
    /// Nil: the address of the media.
    public let address: ConnectionAddress?

    /// Reads `53020` or `53020 IN IP6 2001:db8::1`; nil where the port is no number. An address that makes no sense is
    /// left out, so the port still counts.
    public init?(parsing text: some StringProtocol) {
        let words = text.asciiWords(limit: 2)
        guard let first = words.first, let port = UInt16(first), port != 0 else { return nil }
        self.port = port
        let written = words.count > 1 ? ConnectionAddress(parsing: words[1]) : nil
        switch written?.family {
        case .ip4, .ip6: address = written
        case .other, nil: address = nil
        }
    }
}
