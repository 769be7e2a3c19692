// Octet-wise text work on peers' text; see the note in the SDP target on why not by `Character`.

extension UInt8 {
    var isASCIIBlank: Bool { self == 0x20 || self == 0x09 }
    var isASCIISpace: Bool { isASCIIBlank || self == 0x0A || self == 0x0D }
    var isASCIIDigit: Bool { self >= 0x30 && self <= 0x39 }
    var isASCIILetter: Bool { (self | 0x20) >= 0x61 && (self | 0x20) <= 0x7A }
    var asciiLowercased: UInt8 { self >= 0x41 && self <= 0x5A ? self | 0x20 : self }
}

extension Collection<UInt8> where SubSequence: Collection<UInt8> {
    /// The octets as text; what is not UTF-8 becomes U+FFFD.
    var text: String { String(decoding: self, as: UTF8.self) }
}

extension StringProtocol {
    /// Without blanks and line ends at both ends.
    var asciiTrimmed: String {
        var bytes = Substring(self).utf8
        while let first = bytes.first, first.isASCIISpace { bytes.removeFirst() }
        while let last = bytes.last, last.isASCIISpace { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// With A–Z as a–z.
    var asciiLowercased: String { String(decoding: utf8.map(\.asciiLowercased), as: UTF8.self) }

    /// Trimmed, and nil where nothing is left.
    var nonBlank: String? {
        let text = asciiTrimmed
        return text.isEmpty ? nil : text
    }
}
