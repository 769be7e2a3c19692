import MediaCore

/// Runs a time line in virtual time: deliveries as they arrive, a tick every 20 ms, everything drained as a worker would.
struct SimulatedLeg {
    var samples: [Int16] = []
    var statistics = ReceptionStatistics()
    var digits: [(code: UInt8, milliseconds: Int, position: Int64)] = []
    var payloads: [HeardPayload] = []

    /// A payload as the line handed it out.
    struct HeardPayload {
        var position: Int64
        var length: Int64
        var payloadType: UInt8
        var octets: [UInt8]
    }

    /// `drainEvery` ticks of 20 ms; `between` is called after every tick.
    init(
        _ deliveries: [SimulatedNetwork.Delivery], until end: Int64, payloads: PayloadMap = .telephony,
        format: TimelineFormat = .narrowband, policy: TimelinePolicy = TimelinePolicy(), drainEvery: Int64 = 1,
        between: (inout LegTimeline, Int64) -> Void = { _, _ in }
    ) {
        var line = LegTimeline(epoch: 0, payloads: payloads, format: format, policy: policy)
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
                if case .eventEnded(let event, let milliseconds, let position) = reception {
                    digits.append((event.code, milliseconds, position))
                }
            }
            line.advance(to: tick)
            between(&line, tick)
            if tick / 20_000_000 % drainEvery == 0 { drain(&line) }
        }
        while !line.finish(at: end) { drain(&line) }
        drain(&line)
        statistics = line.snapshot(at: end)
    }

    private mutating func drain(_ line: inout LegTimeline) {
        line.drain { pending in
            for index in pending.indices { samples.append(pending[index]) }
        }
        line.drainPayloads { position, length, payloadType, payload in
            let octets = payload.byteOffsets.map { payload.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
            payloads.append(
                HeardPayload(position: position, length: length, payloadType: payloadType, octets: octets))
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
