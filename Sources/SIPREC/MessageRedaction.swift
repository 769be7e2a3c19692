import SDP

/// SIP messages as they may be kept in a log: without keys and without credentials.
public enum MessageRedaction {
    /// The message as text, in which `***` stands for
    /// - the keys of `a=crypto` (RFC 4568 §9.1) and `k=` lines of session descriptions, in whatever part of a body, and
    ///   whatever follows `inline:` anywhere,
    /// - the values of header fields by which a client shows who it is (`Authorization`, `Proxy-Authorization`), folded
    ///   ones too,
    /// - where digits are redacted, whatever may be a key that somebody pressed, in messages of any method and their
    ///   answers: a body, or part of a multipart body, that is neither a session description nor recording metadata nor
    ///   a request for a picture, of which `*** (length 12)` stays; header fields such as `X-DTMF`; and what follows
    ///   `digits=`, `signal=` or `dtmf=` anywhere.
    ///
    /// Octets that are no UTF-8 become U+FFFD. Line ends stay as they are: CRLF, LF or CR.
    public static func text(_ message: [UInt8], redactsDigits: Bool = false) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(message.count)
        let message = redactsDigits ? DigitRedaction.applied(to: message) : message
        var rest = message[...]
        var isInCredentials = false
        while !rest.isEmpty {
            // Octet by octet: to `Character` CR LF is one letter, and a line would not end where it does.
            let end = rest.firstIndex { $0 == 0x0A || $0 == 0x0D } ?? rest.endIndex
            let line = rest[rest.startIndex..<end]
            let isFolded = line.first == 0x20 || line.first == 0x09
            if !line.isEmpty, !isFolded { isInCredentials = isCredentials(line) }
            if line.isEmpty {
                // Nothing to mask.
            } else if isInCredentials {
                out += isFolded ? [] : Array(line.prefix { $0 != UInt8(ascii: ":") }) + Array(": ***".utf8)
            } else {
                out += redacted(line)
            }
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
    static func end(of word: String, in line: ArraySlice<UInt8>) -> Int? {
        let wanted = Array(word.utf8)
        guard line.count >= wanted.count else { return nil }
        for start in line.startIndex...(line.endIndex - wanted.count) {
            let window = line[start..<(start + wanted.count)]
            if zip(window, wanted).allSatisfy({ $0 | 0x20 == $1 | 0x20 }) { return start + wanted.count }
        }
        return nil
    }
}
