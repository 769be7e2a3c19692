/// A block of addresses, such as `192.0.2.0/24` or `2001:db8::/32` (RFC 4632, RFC 4291 §2.3), kept so that a look-up is two
/// comparisons.
public struct CIDRBlock: Sendable, Hashable {
    /// The first address of the block; bits after the prefix are zero.
    public let network: IPAddress
    /// How many leading bits an address shares with the block: 0…32 for IPv4, 0…128 for IPv6.
    public let prefixLength: Int

    private let highMask: UInt64
    private let lowMask: UInt64

    /// Reads `address/length`; a bare address is a block of one.
    public init(parsing text: some StringProtocol) throws(CIDRError) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first.flatMap({ IPAddress(parsing: $0) }) else {
            throw .notAnAddress(String(text))
        }
        var length = address.bitWidth
        if parts.count == 2 {
            guard (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ (48...57).contains($0) }),
                let number = Int(parts[1]), number <= address.bitWidth
            else { throw .badLength(String(text), maximum: address.bitWidth) }
            length = number
        }
        self.init(containing: address, prefixLength: length)
        // 10.1.2.3/8 is more often a slip of the pen than a wish to allow sixteen million addresses.
        guard network == address else { throw .hostBits(String(text), block: "\(network)/\(length)") }
    }

    /// The block of one address.
    public init(address: IPAddress) { self.init(containing: address, prefixLength: address.bitWidth) }

    /// The block of a length that an address lies in; the length is clamped to the address's width.
    public init(containing address: IPAddress, prefixLength: Int) {
        self.prefixLength = min(max(prefixLength, 0), address.bitWidth)
        // An IPv4 address is kept IPv4-mapped, so its prefix begins after 96 fixed bits.
        let bits = self.prefixLength + (128 - address.bitWidth)
        highMask = Self.mask(bits)
        lowMask = Self.mask(bits - 64)
        network = IPAddress(high: address.high & highMask, low: address.low & lowMask)
    }

    /// Whether an address lies in the block; never true for an address of the other family.
    public func contains(_ address: IPAddress) -> Bool {
        address.high & highMask == network.high && address.low & lowMask == network.low
            && address.isIPv4 == network.isIPv4
    }

    /// Whether the block is every address of its family.
    public var isEverything: Bool { prefixLength == 0 }

    private static func mask(_ bits: Int) -> UInt64 {
        bits <= 0 ? 0 : bits >= 64 ? .max : ~(UInt64.max >> UInt64(bits))
    }
}

extension CIDRBlock: CustomStringConvertible {
    /// `network/length`, also for a block of one.
    public var description: String { "\(network)/\(prefixLength)" }
}

/// Why a text is not a ``CIDRBlock``.
public enum CIDRError: Error, Equatable, CustomStringConvertible {
    /// The part before the slash is no IPv4 or IPv6 address.
    case notAnAddress(String)
    /// The part after the slash is no number from 0 to `maximum`.
    case badLength(String, maximum: Int)
    /// The address has bits set after the prefix; `block` is what it would be without them.
    case hostBits(String, block: String)

    /// What is wrong.
    public var description: String {
        switch self {
        case .notAnAddress(let text): "'\(text)' is not an IP address block"
        case .badLength(let text, _): "'\(text)' has a prefix length that does not fit its address"
        case .hostBits(let text, _): "'\(text)' has address bits set after its prefix"
        }
    }

    /// How to mend it.
    public var remedy: String {
        switch self {
        case .notAnAddress: "write an address and a prefix length, such as 192.0.2.0/24 or 2001:db8::/32"
        case .badLength(_, let maximum): "use a prefix length from 0 to \(maximum)"
        case .hostBits(let text, let block):
            "write \(block) for the whole block, or \(text.prefix { $0 != "/" }) for that one address"
        }
    }
}
