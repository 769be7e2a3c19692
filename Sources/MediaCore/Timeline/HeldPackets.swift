/// A packet that came before one that is still missing.
struct HeldPacket {
    /// First sample on the leg's time line.
    var position: Int64
    let length: Int64
    let ssrc: UInt32
    let sequence: Int64
    let kind: PayloadKind
    /// When the gap before it is given up, nanoseconds.
    let deadline: Int64
    let slot: Int
}

/// The packets of a leg that wait for an earlier one, in order of their place, with their payloads in slots that are
/// used again. Empty, and without memory, as long as the network keeps the order.
struct HeldPackets: ~Copyable {
    private(set) var packets: [HeldPacket] = []
    private var slots: [[UInt8]] = []
    private var free: [Int] = []

    var isEmpty: Bool { packets.isEmpty }
    var count: Int { packets.count }
    var first: HeldPacket? { packets.first }
    var end: Int64? { packets.last.map { $0.position + $0.length } }

    /// Copies `payload`; keeps the order of positions.
    mutating func insert(
        _ payload: borrowing RawSpan, kind: PayloadKind, position: Int64, ssrc: UInt32, sequence: Int64,
        deadline: Int64
    ) {
        if free.isEmpty {
            slots.append([])
            free.append(slots.count - 1)
        }
        let slot = free.removeLast()
        slots[slot].removeAll(keepingCapacity: true)
        for index in 0..<payload.byteCount { slots[slot].append(payload.octet(at: index)) }
        let packet = HeldPacket(
            position: position, length: Int64(payload.byteCount), ssrc: ssrc, sequence: sequence, kind: kind,
            deadline: deadline, slot: slot)
        var index = packets.count
        while index > 0, packets[index - 1].position > position { index -= 1 }
        packets.insert(packet, at: index)
    }

    /// Takes the first packet out and appends its audio, from sample `skip` on, to `output`.
    mutating func popFirst(into output: inout PCMOutput, skipping skip: Int) {
        guard let packet = packets.first else { return }
        packets.removeFirst()
        let payload = slots[packet.slot]
        output.append(packet.kind, unsafe payload.span.bytes, skipping: skip)
        free.append(packet.slot)
    }

    mutating func shift(by samples: Int64) {
        for index in packets.indices { packets[index].position += samples }
    }
}
