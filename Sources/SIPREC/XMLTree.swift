/// A document as a flat list of elements, read by ``XMLReader``.
struct XMLTree: Sendable, Equatable {
    struct Element: Sendable, Equatable {
        /// As written, without its prefix.
        let name: String
        /// ``name`` for comparison: lower case, without `_`, `-` and prefix (`participant_id` is `participantid`).
        let key: String
        /// The namespace in force; empty where none is declared.
        let namespace: String
        let attributes: [Attribute]
        let parent: Int?
        /// Positions in ``XMLTree/elements``, each greater than this element's own.
        var children: [Int] = []
        /// The character data directly inside, references resolved, at most ``XMLReader/maximumText`` octets.
        var text = ""
        /// Where the element lies in the octets that were read.
        var range: Range<Int>
    }

    struct Attribute: Sendable, Equatable {
        let key: String
        let value: String
    }

    /// In document order: a parent comes before its children.
    var elements: [Element] = []
    var findings: [Finding] = []

    enum Finding: String, Sendable, Equatable {
        /// End tags were missing or wrong, or `<` stood in text.
        case notWellFormed
        case tooLarge
        case tooDeep
        case tooManyElements
        /// A reference to an entity that is not one of the five of XML 1.0 §4.6; left as written.
        case unknownEntity
    }

    static func key(_ name: String) -> String {
        let local = name.utf8.lastIndex(of: UInt8(ascii: ":")).map { name.utf8[name.utf8.index(after: $0)...] }
        let bytes = (local ?? name.utf8[...]).filter { $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: "-") }
        return String(decoding: bytes.map(\.asciiLowercased), as: UTF8.self)
    }

    func attribute(_ keys: String..., of index: Int) -> String? {
        for key in keys {
            if let found = elements[index].attributes.first(where: { $0.key == key })?.value.nonBlank { return found }
        }
        return nil
    }

    func children(of index: Int, key: String) -> [Int] {
        elements[index].children.filter { elements[$0].key == key }
    }

    /// The trimmed text of the first child of that key; nil where it is absent or blank.
    func childText(_ keys: String..., of index: Int) -> String? {
        for key in keys {
            for child in children(of: index, key: key) {
                if let text = elements[child].text.nonBlank { return text }
            }
        }
        return nil
    }
}
