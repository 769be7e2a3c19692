/// A packet that came before one that is still missing.
struct HeldPacket {
    /// First sample on the leg's time line.
    var position: Int64
    let length: Int64
    let ssrc: UInt32
    let kind: PayloadKind
    let payloadType: UInt8
    let sequence: Int64
    /// When the gap before it is given up, nanoseconds.
    let deadline: Int64
    /// Where its payload lies in the arena.
    fileprivate(set) var octets = 0..<0
}

/// The packets of a leg that wait for an earlier one, in order of their place, with their payloads in one arena that is
/// used again. Each leg's first packets pass through it; what they took is given back, and memory that the network's
/// disorder needs later is kept.
struct HeldPackets: ~Copyable {
    private(set) var packets: [HeldPacket] = []
    private var arena: [UInt8] = []
    private(set) var isEmpty = true
    private var hasServed = false

    /// Octets of arena kept when nothing is held; what a burst of large packets took beyond it is given back.
    private static let keptOctets = 8_192

    var count: Int { packets.count }
    var first: HeldPacket? { packets.first }
    var end: Int64? { packets.last.map { $0.position + $0.length } }

    /// Copies `payload`; keeps the order of positions.
    mutating func insert(_ packet: HeldPacket, _ payload: borrowing RawSpan) {
        // Room for the packets of a jitter buffer, at once.
        if packets.capacity == 0 { packets.reserveCapacity(8) }
        makeRoom(payload.byteCount)
        var packet = packet
        let start = arena.count
        unsafe payload.withUnsafeBytes { unsafe arena.append(contentsOf: $0) }
        packet.octets = start..<arena.count
        var index = packets.count
        while index > 0, packets[index - 1].position > packet.position { index -= 1 }
        packets.insert(packet, at: index)
        isEmpty = false
    }

    /// The payload of the first packet; empty when there is none.
    var firstPayload: RawSpan {
        @_lifetime(borrow self)
        get { unsafe arena.span.bytes.extracting(packets.first?.octets ?? 0..<0) }
    }

    mutating func removeFirst() {
        guard !packets.isEmpty else { return }
        packets.removeFirst()
        guard packets.isEmpty else { return }
        isEmpty = true
        guard hasServed else {
            hasServed = true
            packets = []
            arena = []
            return
        }
        arena.removeAll(keepingCapacity: arena.capacity <= Self.keptOctets)
    }

    mutating func shift(by samples: Int64) {
        for index in packets.indices { packets[index].position += samples }
    }

    /// Before the arena grows, the holes of packets that have left are closed.
    private mutating func makeRoom(_ octets: Int) {
        guard arena.count + octets > arena.capacity, !packets.isEmpty else { return }
        let live = packets.reduce(0) { $0 + $1.octets.count }
        guard live < arena.count else { return }
        var written = 0
        for _ in packets.indices {
            // The one that lies lowest among those not moved yet; few packets, and rarely.
            var lowest = -1
            for index in packets.indices where packets[index].octets.lowerBound >= written {
                if lowest < 0 || packets[index].octets.lowerBound < packets[lowest].octets.lowerBound { lowest = index }
            }
            guard lowest >= 0 else { break }
            let from = packets[lowest].octets
            for octet in 0..<from.count { arena[written + octet] = arena[from.lowerBound + octet] }
            packets[lowest].octets = written..<(written + from.count)
            written += from.count
        }
        arena.removeLast(arena.count - written)
    }
}
