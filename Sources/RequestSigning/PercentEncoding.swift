/// Percent escapes as AWS has them: everything but the unreserved characters is escaped (RFC 3986 §2.3).
enum PercentEncoding {
    static func isUnreserved(_ octet: UInt8) -> Bool {
        switch octet {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
        default: false
        }
    }

    static func encode(_ octets: some Sequence<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        for octet in octets {
            if isUnreserved(octet) { output.append(octet) } else { Hexadecimal.appendEscape(octet, to: &output) }
        }
        return output
    }

    /// A percent sign without two digits stands for itself, and a plus sign too: AWS never means a blank by it.
    static func decode(_ octets: ArraySlice<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(octets.count)
        var index = octets.startIndex
        while index < octets.endIndex {
            if octets[index] == UInt8(ascii: "%"), octets.endIndex - index > 2,
                let high = Hexadecimal.value(octets[index + 1]), let low = Hexadecimal.value(octets[index + 2])
            {
                output.append(high << 4 | low)
                index += 3
            } else {
                output.append(octets[index])
                index += 1
            }
        }
        return output
    }
}
