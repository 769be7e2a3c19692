/// Takes the digits that somebody pressed out of a SIP message which is to be kept in a log.
///
/// Gateways write digits in many forms: lines (`Signal=5`), documents (KPML, RFC 4730), single octets, attributes,
/// headers. So the other way round: a body is kept where its type is known to hold no digits, and otherwise only its
/// length is. Linear in the size of the message; one level of multipart, a nested one counts as unknown.
enum DigitRedaction {
    /// Descriptions of sessions and of recordings, and what asks for a picture (RFC 5168).
    private static let harmlessTypes: Set<String> = [
        "application/sdp", "application/rs-metadata", "application/rs-metadata+xml", "application/rs-metadata-request",
        "application/media_control+xml",
    ]

    /// What stands before `=` and a digit wherever lines are kept.
    private static let words = ["digits", "digit", "dtmf", "signal"]

    /// The message with `***` for digits in its header and `*** (length 12)` for bodies that may hold some.
    static func applied(to message: [UInt8]) -> [UInt8] {
        // RFC 3261 §7.5: line ends before the start line are skipped.
        let start = message.firstIndex { $0 != 0x0D && $0 != 0x0A } ?? message.endIndex
        let head = Head(message[start...], isPart: false)
        return Array(message[..<start]) + head.masked + body(head.rest, types: head.types, isPart: false)
    }

    private static func body(_ octets: ArraySlice<UInt8>, types: [String], isPart: Bool) -> [UInt8] {
        guard octets.contains(where: { !$0.isASCIISpace }) else { return Array(octets) }
        // Two types contradict each other, and none says nothing.
        guard types.count == 1, let written = types.first else { return replaced(octets) }
        let type = MediaType(parsing: written)
        if harmlessTypes.contains(type.name) { return lines(octets) }
        if type.isMultipart, !isPart, let boundary = boundary(of: type, in: octets) {
            return parts(octets, boundary: boundary)
        }
        return replaced(octets)
    }

    private static func boundary(of type: MediaType, in body: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        if let declared = type.parameter("boundary").map({ Array($0.utf8)[...] }), !declared.isEmpty,
            MultipartReader.firstDelimiter(in: body, boundary: declared) != nil
        {
            return declared
        }
        return MultipartReader.visibleBoundary(in: body)
    }

    private static func parts(_ body: ArraySlice<UInt8>, boundary: ArraySlice<UInt8>) -> [UInt8] {
        guard var delimiter = MultipartReader.firstDelimiter(in: body, boundary: boundary) else {
            return replaced(body)
        }
        // What stands before the first part and behind the last has no type.
        var out = self.body(body[..<delimiter.start], types: [], isPart: true)
        while true {
            out += body[delimiter.start..<delimiter.next]
            let rest = body[delimiter.next...]
            guard !delimiter.isFinal else { return out + self.body(rest, types: [], isPart: true) }
            let next = MultipartReader.firstDelimiter(in: rest, boundary: boundary)
            let head = Head(next.map { rest[..<$0.start] } ?? rest, isPart: true)
            out += head.masked + self.body(head.rest, types: head.types, isPart: true)
            guard let next else { return out }
            delimiter = next
        }
    }

    /// The line end stays, so that a boundary stands on a line of its own.
    private static func replaced(_ octets: ArraySlice<UInt8>) -> [UInt8] {
        let end = octets.reversed().prefix(2).prefix { $0 == 0x0D || $0 == 0x0A }.count
        return Array("*** (length \(octets.count))".utf8) + octets.suffix(end)
    }

    private static func lines(_ octets: ArraySlice<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        var line = octets.startIndex
        while line < octets.endIndex {
            let next = MultipartReader.lineEnd(octets, from: line)
            let text = withoutEnd(octets[line..<next])
            out += masked(text) ?? Array(text)
            out += octets[text.endIndex..<next]
            line = next
        }
        return out
    }

    private static func withoutEnd(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        line.prefix { $0 != 0x0D && $0 != 0x0A }
    }

    /// The line up to the first `digits=` or the like, which may have blanks before the equals sign; nil without one.
    private static func masked(_ line: ArraySlice<UInt8>) -> [UInt8]? {
        guard let equals = words.compactMap({ equals(after: $0, in: line) }).min() else { return nil }
        return Array(line[...equals]) + Array("***".utf8)
    }

    private static func equals(after word: String, in line: ArraySlice<UInt8>) -> Int? {
        var rest = line
        while let end = MessageRedaction.end(of: word, in: rest) {
            rest = line[end...]
            if let next = rest.firstIndex(where: { !$0.isASCIIBlank }), line[next] == UInt8(ascii: "=") { return next }
        }
        return nil
    }
}

extension DigitRedaction {
    /// The header section of a message or of a part of a body.
    private struct Head {
        /// The section with its empty line, digits masked.
        var masked: [UInt8] = []
        /// The values of its Content-Type fields, folded ones joined.
        var types: [String] = []
        /// What follows.
        var rest: ArraySlice<UInt8>

        /// What becomes of the lines that a field is folded into.
        private enum Field { case kept, type, hidden }

        init(_ entity: ArraySlice<UInt8>, isPart: Bool) {
            rest = entity
            var field = Field.kept
            var isStart = !isPart
            while let first = rest.first {
                let next = MultipartReader.lineEnd(rest, from: rest.startIndex)
                let text = DigitRedaction.withoutEnd(rest[..<next])
                let end = rest[text.endIndex..<next]
                rest = rest[next...]
                if text.isEmpty {
                    masked += end
                    return
                }
                if isStart {
                    isStart = false
                    masked += DigitRedaction.masked(text) ?? Array(text)
                } else if first.isASCIIBlank {
                    if field == .type, let last = types.popLast() { types.append(last + " " + text.text.asciiTrimmed) }
                    if field != .hidden { add(text, to: &field) }
                } else {
                    field = begin(text, isPart: isPart)
                }
                masked += end
            }
        }

        private mutating func begin(_ line: ArraySlice<UInt8>, isPart: Bool) -> Field {
            // What is no field at all may be a body whose empty line was forgotten.
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
                masked += "***".utf8
                return .hidden
            }
            let name = line[..<colon].text.asciiTrimmed.asciiLowercased
            guard !Self.tellsDigits(name), !isPart || name.hasPrefix("content-") else {
                masked += line[...colon] + " ***".utf8
                return .hidden
            }
            let isType = name == "content-type" || name == "c"
            if isType { types.append(line[(colon + 1)...].text.asciiTrimmed) }
            var field = isType ? Field.type : .kept
            add(line, to: &field)
            return field
        }

        private mutating func add(_ line: ArraySlice<UInt8>, to field: inout Field) {
            guard let hidden = DigitRedaction.masked(line) else {
                masked += line
                return
            }
            masked += hidden
            if field == .kept { field = .hidden }
        }

        private static func tellsDigits(_ name: String) -> Bool {
            name == "signal" || name.hasSuffix("-signal")
                || ["dtmf", "digit"].contains { MessageRedaction.end(of: $0, in: Array(name.utf8)[...]) != nil }
        }
    }
}
