/// An IPv4 or IPv6 address as a number, without a port.
///
/// An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`, RFC 4291 §2.5.5.2) is the IPv4 address it carries: a socket bound
/// to `::` reports IPv4 peers in that form, and an allow list must not depend on the socket.
public enum IPAddress: Sendable, Hashable {
    /// An IPv4 address in host byte order.
    case v4(UInt32)
    /// An IPv6 address, its first and last 64 bits in host byte order.
    case v6(high: UInt64, low: UInt64)

    /// Reads `192.0.2.1` or `2001:db8::1`, with or without brackets around IPv6. Zones (`%eth0`) are refused.
    public init?(parsing text: some StringProtocol) {
        guard text.utf8.count <= 64 else { return nil }
        var bytes = Array(text.utf8)
        if bytes.first == UInt8(ascii: "["), bytes.last == UInt8(ascii: "]"), bytes.count > 2 {
            bytes = Array(bytes[1..<(bytes.count - 1)])
        }
        if bytes.contains(UInt8(ascii: ":")) {
            guard let groups = Self.groups(ofIPv6: bytes) else { return nil }
            self = Self.make(groups: groups)
        } else {
            guard let value = Self.number(ofIPv4: bytes[...]) else { return nil }
            self = .v4(value)
        }
    }

    /// Reads the 4 or 16 bytes of an address in network byte order.
    public init?(octets: [UInt8]) {
        switch octets.count {
        case 4:
            self = .v4(octets.reduce(0) { $0 << 8 | UInt32($1) })
        case 16:
            let groups = (0..<8).map { UInt16(octets[$0 * 2]) << 8 | UInt16(octets[$0 * 2 + 1]) }
            self = Self.make(groups: groups)
        default:
            return nil
        }
    }

    /// Whether this is an IPv6 address.
    public var isIPv6: Bool {
        switch self {
        case .v4: false
        case .v6: true
        }
    }

    /// Whether this is the "any" address of its family: `0.0.0.0` or `::`.
    public var isWildcard: Bool {
        switch self {
        case .v4(let value): value == 0
        case .v6(let high, let low): high == 0 && low == 0
        }
    }

    /// Whether this is an address of the machine itself: `127.0.0.0/8` or `::1`.
    public var isLoopback: Bool {
        switch self {
        case .v4(let value): value >> 24 == 127
        case .v6(let high, let low): high == 0 && low == 1
        }
    }

    /// The number of bits of an address of this family: 32 or 128.
    public var bitWidth: Int {
        isIPv6 ? 128 : 32
    }

    /// The address with every bit after the first `prefixLength` set to 0.
    public func masked(to prefixLength: Int) -> IPAddress {
        // A smart shift by the full width gives 0, so no case for the ends is needed.
        switch self {
        case .v4(let value):
            return .v4(value & (UInt32.max << (32 - min(max(prefixLength, 0), 32))))
        case .v6(let high, let low):
            let length = min(max(prefixLength, 0), 128)
            let highMask = UInt64.max << (64 - min(length, 64))
            let lowMask = UInt64.max << (64 - max(length - 64, 0))
            return .v6(high: high & highMask, low: low & lowMask)
        }
    }
}

extension IPAddress: CustomStringConvertible {
    /// The address as RFC 5952 writes it, without brackets.
    public var description: String {
        switch self {
        case .v4(let value):
            return [24, 16, 8, 0].map { String(value >> $0 & 0xff) }.joined(separator: ".")
        case .v6(let high, let low):
            return Self.text(groups: Self.groups(high: high, low: low))
        }
    }
}

extension IPAddress {
    private static func groups(high: UInt64, low: UInt64) -> [UInt16] {
        [high, low].flatMap { half in [48, 32, 16, 0].map { UInt16(truncatingIfNeeded: half >> UInt64($0)) } }
    }

    private static func make(groups: [UInt16]) -> IPAddress {
        let high = groups.prefix(4).reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        let low = groups.dropFirst(4).reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        if high == 0, low >> 32 == 0xffff {
            return .v4(UInt32(truncatingIfNeeded: low))
        }
        return .v6(high: high, low: low)
    }

    private static func number(ofIPv4 bytes: ArraySlice<UInt8>) -> UInt32? {
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            // "010" is 8 for some readers and 10 for others, so it is nothing here.
            guard part.count <= 3, !(part.count > 1 && part.first == UInt8(ascii: "0")) else { return nil }
            guard let octet = digits(part, radix: 10), octet <= 255 else { return nil }
            value = value << 8 | octet
        }
        return value
    }

    private static func groups(ofIPv6 bytes: [UInt8]) -> [UInt16]? {
        let fields = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard fields.count >= 3, fields.count <= 9 else { return nil }
        var before: [UInt16] = []
        var after: [UInt16]?
        for (index, field) in fields.enumerated() {
            let isLast = index == fields.count - 1
            if field.isEmpty {
                // An empty field is half of "::"; at either end the text has two of them in a row.
                if index == 0 {
                    guard fields[1].isEmpty else { return nil }
                } else if isLast {
                    guard fields[index - 1].isEmpty else { return nil }
                } else {
                    guard after == nil else { return nil }
                    after = []
                }
                continue
            }
            var values: [UInt16] = []
            if isLast, field.contains(UInt8(ascii: ".")) {
                guard let tail = number(ofIPv4: field) else { return nil }
                values = [UInt16(truncatingIfNeeded: tail >> 16), UInt16(truncatingIfNeeded: tail)]
            } else {
                guard field.count <= 4, let group = digits(field, radix: 16) else { return nil }
                values = [UInt16(truncatingIfNeeded: group)]
            }
            if after != nil { after?.append(contentsOf: values) } else { before.append(contentsOf: values) }
        }
        guard let after else { return before.count == 8 ? before : nil }
        let missing = 8 - before.count - after.count
        guard missing >= 1 else { return nil }
        return before + [UInt16](repeating: 0, count: missing) + after
    }

    /// The number of up to four digits; `nil` for an empty text or another character.
    private static func digits(_ bytes: ArraySlice<UInt8>, radix: UInt32) -> UInt32? {
        guard !bytes.isEmpty, bytes.count <= 4 else { return nil }
        var value: UInt32 = 0
        for byte in bytes {
            let digit: UInt32
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = UInt32(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = UInt32(byte - UInt8(ascii: "a")) + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = UInt32(byte - UInt8(ascii: "A")) + 10
            default: return nil
            }
            guard digit < radix else { return nil }
            value = value * radix + digit
        }
        return value
    }

    /// RFC 5952 §4: lower case, no leading zeros, the longest run of two or more zero groups as `::`.
    private static func text(groups: [UInt16]) -> String {
        var best = 0..<0
        var start = 0
        while start < groups.count {
            var end = start
            while end < groups.count, groups[end] == 0 { end += 1 }
            if end - start > best.count { best = start..<end }
            start = max(end, start + 1)
        }
        let texts = groups.map { String($0, radix: 16) }
        guard best.count >= 2 else { return texts.joined(separator: ":") }
        let head = texts[..<best.lowerBound].joined(separator: ":")
        let tail = texts[best.upperBound...].joined(separator: ":")
        return "\(head)::\(tail)"
    }
}
