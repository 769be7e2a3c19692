import MediaCore

/// G.722 both ways. Properties: two samples an octet, never more than there is room for; in pieces it gives what it
/// gives at once; and what was decoded can be encoded and decoded again without an end.
enum G722Target: FuzzTarget {
    static let seeds: [[UInt8]] = [
        [40, 160] + (0..<320).map { UInt8(truncatingIfNeeded: $0 &* 7) }, [1, 0] + [UInt8](repeating: 0xFF, count: 64),
        [3, 200] + [UInt8](repeating: 0, count: 64),
    ]

    static func run(_ input: UnsafeRawBufferPointer) {
        var reader = InputReader(input)
        let piece = Int(reader.octet()) + 1
        let room = Int(reader.octet())
        let octets = reader.take(2_000)
        var whole = [Int16](repeating: 0, count: octets.count * 2)
        decode(octets, into: &whole)
        var decoder = G722Decoder()
        var pieces: [Int16] = []
        var start = 0
        while start < octets.count {
            let part = Array(octets[start..<min(octets.count, start + piece)])
            var samples = [Int16](repeating: 0, count: part.count * 2)
            var span = samples.mutableSpan
            let count = decoder.decode(part.span.bytes, into: &span)
            require(count == part.count * 2, "\(count) samples of \(part.count) octets")
            pieces += samples
            start += part.count
        }
        if isPlanted, piece == 77, !pieces.isEmpty { pieces[0] ^= 1 }
        require(pieces == whole, "in pieces of \(piece) octets it is other audio than at once")
        var small = [Int16](repeating: 0, count: room)
        decode(octets, into: &small)
        let isComparable = room % 2 == 0 && room <= whole.count
        require(!isComparable || small.elementsEqual(whole.prefix(room)), "other audio where room is short")
        var encoder = G722Encoder()
        var coded = [UInt8](repeating: 0, count: octets.count)
        var span = coded.mutableSpan
        require(encoder.encode(whole.span, into: &span) == octets.count, "an octet for two samples")
    }

    private static func decode(_ octets: [UInt8], into samples: inout [Int16]) {
        var decoder = G722Decoder()
        let room = samples.count
        var span = samples.mutableSpan
        let count = decoder.decode(octets.span.bytes, into: &span)
        require(count <= room && count <= octets.count * 2, "\(count) samples of \(octets.count) octets into \(room)")
    }
}
