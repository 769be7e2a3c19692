import MediaCore

/// Runs a time line in virtual time: deliveries as they arrive, a tick every 20 ms, everything drained as a worker would.
struct SimulatedLeg {
    var samples: [Int16] = []
    var statistics = ReceptionStatistics()
    var digits: [(code: UInt8, milliseconds: Int)] = []

    init(_ deliveries: [SimulatedNetwork.Delivery], until end: Int64, payloads: PayloadMap = .telephony) {
        var line = LegTimeline(epoch: 0, payloads: payloads)
        var tick: Int64 = 0
        var next = 0
        while tick < end {
            tick += 20_000_000
            while next < deliveries.count, deliveries[next].arrival <= tick {
                let delivery = deliveries[next]
                next += 1
                let bytes = delivery.packet.datagram
                guard let header = try? RTPHeader(parsing: bytes.span.bytes) else { continue }
                let reception = line.receive(header, bytes.span.bytes, arrival: delivery.arrival)
                if case .eventEnded(let event, let milliseconds) = reception {
                    digits.append((event.code, milliseconds))
                }
            }
            line.advance(to: tick)
            drain(&line)
        }
        while !line.finish(at: end) { drain(&line) }
        drain(&line)
        statistics = line.snapshot(at: end)
    }

    private mutating func drain(_ line: inout LegTimeline) {
        line.drain { pending in
            for index in pending.indices { samples.append(pending[index]) }
        }
    }
}

extension PayloadMap {
    static var telephony: PayloadMap {
        var map = PayloadMap()
        map.map(101, encoding: "telephone-event", clockRate: 8000)
        return map
    }
}

/// What the sender's time line says: the audio of the packets that arrived, silence everywhere else.
func truth(of packets: [SentPacket], without lost: Set<Int>) -> [Int64: Int16] {
    var samples: [Int64: Int16] = [:]
    for (index, packet) in packets.enumerated() where !lost.contains(index) {
        for (offset, sample) in packet.audio.enumerated() { samples[packet.position + Int64(offset)] = sample }
    }
    return samples
}
