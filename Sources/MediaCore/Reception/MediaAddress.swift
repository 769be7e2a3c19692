/// An address that media comes from or goes to: 16 octets of IPv6, IPv4 mapped into it (RFC 4291 §2.5.5.2), and a port.
public struct MediaAddress: Hashable, Sendable {
    /// The first eight octets of the address.
    public var high: UInt64
    /// The last eight octets of the address.
    public var low: UInt64
    /// The UDP port.
    public var port: UInt16

    /// An IPv6 address, or a mapped IPv4 address.
    public init(high: UInt64, low: UInt64, port: UInt16) {
        self.high = high
        self.low = low
        self.port = port
    }

    /// `address` as a 32-bit number in host order.
    public init(ipv4 address: UInt32, port: UInt16) {
        self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(address), port: port)
    }

    /// True when only the ports may differ.
    public func hasHost(of other: MediaAddress) -> Bool { high == other.high && low == other.low }
}
