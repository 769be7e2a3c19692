/// Comma-separated header values (RFC 3261 §7.3.1).
enum HeaderList {
    /// More elements than this are not told apart, so that a datagram of commas costs little: 256. What follows
    /// is the last element, which then cannot be read.
    static let maximumCount = 256

    /// Splits at commas outside quotation marks and `<>`; keeps empty elements; trims blanks.
    static func elements(of value: String) -> [String] { split(value, limit: maximumCount) }

    /// The first element, without splitting the rest.
    static func first(of value: String) -> String { split(value, limit: 2).first ?? "" }

    private static func split(_ value: String, limit: Int) -> [String] {
        let octets = Array(value.utf8)
        var elements: [String] = []
        var start = 0
        var index = 0
        var isQuoted = false
        var isBracketed = false
        while index < octets.count, elements.count < limit - 1 {
            switch octets[index] {
            case Octet.backslash where isQuoted: index += 1
            case Octet.quote where !isBracketed: isQuoted.toggle()
            case Octet.less where !isQuoted: isBracketed = true
            case Octet.greater where !isQuoted: isBracketed = false
            case Octet.comma where !isQuoted && !isBracketed:
                elements.append(String(decoding: octets[start..<index], as: UTF8.self).trimmedBlanks)
                start = index + 1
            default: break
            }
            index += 1
        }
        elements.append(String(decoding: octets[start...], as: UTF8.self).trimmedBlanks)
        return elements
    }
}
