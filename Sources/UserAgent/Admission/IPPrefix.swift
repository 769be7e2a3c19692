/// A block of addresses in CIDR notation (RFC 4632, RFC 4291 §2.3), parsed once so that a look-up is two comparisons.
public struct IPPrefix: Hashable, Sendable {
    /// The first address of the block; bits after the prefix are zero.
    public let base: IPAddress
    /// Prefix length in bits as people write it: 0…32 for IPv4, 0…128 for IPv6.
    public let length: Int

    private let highMask: UInt64
    private let lowMask: UInt64

    /// Reads `192.0.2.0/24`, `2001:db8::/32`, or an address alone, which is a block of one.
    ///
    /// Bits set after the prefix (`10.1.2.3/8`) are cleared, as routers do. Anything else unreadable gives nil.
    public init?(parsing text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(parsing: first) else { return nil }
        let width = address.isIPv4 ? 32 : 128
        var length = width
        if parts.count == 2 {
            guard (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ (48...57).contains($0) }),
                let value = Int(parts[1]), value <= width
            else { return nil }
            length = value
        }
        self.init(address: address, length: length)
    }

    /// Makes the block of `length` bits that holds `address`; `length` is clamped to the width of the address.
    public init(address: IPAddress, length: Int) {
        let width = address.isIPv4 ? 32 : 128
        self.length = min(max(length, 0), width)
        // An IPv4 address is kept IPv4-mapped, so its prefix begins after 96 fixed bits.
        let bits = self.length + (128 - width)
        highMask = Self.mask(bits)
        lowMask = Self.mask(bits - 64)
        base = IPAddress(high: address.high & highMask, low: address.low & lowMask)
    }

    /// Whether `address` is in the block. An IPv6 block never contains an IPv4 address: `::/0` is all of IPv6 only.
    public func contains(_ address: IPAddress) -> Bool {
        address.high & highMask == base.high && address.low & lowMask == base.low && address.isIPv4 == base.isIPv4
    }

    private static func mask(_ bits: Int) -> UInt64 {
        bits <= 0 ? 0 : bits >= 64 ? .max : ~(UInt64.max >> UInt64(bits))
    }
}

extension IPPrefix: CustomStringConvertible {
    /// The block in CIDR notation.
    public var description: String { "\(base)/\(length)" }
}
