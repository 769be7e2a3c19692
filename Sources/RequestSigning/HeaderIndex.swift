/// A request's fields by lower-case name: looked up by name as often as there are signed fields, in linear time.
struct HeaderIndex {
    private var values: [String: [String]] = [:]

    init(_ head: SignedRequestHead) {
        for (name, value) in head.headers { values[name.lowercasedASCII, default: []].append(value) }
    }

    var names: some Sequence<String> { values.keys }

    func contains(_ name: String) -> Bool { values[name] != nil }

    /// The one value of a field that steers the check.
    /// - Throws: ``SignatureError/incomplete(_:)`` when it is there twice: two readers might take different ones.
    func single(_ name: String) throws(SignatureError) -> String? {
        guard let all = values[name] else { return nil }
        guard all.count == 1, let value = all.first else {
            throw .incomplete("The request has the header '\(name)' more than once.")
        }
        return String(decoding: Self.trimmed(value), as: UTF8.self)
    }

    /// `name:value\n` for each name: values trimmed, white space in a row (a folded line too) as one blank, repeated
    /// fields joined by commas in the order received.
    func canonicalLines(_ names: [String]) -> [UInt8] {
        var lines: [UInt8] = []
        for name in names {
            lines.append(contentsOf: name.utf8)
            lines.append(UInt8(ascii: ":"))
            for (index, value) in (values[name] ?? []).enumerated() {
                if index > 0 { lines.append(UInt8(ascii: ",")) }
                lines.append(contentsOf: Self.trimmed(value))
            }
            lines.append(0x0A)
        }
        return lines
    }

    private static func trimmed(_ value: String) -> [UInt8] {
        var output: [UInt8] = []
        var isAfterSpace = false
        for octet in value.utf8 {
            if octet.isSpace {
                isAfterSpace = true
            } else {
                if isAfterSpace, !output.isEmpty { output.append(0x20) }
                isAfterSpace = false
                output.append(octet)
            }
        }
        return output
    }
}
