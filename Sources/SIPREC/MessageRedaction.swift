import SDP

/// SIP messages as they may be kept in a log: without keys and without credentials.
public enum MessageRedaction {
    /// The message as text, in which `***` stands for
    /// - the keys of `a=crypto` (RFC 4568 §9.1) and `k=` lines of session descriptions, in whatever part of a body, and
    ///   whatever follows `inline:` anywhere,
    /// - the values of header fields by which a client shows who it is (`Authorization`, `Proxy-Authorization`), folded
    ///   ones too.
    ///
    /// - where digits are redacted, the keys that INFO requests carry: `Signal=` of `application/dtmf-relay`, the body of
    ///   `application/dtmf`, and the digits of KPML documents (RFC 4730 §5).
    ///
    /// Octets that are no UTF-8 become U+FFFD. Line ends stay as they are: CRLF, LF or CR.
    public static func text(_ message: [UInt8], redactsDigits: Bool = false) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(message.count)
        var rest = message[...]
        var isInCredentials = false
        var isDigitBody = false
        var isInBody = false
        var before: UInt8 = 0
        while !rest.isEmpty {
            // Octet by octet: to `Character` CR LF is one letter, and a line would not end where it does.
            let end = rest.firstIndex { $0 == 0x0A || $0 == 0x0D } ?? rest.endIndex
            let line = rest[rest.startIndex..<end]
            let isFolded = line.first == 0x20 || line.first == 0x09
            if !line.isEmpty, !isFolded { isInCredentials = isCredentials(line) }
            if redactsDigits, !isInBody, isDigitType(line) { isDigitBody = true }
            // An empty line that is not just the LF of a CRLF: the header ends.
            if line.isEmpty, !(before == 0x0D && rest.first == 0x0A) { isInBody = true }
            if line.isEmpty {
                // Nothing to mask.
            } else if isInBody, isDigitBody {
                out += Array("***".utf8)
            } else if isInCredentials {
                out += isFolded ? [] : Array(line.prefix { $0 != UInt8(ascii: ":") }) + Array(": ***".utf8)
            } else {
                out += redactsDigits ? withoutDigits(redacted(line)) : redacted(line)
            }
            before = end < rest.endIndex ? rest[end] : 0
            if end < rest.endIndex { out.append(rest[end]) }
            rest = end < rest.endIndex ? rest[(end + 1)...] : []
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// RFC 3261 §25.1 allows blanks before the colon.
    private static func isCredentials(_ line: ArraySlice<UInt8>) -> Bool {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return false }
        return line[..<colon].text.asciiTrimmed.asciiLowercased.hasSuffix("authorization")
    }

    private static func isDigitType(_ line: ArraySlice<UInt8>) -> Bool {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return false }
        let name = line[..<colon].text.asciiTrimmed.asciiLowercased
        guard name == "content-type" || name == "c" else { return false }
        let type = line[(colon + 1)...].prefix { $0 != UInt8(ascii: ";") }
        return type.text.asciiTrimmed.asciiLowercased == "application/dtmf"
    }

    private static func withoutDigits(_ line: [UInt8]) -> [UInt8] {
        let text = line[...].text.asciiTrimmed.asciiLowercased
        if text.hasPrefix("signal"), let equals = line.firstIndex(of: UInt8(ascii: "=")),
            line[..<equals].text.asciiTrimmed.asciiLowercased == "signal"
        {
            return Array(line[...equals]) + Array("***".utf8)
        }
        // KPML is written by machines: the attribute has one form.
        guard text.contains("digits="), let start = end(of: "digits=", in: line[...]) else { return line }
        return Array(line[..<start]) + Array("***".utf8)
    }

    private static func redacted(_ line: ArraySlice<UInt8>) -> [UInt8] {
        let text = line.drop { $0 == 0x20 || $0 == 0x09 }
        let value = text.dropFirst(2)
        if text.dropFirst().first == UInt8(ascii: "=") {
            switch text.first {
            case UInt8(ascii: "k"): return Array("k=***".utf8)
            case UInt8(ascii: "a"):
                let written = SDPLine("a", value.text)
                if written.attribute?.name == "crypto" { return Array(written.redactedText.utf8) }
            default: break
            }
        }
        guard let key = end(of: "inline:", in: line) else { return Array(line) }
        return Array(line[..<key]) + Array("***".utf8)
    }

    /// Behind the first place where a word of lower case stands, in any case of letters.
    private static func end(of word: String, in line: ArraySlice<UInt8>) -> Int? {
        let wanted = Array(word.utf8)
        guard line.count >= wanted.count else { return nil }
        for start in line.startIndex...(line.endIndex - wanted.count) {
            let window = line[start..<(start + wanted.count)]
            if zip(window, wanted).allSatisfy({ $0 | 0x20 == $1 | 0x20 }) { return start + wanted.count }
        }
        return nil
    }
}
