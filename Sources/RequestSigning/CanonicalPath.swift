/// The path's line in the canonical request.
enum CanonicalPath {
    /// - Parameter isPlain: S3's rule: the path as it stands on the request line.
    static func line(_ path: String, isPlain: Bool) -> [UInt8] {
        let octets = Array(path.utf8)
        guard !octets.isEmpty else { return [UInt8(ascii: "/")] }
        guard !isPlain else { return octets }
        // What is encoded already is encoded once more: `%20` becomes `%2520`.
        var line: [UInt8] = []
        for octet in withoutDotSegments(octets) {
            if PercentEncoding.isUnreserved(octet) || octet == UInt8(ascii: "/") {
                line.append(octet)
            } else {
                Hexadecimal.appendEscape(octet, to: &line)
            }
        }
        return line
    }

    /// RFC 3986 §5.2.4; slashes in a row count as one.
    private static func withoutDotSegments(_ path: [UInt8]) -> [UInt8] {
        let slash = UInt8(ascii: "/")
        let dot = UInt8(ascii: ".")
        var kept: [ArraySlice<UInt8>] = []
        for segment in path.split(separator: slash) {
            if segment.elementsEqual([dot]) { continue }
            if segment.elementsEqual([dot, dot]) {
                _ = kept.popLast()
            } else {
                kept.append(segment)
            }
        }
        var result: [UInt8] = path.first == slash ? [slash] : []
        result.append(contentsOf: kept.joined(separator: [slash]))
        if path.last == slash, !kept.isEmpty { result.append(slash) }
        return result
    }
}
