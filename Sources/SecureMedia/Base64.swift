/// Base64 of RFC 4648 §4, as `inline:` keys are written.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Nil where it is not base64. Padding may be left out, since some peers do; what it is, it must be at the end, and
    /// the bits that it stands for must be zero.
    static func decode(_ text: Substring) -> [UInt8]? {
        var octets: [UInt8] = []
        var bits: UInt32 = 0
        var held = 0
        var padding = 0
        for character in text.utf8 {
            if character == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            guard padding == 0, let value = value(of: character) else { return nil }
            bits = bits << 6 | value
            held += 6
            if held >= 8 {
                held -= 8
                octets.append(UInt8(truncatingIfNeeded: bits >> UInt32(held)))
                bits &= (1 << UInt32(held)) - 1
            }
        }
        // 0, 2 or 4 bits are left where the text ends at a whole octet.
        guard held < 6, bits == 0 else { return nil }
        guard padding == 0 || padding * 2 == held else { return nil }
        return octets
    }

    static func encode(_ octets: [UInt8]) -> String {
        var text: [UInt8] = []
        var start = 0
        while start < octets.count {
            let piece = octets[start..<min(start + 3, octets.count)]
            var bits: UInt32 = 0
            for octet in piece { bits = bits << 8 | UInt32(octet) }
            bits <<= UInt32(8 * (3 - piece.count))
            for position in 0..<4 {
                let digit = Int(bits >> UInt32(18 - 6 * position) & 63)
                text.append(position <= piece.count ? alphabet[digit] : UInt8(ascii: "="))
            }
            start += 3
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func value(of character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
