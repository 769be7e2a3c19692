/// A tolerant, bounded reader of the XML that recording metadata is.
///
/// It never fails and never recurses: a missing end tag closes with its parent, a wrong one is dropped, `<` before
/// anything that is no tag is text (some sources write a bare `<sip:…>`). Entities: the five of XML 1.0 §4.6 and numeric
/// references; a DOCTYPE is skipped, so nothing is ever expanded and a "billion laughs" document costs its own size.
struct XMLReader {
    static let maximumOctets = 262_144
    static let maximumDepth = 32
    static let maximumElements = 8192
    static let maximumAttributes = 32
    static let maximumText = 65_536

    private let bytes: ArraySlice<UInt8>
    private var position: Int
    private var tree = XMLTree()
    /// Open elements with the names their end tags must have.
    private var open: [(index: Int, name: ArraySlice<UInt8>)] = []
    /// Elements deeper than the limit that are open and not kept.
    private var skippedDepth = 0

    /// Reads a document. Larger ones are read up to ``maximumOctets``.
    static func read(_ bytes: [UInt8]) -> XMLTree {
        var reader = XMLReader(XMLReader.utf8(bytes)[...])
        return reader.run()
    }

    private init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes.prefix(XMLReader.maximumOctets)
        position = bytes.startIndex
        if bytes.count > XMLReader.maximumOctets { tree.findings.append(.tooLarge) }
    }

    private mutating func run() -> XMLTree {
        while position < bytes.endIndex {
            if bytes[position] == UInt8(ascii: "<"), readMarkup() { continue }
            readText()
        }
        if !open.isEmpty { note(.notWellFormed) }
        while !open.isEmpty { closeLast(at: bytes.endIndex) }
        return tree
    }

    private mutating func note(_ finding: XMLTree.Finding) {
        if !tree.findings.contains(finding) { tree.findings.append(finding) }
    }

    private mutating func readText() {
        let start = position
        // A `<` that did not start markup is part of the text.
        if bytes[position] == UInt8(ascii: "<") {
            note(.notWellFormed)
            position += 1
        }
        position = bytes[position...].firstIndex(of: UInt8(ascii: "<")) ?? bytes.endIndex
        appendText(resolve(bytes[start..<position]))
    }

    private mutating func appendText(_ text: String) {
        guard skippedDepth == 0, let last = open.last?.index, !text.isEmpty else { return }
        guard tree.elements[last].text.utf8.count + text.utf8.count <= XMLReader.maximumText else {
            return note(.tooLarge)
        }
        tree.elements[last].text += text
    }

    /// Reads what starts at `<`; false where it is no markup.
    private mutating func readMarkup() -> Bool {
        let rest = bytes[position...]
        if rest.starts(with: "<!--".utf8) { return skip(past: "-->", from: 4) }
        if rest.starts(with: "<![CDATA[".utf8) {
            let start = position + 9
            let end = find("]]>", from: start)
            appendText(bytes[start..<(end ?? bytes.endIndex)].text)
            position = end.map { $0 + 3 } ?? bytes.endIndex
            return true
        }
        if rest.starts(with: "<?".utf8) { return skip(past: "?>", from: 2) }
        if rest.starts(with: "<!".utf8) { return skipDeclaration() }
        if rest.starts(with: "</".utf8) { return readEndTag() }
        return readStartTag()
    }

    private mutating func skip(past end: String, from offset: Int) -> Bool {
        let found = find(end, from: min(position + offset, bytes.endIndex))
        if found == nil { note(.notWellFormed) }
        position = found.map { $0 + end.utf8.count } ?? bytes.endIndex
        return true
    }

    private func find(_ text: String, from start: Int) -> Int? {
        let wanted = Array(text.utf8)
        guard let first = wanted.first else { return nil }
        var index = start
        while let candidate = bytes[index...].firstIndex(of: first) {
            if bytes[candidate...].starts(with: wanted) { return candidate }
            index = candidate + 1
        }
        return nil
    }

    /// `<!DOCTYPE … [ … ]>`: skipped whole, whatever it declares.
    private mutating func skipDeclaration() -> Bool {
        var brackets = 0
        var index = position
        while index < bytes.endIndex {
            let byte = bytes[index]
            index += 1
            if byte == UInt8(ascii: "[") {
                brackets += 1
            } else if byte == UInt8(ascii: "]") {
                brackets -= 1
            } else if byte == UInt8(ascii: ">"), brackets <= 0 {
                break
            }
        }
        position = index
        return true
    }

    private mutating func readEndTag() -> Bool {
        let start = position
        guard let name = nameEnd(from: position + 2).map({ bytes[(start + 2)..<$0] }) else { return false }
        // A short window: a search to the end at every `</` would make the reader quadratic.
        let window = bytes[name.endIndex...].prefix(256)
        guard let end = window.firstIndex(of: UInt8(ascii: ">")) else { return false }
        position = end + 1
        if skippedDepth > 0 {
            skippedDepth -= 1
            return true
        }
        guard let match = open.lastIndex(where: { $0.name.elementsEqual(name) }) else {
            note(.notWellFormed)
            return true
        }
        if match != open.count - 1 { note(.notWellFormed) }
        while open.count > match + 1 { closeLast(at: start) }
        closeLast(at: position)
        return true
    }

    private mutating func closeLast(at end: Int) {
        guard let last = open.popLast() else { return }
        tree.elements[last.index].range = tree.elements[last.index].range.lowerBound..<end
    }

    private mutating func readStartTag() -> Bool {
        let start = position
        guard let end = nameEnd(from: position + 1) else { return false }
        let name = bytes[(start + 1)..<end]
        // `<sip:1000>` is an address, not an element of a namespace called sip.
        guard !XMLReader.isURIScheme(name) else { return false }
        guard end < bytes.endIndex else { return false }
        let next = bytes[end]
        guard next.isASCIISpace || next == UInt8(ascii: ">") || next == UInt8(ascii: "/") else { return false }
        position = end
        let (attributes, isEmpty) = readAttributes()
        add(name: name, attributes: attributes, start: start, isEmpty: isEmpty)
        return true
    }

    private mutating func add(
        name: ArraySlice<UInt8>, attributes: [(name: String, value: String)], start: Int, isEmpty: Bool
    ) {
        guard skippedDepth == 0, open.count < XMLReader.maximumDepth else {
            note(.tooDeep)
            if !isEmpty { skippedDepth += 1 }
            return
        }
        guard tree.elements.count < XMLReader.maximumElements else {
            note(.tooManyElements)
            if !isEmpty { skippedDepth += 1 }
            return
        }
        let written = name.text
        let parent = open.last?.index
        let index = tree.elements.count
        let prefix = written.utf8.firstIndex(of: UInt8(ascii: ":")).map {
            String(decoding: written.utf8[..<$0], as: UTF8.self)
        }
        let local = prefix.map { String(decoding: written.utf8.dropFirst($0.utf8.count + 1), as: UTF8.self) } ?? written
        tree.elements.append(
            XMLTree.Element(
                name: local, key: XMLTree.key(written),
                namespace: namespace(prefix: prefix, attributes: attributes, parent: parent),
                attributes: attributes.map { .init(key: XMLReader.attributeKey($0.name), value: $0.value) },
                parent: parent, range: start..<position))
        if let parent { tree.elements[parent].children.append(index) }
        if !isEmpty { open.append((index, name)) }
    }

    /// `xmlns` declarations keep their colon so that they are never taken for plain attributes.
    private static func attributeKey(_ name: String) -> String {
        name.hasPrefix("xmlns") ? name : XMLTree.key(name)
    }

    private func namespace(
        prefix: String?, attributes: [(name: String, value: String)], parent: Int?
    ) -> String {
        let wanted = prefix.map { "xmlns:" + $0 } ?? "xmlns"
        if let own = attributes.first(where: { $0.name == wanted }) { return own.value }
        for level in open.reversed() {
            let declared = tree.elements[level.index].attributes.first { $0.key == wanted }
            if let declared { return declared.value }
        }
        return ""
    }

    /// Reads up to and past the `>` of a start tag.
    private mutating func readAttributes() -> (attributes: [(name: String, value: String)], isEmpty: Bool) {
        var attributes: [(name: String, value: String)] = []
        while position < bytes.endIndex {
            let byte = bytes[position]
            if byte == UInt8(ascii: ">") {
                position += 1
                return (attributes, false)
            }
            if byte == UInt8(ascii: "/"), position + 1 < bytes.endIndex, bytes[position + 1] == UInt8(ascii: ">") {
                position += 2
                return (attributes, true)
            }
            // A tag that never ended: the next one starts here.
            if byte == UInt8(ascii: "<") {
                note(.notWellFormed)
                return (attributes, false)
            }
            guard let end = nameEnd(from: position) else {
                position += 1
                continue
            }
            let name = bytes[position..<end].text
            position = end
            let value = readAttributeValue()
            if attributes.count < XMLReader.maximumAttributes { attributes.append((name, value)) }
        }
        note(.notWellFormed)
        return (attributes, false)
    }

    private mutating func readAttributeValue() -> String {
        var index = position
        func skipSpace() { while index < bytes.endIndex, bytes[index].isASCIISpace { index += 1 } }
        skipSpace()
        guard index < bytes.endIndex, bytes[index] == UInt8(ascii: "=") else { return "" }
        index += 1
        skipSpace()
        guard index < bytes.endIndex else { position = index; return "" }
        let quote = bytes[index]
        let start: Int
        let end: Int
        if quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
            start = index + 1
            end = bytes[start...].firstIndex(of: quote) ?? bytes.endIndex
            position = min(end + 1, bytes.endIndex)
        } else {
            start = index
            end = bytes[start...].firstIndex { $0.isASCIISpace || $0 == UInt8(ascii: ">") } ?? bytes.endIndex
            position = end
        }
        return resolve(bytes[start..<end])
    }

    /// The end of the name at `start`; nil where no name starts there.
    private func nameEnd(from start: Int) -> Int? {
        guard start < bytes.endIndex,
            bytes[start].isASCIILetter || bytes[start] == UInt8(ascii: "_") || bytes[start] >= 0x80
        else { return nil }
        return bytes[start...].firstIndex { byte in
            !(byte.isASCIILetter || byte.isASCIIDigit || byte >= 0x80 || byte == UInt8(ascii: ":")
                || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "."))
        } ?? bytes.endIndex
    }

    private static func isURIScheme(_ name: ArraySlice<UInt8>) -> Bool {
        let lower = name.text.asciiLowercased
        return lower.hasPrefix("sip:") || lower.hasPrefix("sips:") || lower.hasPrefix("tel:")
    }

    private mutating func resolve(_ bytes: ArraySlice<UInt8>) -> String {
        guard bytes.contains(UInt8(ascii: "&")) else { return bytes.text }
        let (text, known) = XMLReference.resolve(bytes)
        if !known { note(.unknownEntity) }
        return text
    }
}
