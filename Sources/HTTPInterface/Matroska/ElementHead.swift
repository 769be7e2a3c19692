/// An element's identifier and size (RFC 8794 §5 and §6).
struct ElementHead: Equatable {
    var id: UInt32
    /// Bytes of content; `nil`: unknown.
    var size: Int?
    /// Bytes of the head itself.
    var length: Int

    /// The longest head: four bytes of identifier, eight of size.
    static let maximumLength = 12

    /// Reads a head at the start of the bytes; `nil` when they end within it.
    init?(_ bytes: ArraySlice<UInt8>) throws(ElementFault) {
        guard let first = bytes.first else { return nil }
        let idLength = first.leadingZeroBitCount + 1
        guard idLength <= 4 else { throw .identifier(first) }
        guard bytes.count > idLength else { return nil }
        id = bytes.prefix(idLength).reduce(0) { $0 << 8 | UInt32($1) }
        let rest = bytes.dropFirst(idLength)
        guard let lead = rest.first else { return nil }
        let sizeLength = lead.leadingZeroBitCount + 1
        guard sizeLength <= 8 else { throw .size }
        guard rest.count >= sizeLength else { return nil }
        // Seven bits a byte: at most 56, so nothing overflows.
        let marker = UInt64(1) << UInt64(7 * sizeLength)
        let value = rest.prefix(sizeLength).reduce(UInt64(0)) { $0 << 8 | UInt64($1) } & (marker - 1)
        // RFC 8794 §6.2: all value bits set means "unknown", whatever the length.
        size = value == marker - 1 ? nil : Int(value)
        length = idLength + sizeLength
    }
}

/// Why bytes are no element.
enum ElementFault: Error, Equatable {
    /// No identifier begins with this byte.
    case identifier(UInt8)
    /// No size begins with a zero byte.
    case size
    /// A child goes beyond its parent, or its parent ends within it.
    case overrun
}

/// The children of a master element whose content is all there. Does not descend: callers decide how deep they read.
struct ElementChildren {
    private var rest: ArraySlice<UInt8>

    init(_ content: ArraySlice<UInt8>) { rest = content }

    /// The next child, or `nil` at the end.
    mutating func next() throws(ElementFault) -> (id: UInt32, content: ArraySlice<UInt8>)? {
        guard !rest.isEmpty else { return nil }
        guard let head = try ElementHead(rest), let size = head.size, size <= rest.count - head.length else {
            throw .overrun
        }
        let content = rest.dropFirst(head.length).prefix(size)
        rest = rest.dropFirst(head.length + size)
        return (head.id, content)
    }
}

extension ArraySlice<UInt8> {
    /// An unsigned number of at most eight bytes (RFC 8794 §7.1).
    var unsignedNumber: UInt64? { count <= 8 ? reduce(0) { $0 << 8 | UInt64($1) } : nil }

    /// Text up to the first zero byte (RFC 8794 §7.4: padding).
    var elementText: String { String(decoding: prefix { $0 != 0 }, as: UTF8.self) }
}
