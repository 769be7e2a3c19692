extension StringProtocol {
    /// With `A`…`Z` lower; other characters, also those outside of ASCII, untouched.
    var lowercasedASCII: String {
        String(decoding: utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    /// For messages: at most 64 characters, control characters and the like as `?`.
    var shown: String {
        let octets = utf8.prefix(64).map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: "?") }
        return String(decoding: octets, as: UTF8.self) + (utf8.count > 64 ? "…" : "")
    }
}

extension UInt8 {
    /// Blank, tab, line feed, vertical tab, form feed, carriage return.
    var isSpace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }

    /// `tchar` of RFC 9110 §5.6.2, of which field names are made.
    var isTokenCharacter: Bool {
        switch self {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E, 0x5F, 0x60, 0x7C, 0x7E: true
        default: false
        }
    }
}
