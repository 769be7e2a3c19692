/// One line of a session description, RFC 8866 §5: a letter, `=` and a value.
///
/// Lines that do not have that shape are kept too (``type`` is nil), so nothing a peer wrote is lost.
public struct SDPLine: Sendable, Equatable {
    /// The letter before `=` as an ASCII octet; nil for a line of another shape.
    public let type: UInt8?
    /// The text after `=`; the whole line where ``type`` is nil. Never contains CR or LF.
    public let value: String

    /// Makes a line. CR and LF in `value` become blanks, so a value can never start a line of its own.
    public init(_ type: Character, _ value: String) {
        self.type = type.asciiValue
        self.value = SDPLine.singleLine(value)
    }

    /// Reads one line without its line end; blanks before the letter are dropped.
    init(parsing bytes: ArraySlice<UInt8>) {
        let line = bytes.drop { $0 == 0x20 || $0 == 0x09 }
        let second = line.index(line.startIndex, offsetBy: 1, limitedBy: line.endIndex) ?? line.endIndex
        if let letter = line.first, letter.isASCIILetter, second < line.endIndex, line[second] == UInt8(ascii: "=") {
            type = letter
            value = String(decoding: line[(second + 1)...], as: UTF8.self)
        } else {
            type = nil
            value = String(decoding: line, as: UTF8.self)
        }
    }

    /// The line as it is written, without a line end. May contain keys: see ``redactedText``.
    public var text: String {
        guard let type else { return value }
        return String(decoding: [type, UInt8(ascii: "=")], as: UTF8.self) + value
    }

    /// The line with key material replaced by `***`, for logs: `a=crypto` (RFC 4568) and `k=`.
    public var redactedText: String {
        if type == UInt8(ascii: "k") { return "k=***" }
        guard let (name, value) = attribute, name == "crypto" else { return text }
        // Tag and suite; a key that stands in their place is one all the same.
        let words = value.asciiWords(limit: 3)
        let tag = words.first.map(CryptoRefusal.shown) ?? ""
        let suite = words.count > 1 ? CryptoRefusal.shown(words[1]) : ""
        return "a=crypto:\(tag) \(suite) ***"
    }

    /// For an `a=` line: the attribute's name in lower case, and its trimmed value ("" for a flag).
    public var attribute: (name: String, value: String)? {
        guard type == UInt8(ascii: "a") else { return nil }
        let bytes = value.utf8
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else {
            return (value.asciiTrimmed.asciiLowercased, "")
        }
        let name = String(decoding: bytes[..<colon], as: UTF8.self).asciiTrimmed.asciiLowercased
        return (name, String(decoding: bytes[bytes.index(after: colon)...], as: UTF8.self).asciiTrimmed)
    }

    private static func singleLine(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 == 0x0A || $0 == 0x0D }) else { return text }
        return String(decoding: text.utf8.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }, as: UTF8.self)
    }
}
