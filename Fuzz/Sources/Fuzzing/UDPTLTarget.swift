import MediaCore

/// UDPTL (ITU-T T.38 §9.1) and the fax relay over it. Properties: the fields of a packet lie inside the datagram, in
/// order and apart; written again they are read again; the relay's counters add up, and nothing longer than the limit is
/// forwarded.
enum UDPTLTarget: FuzzTarget {
    static let seeds: [[UInt8]] = [
        datagrams([[0, 1, 1, 6, 0, 0], [0, 2, 1, 6, 0, 1, 1, 6], [0, 3, 1, 6, 0, 2, 1, 6, 1, 6]]),
        datagrams([[0, 9, 2, 0xC0, 1, 0x80, 1, 3, 2, 2, 1, 2, 2, 3, 4]]),
        datagrams([[0xFF, 0xFF] + [0x80, 0xC8] + [UInt8](repeating: 7, count: 200) + [0, 0], [0, 0, 1, 6]]),
        datagrams([[0, 1, 1], [], [0x80, 0, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4, 0xFF], [0, 5, 1, 1]]),
    ]

    private static func datagrams(_ all: [[UInt8]]) -> [UInt8] {
        all.reduce(into: [UInt8(40)]) { out, one in out += [UInt8(one.count >> 8), UInt8(one.count & 0xFF)] + one }
    }

    static func run(_ input: UnsafeRawBufferPointer) {
        var reader = InputReader(input)
        let limit = Int(reader.octet()) * 4
        var relay = FaxRelay(maximumDatagram: limit)
        var forwarded: UInt64 = 0
        var octets: UInt64 = 0
        var all: UInt64 = 0
        while !reader.isAtEnd, all < 500 {
            let datagram = reader.take(Int(reader.word16() & 0x7FF))
            all += 1
            check(datagram)
            guard case .forward = relay.receive(datagram.span.bytes) else { continue }
            forwarded += 1
            octets += UInt64(datagram.count)
            require(limit == 0 || datagram.count <= limit, "\(datagram.count) octets forwarded, the limit is \(limit)")
            require(datagram.count <= FaxRelay.largestDatagram, "\(datagram.count) octets forwarded")
        }
        let counters = relay.counters
        require(counters.packets == forwarded && counters.octets == octets, "\(forwarded) were forwarded: \(counters)")
        require(
            counters.packets + counters.malformed + counters.oversized == all, "\(all) datagrams came: \(counters)")
        require(
            counters.duplicates + counters.late + counters.reordered <= forwarded + counters.oversized,
            "more doubles than packets: \(counters)")
    }

    private static func check(_ datagram: [UInt8]) {
        let bytes = datagram.span.bytes
        guard let packet = try? UDPTLPacket(parsing: bytes) else { return }
        require(
            packet.primary.lowerBound >= 3 && packet.primary.upperBound <= datagram.count && !packet.primary.isEmpty,
            "the primary is \(packet.primary) of \(datagram.count) octets")
        var fields: [[UInt8]] = []
        var end = packet.primary.upperBound
        packet.visitFields(of: bytes) { index, field in
            let reached = isPlanted && index == 3 && field.count == 2 ? field.upperBound + 70_000 : field.upperBound
            require(index == fields.count, "field \(index) after \(fields.count) others")
            require(field.lowerBound > end && reached <= datagram.count, "field \(field) of \(datagram.count) octets")
            end = field.upperBound
            fields.append(Array(datagram[field]))
        }
        var written: [UInt8] = [UInt8(packet.sequenceNumber >> 8), UInt8(packet.sequenceNumber & 0xFF)]
        write(Array(datagram[packet.primary]), to: &written)
        switch packet.recovery {
        case .redundancy(let count):
            require(count == fields.count, "\(count) fields, \(fields.count) were handed out")
            written += [0]
        case .parity(let span, let count):
            require(count == fields.count && (0..<128).contains(span), "\(count) fields of span \(span)")
            written += [0x80, 1, UInt8(span)]
        }
        length(fields.count, to: &written)
        for field in fields { write(field, to: &written) }
        guard let again = try? UDPTLPacket(parsing: written.span.bytes) else {
            finding("written again it cannot be read: \(written)")
        }
        require(
            again.sequenceNumber == packet.sequenceNumber && again.recovery == packet.recovery
                && again.primary.count == packet.primary.count, "written again it is another packet")
    }

    private static func length(_ count: Int, to out: inout [UInt8]) {
        out += count < 128 ? [UInt8(count)] : [0x80 | UInt8(count >> 8), UInt8(count & 0xFF)]
    }

    private static func write(_ field: [UInt8], to out: inout [UInt8]) {
        length(field.count, to: &out)
        out += field
    }
}
