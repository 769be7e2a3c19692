// Octet-wise text work. `Character` is not used on peers' text: to Swift, CR LF is one Character and a letter with a
// combining mark is another letter, and neither is what the grammar of RFC 8866 §9 means.

extension UInt8 {
    var isASCIILetter: Bool { (self | 0x20) >= 0x61 && (self | 0x20) <= 0x7A }
    var isASCIIBlank: Bool { self == 0x20 || self == 0x09 }
}

extension StringProtocol {
    /// Without SP and HT at both ends.
    var asciiTrimmed: String {
        var bytes = Substring(self).utf8
        while let first = bytes.first, first.isASCIIBlank { bytes.removeFirst() }
        while let last = bytes.last, last.isASCIIBlank { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// With A–Z as a–z; other letters are left alone.
    var asciiLowercased: String {
        String(decoding: utf8.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    /// The words between blanks; the last of `limit` words holds all that is left.
    func asciiWords(limit: Int) -> [String] {
        Substring(self).utf8
            .split(maxSplits: limit - 1, omittingEmptySubsequences: true) { $0.isASCIIBlank }
            .map { String(decoding: $0, as: UTF8.self).asciiTrimmed }
            .filter { !$0.isEmpty }
    }

    /// The pieces between `separator`, empty ones included; at most `limit` pieces.
    func asciiSplit(_ separator: UInt8, limit: Int) -> [String] {
        Substring(self).utf8
            .split(separator: separator, maxSplits: limit - 1, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
    }
}
