/// Reads lines and header fields of one message; lines end with CRLF or a bare LF.
struct MessageReader {
    let octets: [UInt8]
    /// The next octet to read.
    private(set) var position = 0
    /// Lines read so far.
    private(set) var lineCount = 0

    /// The header fields with what was wrong between them.
    struct Section {
        var fields = HeaderFields()
        var faults: [MessageFault] = []
    }

    init(_ octets: [UInt8]) { self.octets = octets }

    mutating func skipEmptyLines() {
        while position < octets.count,
            octets[position] == Octet.carriageReturn || octets[position] == Octet.lineFeed
        {
            position += 1
        }
    }

    /// The next line without its end; nil at the end of the message.
    mutating func nextLine() -> Range<Int>? {
        guard position < octets.count else { return nil }
        let start = position
        var end = octets[start...].firstIndex(of: Octet.lineFeed) ?? octets.count
        position = min(end + 1, octets.count)
        lineCount += 1
        if end > start, octets[end - 1] == Octet.carriageReturn { end -= 1 }
        return start..<end
    }

    /// Reads fields up to the empty line, or to the end: a missing empty line harms nobody when every field
    /// line is whole (RFC 5118 prints such messages).
    mutating func headerSection() throws(SIPParseError) -> Section {
        var section = Section()
        while let line = nextLine(), !line.isEmpty {
            if position == octets.count, octets.last != Octet.lineFeed {
                section.faults.append(.unfinishedHeaders)
            }
            let number = lineCount
            let name = octets[line].prefix { $0 != Octet.colon }
            var value = Array(octets[line].dropFirst(name.count + 1))
            appendContinuations(to: &value)
            var bareName = name
            while bareName.last?.isBlank == true { bareName.removeLast() }
            guard name.count < line.count, !bareName.isEmpty, bareName.allSatisfy(\.isToken) else {
                // One is enough to refuse the message.
                if section.faults.isEmpty { section.faults.append(.headerLine(number: number)) }
                continue
            }
            guard section.fields.fields.count < HeaderFields.maximumCount else {
                throw SIPParseError("more than \(HeaderFields.maximumCount) header fields", at: line.lowerBound)
            }
            section.fields.append(
                HeaderName(String(decoding: bareName, as: UTF8.self)), Self.text(of: value))
        }
        return section
    }

    /// RFC 3261 §7.3.1: a line that begins with a blank continues the field; all blanks there are one SP.
    private mutating func appendContinuations(to value: inout [UInt8]) {
        while position < octets.count, octets[position].isBlank, let line = nextLine() {
            while value.last?.isBlank == true { value.removeLast() }
            value.append(Octet.space)
            value += octets[line].drop(while: \.isBlank)
        }
    }

    /// Trims, and turns a carriage return that ends no line into a blank.
    private static func text(of value: [UInt8]) -> String {
        var octets = value[...]
        while octets.first?.isBlankOrReturn == true { octets.removeFirst() }
        while octets.last?.isBlankOrReturn == true { octets.removeLast() }
        guard octets.contains(Octet.carriageReturn) else { return String(decoding: octets, as: UTF8.self) }
        return String(
            decoding: octets.map { $0 == Octet.carriageReturn ? Octet.space : $0 }, as: UTF8.self)
    }
}

extension UInt8 {
    fileprivate var isBlankOrReturn: Bool { isBlank || self == Octet.carriageReturn }
}
