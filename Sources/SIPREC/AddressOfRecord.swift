/// A participant's address, taken apart as far as it can be: `sip:+15550100@sbc.example;user=phone`, `tel:+15550100`,
/// `1000@192.0.2.1`, `Extension-1000`.
public struct AddressOfRecord: Sendable, Equatable, CustomStringConvertible {
    /// As written, trimmed.
    public let text: String
    /// `sip`, `sips`, `tel` in lower case; nil where none is written.
    public let scheme: String?
    /// The user part, escapes resolved, without password and parameters; nil where there is none.
    public let user: String?
    /// Without port and parameters, in lower case, IPv6 without brackets; nil where there is none.
    public let host: String?

    /// Reads an address; never fails.
    public init(parsing text: some StringProtocol) {
        let text = text.asciiTrimmed
        self.text = text
        var rest = Array(text.utf8)[...]
        if let open = rest.firstIndex(of: UInt8(ascii: "<")) {
            let end = rest[open...].firstIndex(of: UInt8(ascii: ">")) ?? rest.endIndex
            rest = rest[(open + 1)..<max(end, open + 1)]
        }
        let scheme = ["sip:", "sips:", "tel:"].first { rest.text.asciiLowercased.hasPrefix($0) }
        self.scheme = scheme.map { String($0.dropLast()) }
        rest = rest.dropFirst(scheme?.utf8.count ?? 0)
        if let at = rest.lastIndex(of: UInt8(ascii: "@")) {
            user = AddressOfRecord.user(rest[..<at])
            host = AddressOfRecord.host(rest[(at + 1)...])
        } else if scheme == "sip:" || scheme == "sips:" {
            // RFC 3261 §19.1.1: without `@` it is a host.
            user = nil
            host = AddressOfRecord.host(rest)
        } else {
            user = AddressOfRecord.user(rest)
            host = nil
        }
    }

    /// The user part where it is a number: digits with an optional `+`, visual separators (RFC 3966 §5.1.1) removed.
    public var number: String? {
        guard let user else { return nil }
        let bytes = user.utf8.filter { !Array("-.() ".utf8).contains($0) }
        let digits = bytes.first == UInt8(ascii: "+") ? bytes.dropFirst() : bytes[...]
        guard !digits.isEmpty, digits.allSatisfy({ $0.isASCIIDigit || $0 == 0x2A || $0 == 0x23 }) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Whether both mean one user: same number with or without `+`, else the same user part in any case of letters.
    public func isSameUser(as other: AddressOfRecord) -> Bool {
        if let mine = number, let theirs = other.number { return mine.drop { $0 == "+" } == theirs.drop { $0 == "+" } }
        guard let mine = user, let theirs = other.user else { return false }
        return mine.asciiLowercased == theirs.asciiLowercased
    }

    /// The address as written.
    public var description: String { text }

    private static func user(_ bytes: ArraySlice<UInt8>) -> String? {
        let end = bytes.firstIndex { $0 == UInt8(ascii: ";") || $0 == UInt8(ascii: ":") } ?? bytes.endIndex
        return unescaped(bytes[..<end]).nonBlank
    }

    private static func host(_ bytes: ArraySlice<UInt8>) -> String? {
        let end = bytes.firstIndex { $0 == UInt8(ascii: ";") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: ">") }
        let hostPort = bytes[..<(end ?? bytes.endIndex)]
        if hostPort.first == UInt8(ascii: "[") {
            let close = hostPort.firstIndex(of: UInt8(ascii: "]")) ?? hostPort.endIndex
            return hostPort[(hostPort.startIndex + 1)..<close].text.asciiLowercased.nonBlank
        }
        let colons = hostPort.filter { $0 == UInt8(ascii: ":") }.count
        let hostEnd = colons == 1 ? hostPort.firstIndex(of: UInt8(ascii: ":")) : nil
        return hostPort[..<(hostEnd ?? hostPort.endIndex)].text.asciiLowercased.nonBlank
    }

    private static func unescaped(_ bytes: ArraySlice<UInt8>) -> String {
        var out: [UInt8] = []
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.endIndex,
                let value = UInt8(bytes[(index + 1)...(index + 2)].text, radix: 16)
            {
                out.append(value)
                index += 3
            } else {
                out.append(bytes[index])
                index += 1
            }
        }
        return out.text
    }
}
