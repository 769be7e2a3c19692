/// The characters of the SIP grammar as octets, and the character classes of RFC 3261 §25.1.
enum Octet {
    static let tab: UInt8 = 0x09
    static let lineFeed: UInt8 = 0x0A
    static let carriageReturn: UInt8 = 0x0D
    static let space: UInt8 = 0x20
    static let quote: UInt8 = 0x22
    static let percent: UInt8 = 0x25
    static let ampersand: UInt8 = 0x26
    static let comma: UInt8 = 0x2C
    static let minus: UInt8 = 0x2D
    static let dot: UInt8 = 0x2E
    static let slash: UInt8 = 0x2F
    static let colon: UInt8 = 0x3A
    static let semicolon: UInt8 = 0x3B
    static let less: UInt8 = 0x3C
    static let equals: UInt8 = 0x3D
    static let greater: UInt8 = 0x3E
    static let question: UInt8 = 0x3F
    static let at: UInt8 = 0x40
    static let leftBracket: UInt8 = 0x5B
    static let backslash: UInt8 = 0x5C
    static let rightBracket: UInt8 = 0x5D
    static let underscore: UInt8 = 0x5F
}

extension UInt8 {
    /// SP or HTAB.
    var isBlank: Bool { self == Octet.space || self == Octet.tab }

    var isDigit: Bool { self >= 0x30 && self <= 0x39 }

    var isAlpha: Bool { (self | 0x20) >= 0x61 && (self | 0x20) <= 0x7A }

    var isAlphanumeric: Bool { isDigit || isAlpha }

    /// Not a control character, not DEL. Octets of UTF-8 sequences count as visible.
    var isVisible: Bool { self > Octet.space && self != 0x7F }

    /// `token` of RFC 3261 §25.1: letters, digits and ``-.!%*_+`'~``.
    var isToken: Bool {
        if isAlphanumeric { return true }
        switch self {
        case 0x2D, 0x2E, 0x21, 0x25, 0x2A, 0x5F, 0x2B, 0x60, 0x27, 0x7E: return true
        default: return false
        }
    }

    /// What an unquoted parameter value may hold. Wider than `gen-value` on purpose: it takes `host`
    /// in brackets (RFC 5118 §4.5), `@`, `/` and UTF-8, and stops only where a value must end.
    var isParameterValue: Bool {
        guard isVisible else { return false }
        switch self {
        case Octet.semicolon, Octet.comma, Octet.quote, Octet.less, Octet.greater: return false
        default: return true
        }
    }

    /// ASCII lower case; every other octet stays as it is.
    var lowercasedASCII: UInt8 { self >= 0x41 && self <= 0x5A ? self | 0x20 : self }

    /// The value of a hexadecimal digit.
    var hexValue: UInt8? {
        switch self {
        case 0x30...0x39: self &- 0x30
        case 0x41...0x46: self &- 0x37
        case 0x61...0x66: self &- 0x57
        default: nil
        }
    }
}

extension StringProtocol {
    /// Lower case for ASCII letters only: SIP names are ASCII, and Unicode case rules would make
    /// letters equal that the grammar keeps apart.
    var lowercasedASCII: String {
        guard utf8.contains(where: { $0 != $0.lowercasedASCII }) else { return String(self) }
        return String(decoding: utf8.map(\.lowercasedASCII), as: UTF8.self)
    }

    /// Equality without regard to the case of ASCII letters (RFC 3261 §7.3.1).
    func equalsIgnoringCase(_ other: some StringProtocol) -> Bool {
        utf8.elementsEqual(other.utf8) { $0.lowercasedASCII == $1.lowercasedASCII }
    }

    /// Whether the text is one or more `token` characters.
    var isToken: Bool { !utf8.isEmpty && utf8.allSatisfy(\.isToken) }
}

extension Collection where Element == UInt8 {
    /// The number written in decimal digits only; nil when empty, when another octet occurs, or on overflow.
    func decimalValue<Number: FixedWidthInteger & UnsignedInteger>(as _: Number.Type) -> Number? {
        guard !isEmpty else { return nil }
        var value: Number = 0
        for octet in self {
            guard octet.isDigit else { return nil }
            let (scaled, overflowed) = value.multipliedReportingOverflow(by: 10)
            let (next, carried) = scaled.addingReportingOverflow(Number(octet &- 0x30))
            guard !overflowed, !carried else { return nil }
            value = next
        }
        return value
    }
}
