/// A cursor over the octets of one header value or URI; never reads past the end.
struct OctetScanner {
    let octets: [UInt8]
    private(set) var position = 0

    init(_ text: some StringProtocol) {
        octets = Array(text.utf8)
    }

    var isAtEnd: Bool { position >= octets.count }

    var current: UInt8? { position < octets.count ? octets[position] : nil }

    /// What has not been read yet.
    var rest: ArraySlice<UInt8> { octets[position...] }

    func failure(_ reason: String) -> SIPParseError { SIPParseError(reason, at: position) }

    /// Skips SP and HTAB. Folding was undone when the message was read.
    mutating func skipBlanks() {
        while let octet = current, octet.isBlank { position += 1 }
    }

    /// Reads `octet` when it is next.
    mutating func take(_ octet: UInt8) -> Bool {
        guard current == octet else { return false }
        position += 1
        return true
    }

    /// Reads the longest run of octets that `belongs` accepts; may be empty.
    mutating func take(while belongs: (UInt8) -> Bool) -> ArraySlice<UInt8> {
        let start = position
        while let octet = current, belongs(octet) { position += 1 }
        return octets[start..<position]
    }

    /// Reads a `token` (RFC 3261 §25.1).
    mutating func token(_ what: String) throws(SIPParseError) -> String {
        let run = take(while: \.isToken)
        guard !run.isEmpty else { throw failure("expected \(what)") }
        return String(decoding: run, as: UTF8.self)
    }

    /// Reads a `quoted-string`, the cursor being at the opening quote; undoes `quoted-pair`s.
    mutating func quotedString() throws(SIPParseError) -> String {
        guard take(Octet.quote) else { throw failure("expected a quotation mark") }
        var content: [UInt8] = []
        while let octet = current {
            position += 1
            switch octet {
            case Octet.quote:
                return String(decoding: content, as: UTF8.self)
            case Octet.backslash:
                guard let escaped = current else { throw failure("unfinished quoted text") }
                position += 1
                content.append(escaped)
            default:
                content.append(octet)
            }
        }
        throw failure("unbalanced quotation mark")
    }

    /// Demands that only blanks are left.
    mutating func expectEnd() throws(SIPParseError) {
        skipBlanks()
        guard isAtEnd else { throw failure("unexpected text") }
    }
}

extension StringProtocol {
    /// The text as a `quoted-string` of RFC 3261 §25.1. Line ends become blanks: they could start a header.
    var quoted: String {
        var result: [UInt8] = [Octet.quote]
        for octet in utf8 {
            switch octet {
            case Octet.quote, Octet.backslash: result += [Octet.backslash, octet]
            case Octet.carriageReturn, Octet.lineFeed: result.append(Octet.space)
            default: result.append(octet)
            }
        }
        result.append(Octet.quote)
        return String(decoding: result, as: UTF8.self)
    }

    /// Without blanks at both ends.
    var trimmedBlanks: String {
        var octets = Array(utf8)[...]
        while octets.first?.isBlank == true { octets.removeFirst() }
        while octets.last?.isBlank == true { octets.removeLast() }
        return String(decoding: octets, as: UTF8.self)
    }
}
