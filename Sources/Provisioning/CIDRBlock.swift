/// A block of addresses, such as `192.0.2.0/24` or `2001:db8::/32` (RFC 4632, RFC 4291 §2.3).
public struct CIDRBlock: Sendable, Hashable {
    /// The first address of the block.
    public let network: IPAddress
    /// How many leading bits an address shares with the block: 0…32 for IPv4, 0…128 for IPv6.
    public let prefixLength: Int

    /// Reads `address/length`; a bare address is a block of one.
    public init(parsing text: String) throws(CIDRError) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first.flatMap({ IPAddress(parsing: $0) }) else {
            throw .notAnAddress(text)
        }
        var length = address.bitWidth
        if parts.count == 2 {
            guard parts[1].utf8.count <= 3, parts[1].allSatisfy(\.isASCIIDigit), let number = Int(parts[1]),
                number <= address.bitWidth
            else { throw .badLength(text, maximum: address.bitWidth) }
            length = number
        }
        let network = address.masked(to: length)
        // 10.1.2.3/8 is more often a slip of the pen than a wish to allow sixteen million addresses.
        guard network == address else { throw .hostBits(text, block: "\(network)/\(length)") }
        self.network = network
        self.prefixLength = length
    }

    /// The block of one address.
    public init(address: IPAddress) {
        network = address
        prefixLength = address.bitWidth
    }

    /// The block of a length that an address lies in.
    init(containing address: IPAddress, prefixLength: Int) {
        network = address.masked(to: prefixLength)
        self.prefixLength = prefixLength
    }

    /// Whether an address lies in the block; never true for an address of the other family.
    public func contains(_ address: IPAddress) -> Bool {
        address.isIPv6 == network.isIPv6 && address.masked(to: prefixLength) == network
    }

    /// Whether the block is every address of its family.
    public var isEverything: Bool {
        prefixLength == 0
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

extension Character {
    fileprivate var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}
