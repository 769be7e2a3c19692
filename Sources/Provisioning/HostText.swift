/// Rules for names of hosts and domains (RFC 1123 §2.1).
enum HostText {
    /// Whether a text is a domain name: labels of letters, digits and inner `-`, 253 characters at most.
    static func isDomain(_ text: String) -> Bool {
        guard !text.isEmpty, text.utf8.count <= 253 else { return false }
        return text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            !label.isEmpty && label.utf8.count <= 63 && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy(isLetterDigitOrHyphen)
        }
    }

    /// Whether a text is a name such as a region: letters, digits and `-`, 32 characters at most.
    static func isToken(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 32 && text.utf8.allSatisfy(isLetterDigitOrHyphen)
    }

    /// Whether a name could only be a misspelt IPv4 address, such as `10.0.0.300`.
    static func looksLikeIPv4(_ text: String) -> Bool {
        text.utf8.allSatisfy { isDigit($0) || $0 == UInt8(ascii: ".") }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }

    private static func isLetterDigitOrHyphen(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"): true
        default: isDigit(byte)
        }
    }
}
