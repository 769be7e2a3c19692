import MediaCore

/// The rewriting of a bridge. Properties: a packet stays as long as it is and is RTP afterwards, with its payload where
/// it was and its flags as they were; one that is refused is as it came.
enum RelayTarget: FuzzTarget {
    static let seeds: [[UInt8]] = [
        (0..<30).flatMap { [UInt8(0), UInt8($0), 0, 160, 0x80, 0] },
        [3] + (0..<30).flatMap { [UInt8(1), UInt8($0), 1, 160, 0x90, 8] },
        [7, 0, 1, 0, 80, 0x80, 0, 250, 0, 2, 1, 80, 0x80, 101, 251, 0, 9, 0, 80, 0xB3, 9],
    ]

    static func run(_ input: UnsafeRawBufferPointer) {
        var reader = InputReader(input)
        let maps = [
            map([(0, "PCMU"), (101, "telephone-event")]), map([(8, "PCMA"), (96, "telephone-event")]),
            map([(9, "G722")]),
        ]
        let choice = Int(reader.octet())
        var rewriter = RelayRewriter(from: maps[choice % 3], to: maps[choice / 3 % 3])
        var now: Int64 = 1_000_000_000
        var sequence: UInt16 = 65_530
        var timestamp: UInt32 = 0xFFFF_FF00
        var steps = 0
        while !reader.isAtEnd, steps < 500 {
            steps += 1
            switch reader.octet() {
            case 250: rewriter.reanchor()
            case 251: rewriter.renegotiate(from: maps[Int(reader.octet()) % 3], to: maps[Int(reader.octet()) % 3])
            case 252: now += Int64(reader.word16()) * 1_000_000
            default:
                sequence &+= UInt16(reader.octet() & 7)
                timestamp &+= 160
                let ssrc = UInt32(reader.octet() & 3)
                var packet: [UInt8] = [0x80, 0]
                packet.append16(sequence)
                packet.append32(timestamp)
                packet.append32(ssrc)
                packet += [UInt8](repeating: 0x55, count: Int(reader.octet()))
                packet[0] = 0x80 | reader.octet() & 0x3F
                packet[1] = reader.octet()
                now += 20_000_000
                pass(packet, &rewriter, now)
            }
        }
        let counters = rewriter.counters
        require(counters.rewritten <= counters.relayed && counters.transcoded <= counters.relayed, "\(counters)")
    }

    private static func pass(
        _ packet: [UInt8], _ rewriter: inout RelayRewriter, _ now: Int64
    ) {
        guard let header = try? RTPHeader(parsing: packet.span.bytes) else { return }
        var datagram = packet
        let isSent = datagram.withUnsafeMutableBytes { rewriter.rewrite(header, $0, at: now) }
        guard isSent else {
            require(datagram == packet, "a packet that was refused is not as it came")
            return
        }
        if isPlanted, header.payload.count == 3 { datagram[0] = 0 }
        guard let outgoing = try? RTPHeader(parsing: datagram.span.bytes) else { finding("what is sent is no RTP") }
        require(outgoing.payload == header.payload, "the payload moved from \(header.payload) to \(outgoing.payload)")
        // A sender that goes on where another one stopped begins a stretch of talk: there a marker may be set.
        require(datagram[0] == packet[0] && (outgoing.marker || !header.marker), "the flags changed")
    }

    private static func map(_ entries: [(UInt8, String)]) -> PayloadMap {
        var map = PayloadMap()
        for (type, name) in entries { map.map(type, encoding: name, clockRate: 8_000) }
        return map
    }
}
