/// Splits a body at its boundary lines.
///
/// A boundary line may be indented and may have blanks after it; lines end with CRLF, LF or CR. One pass a level, linear
/// in the size of the body.
struct MultipartReader {
    private(set) var parts: [BodyPart] = []
    private(set) var findings: [MultipartBody.Finding] = []

    /// Longer boundaries are not guessed (RFC 2046 §5.1.1 allows 70 characters).
    private static let maximumGuessedBoundary = 200
    private static let maximumHeaders = 32

    mutating func read(_ body: ArraySlice<UInt8>, type: String, disposition: String?, depth: Int) {
        let mediaType = MediaType(parsing: type)
        let declared = mediaType.isMultipart ? mediaType.parameter("boundary").map { Array($0.utf8) } : nil
        if let declared, !declared.isEmpty, Self.firstDelimiter(in: body, boundary: declared[...]) != nil {
            split(body, boundary: declared[...], depth: depth)
            return
        }
        if let guessed = Self.visibleBoundary(in: body) {
            note(.boundaryGuessed)
            split(body, boundary: guessed, depth: depth)
            return
        }
        if mediaType.isMultipart { note(.noBoundaryFound) }
        guard body.contains(where: { !$0.isASCIISpace }) else { return }
        var headers = type.isEmpty ? [] : [BodyPart.Header(name: "Content-Type", value: type)]
        if let disposition { headers.append(.init(name: "Content-Disposition", value: disposition)) }
        append(BodyPart(headers: headers, content: Array(body)))
    }

    private mutating func note(_ finding: MultipartBody.Finding) {
        if !findings.contains(finding) { findings.append(finding) }
    }

    private mutating func append(_ part: BodyPart) {
        guard parts.count < MultipartBody.maximumParts else { return note(.tooManyParts) }
        parts.append(part)
    }

    private mutating func split(_ body: ArraySlice<UInt8>, boundary: ArraySlice<UInt8>, depth: Int) {
        guard var delimiter = Self.firstDelimiter(in: body, boundary: boundary) else { return }
        while !delimiter.isFinal {
            guard parts.count < MultipartBody.maximumParts else { return note(.tooManyParts) }
            let (headers, contentStart) = Self.headers(in: body, from: delimiter.next)
            var searchFrom = contentStart
            if let length = Self.contentLength(headers) {
                // Believed only where it leads to a boundary line, else a wrong number would swallow the next part.
                if let end = Self.sanePartEnd(body, from: contentStart, length: length, boundary: boundary) {
                    searchFrom = end
                } else {
                    note(.wrongPartLength)
                }
            }
            let next = Self.firstDelimiter(in: body[searchFrom...], boundary: boundary)
            if next == nil { note(.missingFinalBoundary) }
            let contentEnd =
                next.map { Self.withoutLineEnd(body, from: contentStart, before: $0.start) } ?? body.endIndex
            add(headers: headers, content: body[contentStart..<contentEnd], depth: depth)
            guard let next else { return }
            delimiter = next
        }
    }

    private mutating func add(headers: [BodyPart.Header], content: ArraySlice<UInt8>, depth: Int) {
        if headers.isEmpty {
            // The part that a doubled boundary line makes.
            guard content.contains(where: { !$0.isASCIISpace }) else { return }
            note(.partWithoutHeaders)
        }
        let part = BodyPart(headers: headers, content: Array(content))
        guard part.mediaType.isMultipart else { return append(part) }
        guard depth == 0 else {
            note(.nestedTooDeep)
            return append(part)
        }
        read(part.content[...], type: part.header("content-type") ?? "", disposition: nil, depth: depth + 1)
    }

    private static func contentLength(_ headers: [BodyPart.Header]) -> Int? {
        headers.first { $0.name.asciiLowercased == "content-length" }.flatMap { Int($0.value) }
    }
}

extension MultipartReader {
    struct Delimiter {
        /// Where the line starts.
        let start: Int
        /// Where the next line starts.
        let next: Int
        let isFinal: Bool
    }

    static func firstDelimiter(in body: ArraySlice<UInt8>, boundary: ArraySlice<UInt8>) -> Delimiter? {
        var line = body.startIndex
        while line < body.endIndex {
            let next = lineEnd(body, from: line)
            if let delimiter = delimiter(body, line: line, next: next, boundary: boundary) { return delimiter }
            line = next
        }
        return nil
    }

