/// The `%`-escapes of RFC 3261 §19.1.2. Text is decoded exactly once, so that `%2541` means `%41`.
enum PercentEncoding {
    /// Decodes; nil when a `%` is not followed by two hexadecimal digits.
    /// Escapes that do not form UTF-8 are repaired with U+FFFD. `%00` is an ordinary character.
    static func decode(_ octets: ArraySlice<UInt8>) -> String? {
        guard octets.contains(Octet.percent) else { return String(decoding: octets, as: UTF8.self) }
        var decoded: [UInt8] = []
        var index = octets.startIndex
        while index < octets.endIndex {
            let octet = octets[index]
            index += 1
            guard octet == Octet.percent else {
                decoded.append(octet)
                continue
            }
            guard octets.endIndex - index >= 2,
                let high = octets[index].hexValue, let low = octets[index + 1].hexValue
            else { return nil }
            decoded.append(high << 4 | low)
            index += 2
        }
        return String(decoding: decoded, as: UTF8.self)
    }

    /// Encodes every octet that `isPlain` does not accept.
    static func encode(_ text: String, plain isPlain: (UInt8) -> Bool) -> String {
        guard !text.utf8.allSatisfy(isPlain) else { return text }
        let digits = Array("0123456789ABCDEF".utf8)
        var encoded: [UInt8] = []
        for octet in text.utf8 {
            if isPlain(octet) {
                encoded.append(octet)
            } else {
                encoded += [Octet.percent, digits[Int(octet >> 4)], digits[Int(octet & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    /// `unreserved` of RFC 3261 §25.1.
    static func isUnreserved(_ octet: UInt8) -> Bool {
        octet.isAlphanumeric || "-_.!~*'()".utf8.contains(octet)
    }

    /// `unreserved` and `user-unreserved`.
    static func isPlainInUser(_ octet: UInt8) -> Bool {
        isUnreserved(octet) || "&=+$,;?/".utf8.contains(octet)
    }

    /// `unreserved` and what `password` adds.
    static func isPlainInPassword(_ octet: UInt8) -> Bool {
        isUnreserved(octet) || "&=+$,".utf8.contains(octet)
    }

    /// `paramchar`.
    static func isPlainInParameter(_ octet: UInt8) -> Bool {
        isUnreserved(octet) || "[]/:&+$".utf8.contains(octet)
    }

    /// `hnv-unreserved` and `unreserved`.
    static func isPlainInHeader(_ octet: UInt8) -> Bool {
        isUnreserved(octet) || "[]/?:+$".utf8.contains(octet)
    }
}
