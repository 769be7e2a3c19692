/// Why a datagram is not a UDPTL packet. Places and sizes are octets.
public enum UDPTLParseError: Error, Equatable, Sendable {
    /// A field reaches beyond the datagram.
    case truncated(needed: Int, got: Int)
    /// A length in the fragmented form of X.691 §11.9: fields of 16,384 octets and more fit in no datagram that a fax
    /// gateway sends.
    case fragmented(at: Int)
    /// The primary field is empty, but an IFP packet has at least one octet.
    case emptyPrimary
    /// The span of parity fields is not one octet of 0 to 127.
    case invalidSpan(at: Int)
    /// Octets other than zero behind the last field.
    case trailingOctets(Int)
}

extension UDPTLParseError: CustomStringConvertible {
    /// What is wrong, and where.
    public var description: String {
        switch self {
        case .truncated(let needed, let got): "UDPTL: \(needed) octets are needed and \(got) came"
        case .fragmented(let place): "UDPTL: the length at octet \(place) is fragmented, which no datagram holds"
        case .emptyPrimary: "UDPTL: the primary IFP packet is empty"
        case .invalidSpan(let place): "UDPTL: the parity span at octet \(place) is not 0 to 127"
        case .trailingOctets(let count): "UDPTL: \(count) octets follow the last field"
        }
    }
}
