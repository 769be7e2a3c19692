/// A query, taken apart once: for its parameters and for its line in the canonical request.
struct CanonicalQuery {
    private struct Part {
        /// As received.
        var rawName: ArraySlice<UInt8>
        var rawValue: ArraySlice<UInt8>
        /// Without percent escapes.
        var name: [UInt8]
        var value: [UInt8]
    }

    private var parts: [Part]

    /// A query from outside.
    init(_ query: String, limits: SigningLimits) throws(SignatureError) {
        let separators = query.utf8.reduce(0) { $0 + ($1 == UInt8(ascii: "&") ? 1 : 0) }
        guard separators < limits.parameters else {
            throw .tooLarge("the query has more than \(limits.parameters) parameters")
        }
        self.init(query)
    }

    /// A query of our own.
    init(_ query: String) {
        parts = []
        guard !query.isEmpty else { return }
        for piece in Array(query.utf8).split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false) {
            let mark = piece.firstIndex(of: UInt8(ascii: "="))
            let name = piece[..<(mark ?? piece.endIndex)]
            let value = mark.map { piece[($0 + 1)...] } ?? []
            parts.append(
                Part(
                    rawName: name, rawValue: value, name: PercentEncoding.decode(name),
                    value: PercentEncoding.decode(value)))
        }
    }

    /// The values of a parameter; names are compared with their case, as AWS does.
    func values(_ name: String) -> [String] {
        parts.filter { $0.name.elementsEqual(name.utf8) }.map { String(decoding: $0.value, as: UTF8.self) }
    }

    /// Without a parameter: `X-Amz-Signature` is not part of what it signs.
    func removing(_ name: String) -> CanonicalQuery {
        var copy = self
        copy.parts.removeAll { $0.name.elementsEqual(name.utf8) }
        return copy
    }

    /// As the documentation has it: each name and value decoded, encoded anew, sorted.
    var line: [UInt8] {
        let encoded = parts.filter { !$0.rawName.isEmpty || !$0.rawValue.isEmpty }
            .map { (PercentEncoding.encode($0.name)[...], PercentEncoding.encode($0.value)[...]) }
        return Self.joined(encoded)
    }

    /// As botocore and others sign: sorted, but as it stands. The same for every query that is encoded in full.
    var lineAsReceived: [UInt8] { Self.joined(parts.map { ($0.rawName, $0.rawValue) }) }

    private static func joined(_ pairs: [(ArraySlice<UInt8>, ArraySlice<UInt8>)]) -> [UInt8] {
        let sorted = pairs.sorted { left, right in
            if left.0 != right.0 { return left.0.lexicographicallyPrecedes(right.0) }
            return left.1.lexicographicallyPrecedes(right.1)
        }
        var line: [UInt8] = []
        for (name, value) in sorted {
            if !line.isEmpty { line.append(UInt8(ascii: "&")) }
            line.append(contentsOf: name)
            line.append(UInt8(ascii: "="))
            line.append(contentsOf: value)
        }
        return line
    }
}
