/// Character references of XML 1.0 §4.1 and the five entities of §4.6; nothing else is ever expanded.
enum XMLReference {
    /// Longer references are not looked at.
    private static let maximumLength = 12

    /// The text with references resolved, and whether all of them were known; unknown ones stay as written.
    static func resolve(_ bytes: ArraySlice<UInt8>) -> (text: String, allKnown: Bool) {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var allKnown = true
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            if byte == UInt8(ascii: "&") {
                let window = bytes[(index + 1)...].prefix(maximumLength)
                if let end = window.firstIndex(of: UInt8(ascii: ";")), let value = value(of: window[..<end]) {
                    out.append(contentsOf: value.utf8)
                    index = end + 1
                    continue
                }
                allKnown = false
            }
            out.append(byte)
            index += 1
        }
        return (out.text, allKnown)
    }

    private static func value(of reference: ArraySlice<UInt8>) -> String? {
        switch reference.text {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        default: break
        }
        guard reference.first == UInt8(ascii: "#") else { return nil }
        let digits = reference.dropFirst()
        let isHexadecimal = digits.first == UInt8(ascii: "x") || digits.first == UInt8(ascii: "X")
        let number = isHexadecimal ? UInt32(digits.dropFirst().text, radix: 16) : UInt32(digits.text)
        guard let number, number != 0, let scalar = Unicode.Scalar(number) else { return nil }
        return String(Character(scalar))
    }

    /// Text as it may stand in an element or a quoted attribute.
    static func escape(_ text: String) -> String {
        var out: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "&"): out.append(contentsOf: "&amp;".utf8)
            case UInt8(ascii: "<"): out.append(contentsOf: "&lt;".utf8)
            case UInt8(ascii: ">"): out.append(contentsOf: "&gt;".utf8)
            case UInt8(ascii: "\""): out.append(contentsOf: "&quot;".utf8)
            case UInt8(ascii: "'"): out.append(contentsOf: "&apos;".utf8)
            // XML 1.0 §2.2 allows no other control characters.
            case 0..<0x20 where byte != 0x09 && byte != 0x0A && byte != 0x0D: out.append(UInt8(ascii: " "))
            default: out.append(byte)
            }
        }
        return out.text
    }
}