    /// The start of the line after the one at `start`.
    static func lineEnd(_ body: ArraySlice<UInt8>, from start: Int) -> Int {
        guard let end = body[start...].firstIndex(where: { $0 == 0x0A || $0 == 0x0D }) else { return body.endIndex }
        let after = end + 1
        return body[end] == 0x0D && after < body.endIndex && body[after] == 0x0A ? after + 1 : after
    }

    private static func delimiter(
        _ body: ArraySlice<UInt8>, line: Int, next: Int, boundary: ArraySlice<UInt8>
    ) -> Delimiter? {
        let text = trimmed(body[line..<next])
        guard text.starts(with: "--".utf8) else { return nil }
        let rest = text.dropFirst(2)
        guard rest.starts(with: boundary) else { return nil }
        let tail = trimmed(rest.dropFirst(boundary.count))
        if tail.isEmpty { return Delimiter(start: line, next: next, isFinal: false) }
        return tail.elementsEqual("--".utf8) ? Delimiter(start: line, next: next, isFinal: true) : nil
    }

    /// A line `--word` that is followed by a header line.
    static func visibleBoundary(in body: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        var line = body.startIndex
        var count = 0
        while line < body.endIndex, count < 64 {
            count += 1
            let next = lineEnd(body, from: line)
            let text = trimmed(body[line..<next])
            if text.starts(with: "--".utf8), text.count > 2, text.count <= maximumGuessedBoundary, next < body.endIndex,
                headerName(trimmed(body[next..<lineEnd(body, from: next)])) != nil
            {
                return text.dropFirst(2)
            }
            line = next
        }
        return nil
    }

    /// RFC 2045 §5.1 headers: blanks around the colon or none; folded lines joined. Ends at an empty line, or where a
    /// line is no header at all (a source that forgets the empty line).
    static func headers(in body: ArraySlice<UInt8>, from start: Int) -> (headers: [BodyPart.Header], content: Int) {
        var headers: [BodyPart.Header] = []
        var line = start
        while line < body.endIndex {
            let next = lineEnd(body, from: line)
            let text = trimmed(body[line..<next])
            if text.isEmpty { return (headers, next) }
            let isFolded = body[line].isASCIIBlank && !headers.isEmpty
            if isFolded, let last = headers.popLast() {
                headers.append(.init(name: last.name, value: last.value + " " + text.text))
            } else if let colon = headerName(text) {
                guard headers.count < maximumHeaders else { return (headers, line) }
                let value = trimmed(text[(colon + 1)...])
                headers.append(.init(name: trimmed(text[..<colon]).text, value: value.text))
            } else {
                return (headers, line)
            }
            line = next
        }
        return (headers, body.endIndex)
    }

    /// The index of the colon after a header name; nil for a line that is no header.
    private static func headerName(_ line: ArraySlice<UInt8>) -> Int? {
        guard let first = line.first, first.isASCIILetter else { return nil }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let name = trimmed(line[..<colon])
        return name.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || $0 == UInt8(ascii: "-") } ? colon : nil
    }

    private static func sanePartEnd(
        _ body: ArraySlice<UInt8>, from start: Int, length: Int, boundary: ArraySlice<UInt8>
    ) -> Int? {
        guard length >= 0, length <= body.endIndex - start else { return nil }
        var line = start + length
        // The line end that belongs to the boundary is not counted by those who count right.
        if line < body.endIndex, body[line] == 0x0D || body[line] == 0x0A { line = lineEnd(body, from: line) }
        guard line < body.endIndex else { return nil }
        let found = delimiter(body, line: line, next: lineEnd(body, from: line), boundary: boundary)
        return found == nil ? nil : line
    }

    private static func withoutLineEnd(_ body: ArraySlice<UInt8>, from start: Int, before end: Int) -> Int {
        var end = end
        if end > start, body[end - 1] == 0x0A { end -= 1 }
        if end > start, body[end - 1] == 0x0D { end -= 1 }
        return max(start, end)
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var bytes = bytes
        while let first = bytes.first, first.isASCIISpace { bytes.removeFirst() }
        while let last = bytes.last, last.isASCIISpace { bytes.removeLast() }
        return bytes
    }
}
