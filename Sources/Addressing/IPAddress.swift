/// An IPv4 or IPv6 address as a plain value: 16 octets, compared and hashed without touching a string.
///
/// An IPv4 address is kept as its IPv4-mapped form (RFC 4291 §2.5.5.2), so `::ffff:192.0.2.1` and `192.0.2.1` are the
/// same address here, as they are the same host on a dual-stack socket.
public struct IPAddress: Hashable, Sendable {
    /// The first eight octets, most significant first.
    public let high: UInt64
    /// The last eight octets, most significant first.
    public let low: UInt64

    /// Makes an address of its 128 bits.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Makes an IPv4 address of its 32 bits in host byte order: 127.0.0.1 is `0x7F000001`.
    public init(ipv4 bits: UInt32) {
        high = 0
        low = 0xFFFF_0000_0000 | UInt64(bits)
    }

    /// Reads the dotted form of IPv4 or any textual form of IPv6 (RFC 4291 §2.2), with or without square brackets.
    ///
    /// Names, zones (`%eth0`), octal or hexadecimal IPv4 and octets above 255 give nil.
    public init?(parsing text: some StringProtocol) {
        var octets = Array(text.utf8.prefix(64))
        if octets.first == UInt8(ascii: "["), octets.last == UInt8(ascii: "]"), octets.count > 2 {
            octets = Array(octets[1..<(octets.count - 1)])
        }
        if octets.contains(UInt8(ascii: ":")) {
            guard let groups = Self.parseIPv6(octets[...]) else { return nil }
            self.init(
                high: groups[0..<4].reduce(0) { $0 << 16 | UInt64($1) },
                low: groups[4..<8].reduce(0) { $0 << 16 | UInt64($1) })
        } else {
            guard let bits = Self.parseIPv4(octets[...]) else { return nil }
            self.init(ipv4: bits)
        }
    }

    /// An IPv4 address of its 32 bits in host byte order.
    public static func v4(_ bits: UInt32) -> IPAddress { IPAddress(ipv4: bits) }

    /// Reads the 4 or 16 octets of an address in network byte order; nil for another number of them.
    public init?(octets: [UInt8]) {
        func number(_ slice: ArraySlice<UInt8>) -> UInt64 { slice.reduce(0) { $0 << 8 | UInt64($1) } }
        switch octets.count {
        case 4: self.init(ipv4: UInt32(truncatingIfNeeded: number(octets[...])))
        case 16: self.init(high: number(octets[..<8]), low: number(octets[8...]))
        default: return nil
        }
    }

    /// The number of bits of an address of this family: 32 or 128.
    public var bitWidth: Int { isIPv4 ? 32 : 128 }

    /// Whether this is an IPv4 address.
    public var isIPv4: Bool { high == 0 && low >> 32 == 0xFFFF }

    /// Whether this is `0.0.0.0` or `::`, which name no host.
    public var isUnspecified: Bool { isIPv4 ? UInt32(truncatingIfNeeded: low) == 0 : high == 0 && low == 0 }

    /// Whether only this machine can use the address: 127.0.0.0/8 or ::1.
    public var isLoopback: Bool { isIPv4 ? low >> 24 & 0xFF == 127 : high == 0 && low == 1 }

    /// The eight 16-bit groups.
    private var groups: [UInt16] {
        (0..<8).map { index in
            UInt16(truncatingIfNeeded: (index < 4 ? high : low) >> UInt64((3 - index % 4) * 16))
        }
    }
}

extension IPAddress: CustomStringConvertible {
    /// The canonical text: dotted for IPv4, RFC 5952 for IPv6 (lower case, longest zero run shortened), no brackets.
    public var description: String {
        if isIPv4 {
            return "\(low >> 24 & 0xFF).\(low >> 16 & 0xFF).\(low >> 8 & 0xFF).\(low & 0xFF)"
        }
        let groups = groups
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > best.count { best = start..<end }
            start = max(end, start + 1)
        }
        func text(_ range: Range<Int>) -> String {
            groups[range].map { String($0, radix: 16) }.joined(separator: ":")
        }
        // RFC 5952 §4.2.2: a single zero group is not shortened.
        return best.count < 2 ? text(0..<8) : text(0..<best.lowerBound) + "::" + text(best.upperBound..<8)
    }

    /// The text as it stands in a URI or a Via header: IPv6 in square brackets.
    public var hostText: String { isIPv4 ? description : "[\(description)]" }
}

extension IPAddress {
    private static func parseIPv4(_ octets: ArraySlice<UInt8>) -> UInt32? {
        let parts = octets.split(separator: UInt8(ascii: "."), maxSplits: 4, omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
            var value: UInt32 = 0
            for octet in part {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet) else { return nil }
                value = value * 10 + UInt32(octet - UInt8(ascii: "0"))
            }
            guard value <= 255 else { return nil }
            bits = bits << 8 | value
        }
        return bits
    }

    /// The eight groups of an IPv6 text. At most 45 octets are meant; the caller has cut the text at 64.
    private static func parseIPv6(_ octets: ArraySlice<UInt8>) -> [UInt16]? {
        var head: [UInt16] = []
        var tail: [UInt16]?
        var rest = octets
        let colon = UInt8(ascii: ":")
        if rest.starts(with: [colon, colon]) {
            tail = []
            rest = rest.dropFirst(2)
        }
        while !rest.isEmpty {
            let part = rest.prefix { $0 != colon }
            var values: [UInt16]
            if part.contains(UInt8(ascii: ".")) {
                guard part.endIndex == rest.endIndex, let bits = parseIPv4(part) else { return nil }
                values = [UInt16(truncatingIfNeeded: bits >> 16), UInt16(truncatingIfNeeded: bits)]
            } else {
                guard let value = hexadecimal(part) else { return nil }
                values = [value]
            }
            if tail != nil { tail?.append(contentsOf: values) } else { head.append(contentsOf: values) }
            guard head.count + (tail?.count ?? 0) <= 8 else { return nil }
            rest = rest[part.endIndex...]
            guard let first = rest.first else { break }
            guard first == colon else { return nil }
            rest = rest.dropFirst()
            if rest.first == colon {
                guard tail == nil else { return nil }
                tail = []
                rest = rest.dropFirst()
            } else if rest.isEmpty {
                return nil
            }
        }
        guard let tail else { return head.count == 8 ? head : nil }
        let zeros = 8 - head.count - tail.count
        // RFC 4291 §2.2: "::" stands for one or more groups.
        return zeros >= 1 ? head + [UInt16](repeating: 0, count: zeros) + tail : nil
    }

    private static func hexadecimal(_ octets: ArraySlice<UInt8>) -> UInt16? {
        guard (1...4).contains(octets.count) else { return nil }
        var value: UInt16 = 0
        for octet in octets {
            let digit: UInt8
            switch octet {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = octet - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = octet - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = octet - UInt8(ascii: "A") + 10
            default: return nil
            }
            value = value << 4 | UInt16(digit)
        }
        return value
    }
}
