/// A UDPTL packet, ITU-T T.38 §9.1 in the encoding of its Annex A (aligned PER, X.691): sequence number, primary IFP
/// packet, and what repairs losses.
///
/// A plain value with the places of its fields: nothing is copied and nothing allocated. What the IFP packets say is not
/// looked at: a relay has no business there.
public struct UDPTLPacket: Sendable, Equatable {
    /// What follows the primary.
    public enum Recovery: Sendable, Equatable {
        /// Earlier IFP packets again, the newest first (§9.1.4.1).
        case redundancy(fields: Int)
        /// Parity over earlier packets (§9.1.4.2): field *i* of `fields` covers `span` packets that are `fields` apart.
        case parity(span: Int, fields: Int)
    }

    /// Grows by one a packet, and wraps.
    public var sequenceNumber: UInt16
    /// Where the primary IFP packet lies.
    public var primary: Range<Int>
    /// The kind and the number of the fields that follow.
    public var recovery: Recovery
    /// Where the first of them begins, with its length.
    private var fieldsStart: Int

    /// Reads a whole datagram. Zeros behind the last field are taken as filling, and a datagram that ends with its
    /// primary, as some gateways send at first, has no recovery fields.
    public init(parsing datagram: RawSpan) throws(UDPTLParseError) {
        let size = datagram.byteCount
        // Number, length, one octet of IFP.
        guard size >= 4 else { throw .truncated(needed: 4, got: size) }
        var cursor = PERCursor(at: 2)
        sequenceNumber = datagram.bigEndian16(at: 0)
        primary = try cursor.field(in: datagram)
        guard !primary.isEmpty else { throw .emptyPrimary }
        guard cursor.offset < size else {
            recovery = .redundancy(fields: 0)
            fieldsStart = size
            return
        }
        let choice = try cursor.octet(in: datagram)
        var span = 0
        // The choice is one bit, and the next length begins on a whole octet.
        let isParity = choice & 0x80 != 0
        if isParity {
            // An INTEGER without bounds: its length, then its octets.
            let place = cursor.offset
            guard try cursor.length(in: datagram) == 1 else { throw .invalidSpan(at: place) }
            span = Int(try cursor.octet(in: datagram))
            guard span < 128 else { throw .invalidSpan(at: place) }
        }
        let count = try cursor.length(in: datagram)
        fieldsStart = cursor.offset
        // Each field has at least the octet of its length, so the datagram bounds the loop.
        for _ in 0..<count { _ = try cursor.field(in: datagram) }
        for offset in cursor.offset..<size where datagram.octet(at: offset) != 0 {
            throw .trailingOctets(size - cursor.offset)
        }
        recovery = isParity ? .parity(span: span, fields: count) : .redundancy(fields: count)
    }

    /// Hands out the recovery fields of the datagram that this packet was read from: the index and where it lies.
    public func visitFields(of datagram: RawSpan, _ body: (Int, Range<Int>) -> Void) {
        let count =
            switch recovery {
            case .redundancy(let fields): fields
            case .parity(_, let fields): fields
            }
        var cursor = PERCursor(at: fieldsStart)
        for index in 0..<count {
            guard let field = try? cursor.field(in: datagram) else { return }
            body(index, field)
        }
    }
}

/// Walks over aligned PER, X.691 §11.9: every read is checked against the datagram.
private struct PERCursor {
    private(set) var offset: Int

    init(at offset: Int) { self.offset = offset }

    mutating func octet(in datagram: RawSpan) throws(UDPTLParseError) -> UInt8 {
        guard offset < datagram.byteCount else { throw .truncated(needed: offset + 1, got: datagram.byteCount) }
        defer { offset += 1 }
        return datagram.octet(at: offset)
    }

    /// A length: 0 to 127 in one octet, up to 16,383 in two.
    mutating func length(in datagram: RawSpan) throws(UDPTLParseError) -> Int {
        let start = offset
        let first = try octet(in: datagram)
        if first & 0x80 == 0 { return Int(first) }
        guard first & 0x40 == 0 else { throw .fragmented(at: start) }
        return Int(first & 0x3F) << 8 | Int(try octet(in: datagram))
    }

    /// A length and as many octets.
    mutating func field(in datagram: RawSpan) throws(UDPTLParseError) -> Range<Int> {
        let length = try length(in: datagram)
        guard length <= datagram.byteCount - offset else {
            throw .truncated(needed: offset + length, got: datagram.byteCount)
        }
        defer { offset += length }
        return offset..<offset + length
    }
}
