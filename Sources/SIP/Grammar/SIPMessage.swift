/// A message as it was read.
public enum SIPMessage: Sendable, Equatable {
    /// A request; ask ``RequestInspection`` before using it.
    case request(SIPRequest)
    /// A response; ask ``ResponseInspection`` before using it.
    case response(SIPResponse)

    /// The largest message that is read: 65,535 octets.
    public static let maximumSize = 65_535

    /// The header fields of either kind.
    public var headers: HeaderFields {
        switch self {
        case .request(let request): request.headers
        case .response(let response): response.headers
        }
    }

    /// The message as it goes out.
    public func serialized() -> [UInt8] {
        switch self {
        case .request(let request): request.serialized()
        case .response(let response): response.serialized()
        }
    }

    /// Whether a datagram holds nothing but line ends (RFC 5626 §3.5.1): neither message nor rubbish.
    public static func isKeepAlive(_ datagram: some Sequence<UInt8>) -> Bool {
        datagram.allSatisfy { $0 == Octet.carriageReturn || $0 == Octet.lineFeed || $0 == 0 }
    }
}
