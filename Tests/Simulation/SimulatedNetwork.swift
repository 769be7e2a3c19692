/// A network with a seed: what it loses, doubles and delays can be played again.
struct SimulatedNetwork {
    var seed: UInt64
    var lossPercent = 0.0
    var duplicatePercent = 0.0
    /// Uniform delay from zero to this, nanoseconds. More than a packet's length brings reordering with it.
    var jitter: Int64 = 0
    /// Packets swapped with the one behind them.
    var swapPercent = 0.0

    struct Delivery {
        var arrival: Int64
        var packet: SentPacket
    }

    /// What arrives, in order of arrival, and which packets never do.
    func carry(_ packets: [SentPacket]) -> (deliveries: [Delivery], lost: Set<Int>) {
        var generator = SeededGenerator(seed: seed)
        var deliveries: [Delivery] = []
        var lost: Set<Int> = []
        for (index, packet) in packets.enumerated() {
            // The first packet anchors the comparison, so it is never lost.
            if index > 0, generator.chance(lossPercent) {
                lost.insert(index)
                continue
            }
            var arrival = packet.time + (jitter > 0 ? Int64.random(in: 0...jitter, using: &generator) : 0)
            if generator.chance(swapPercent) { arrival += 25_000_000 }
            deliveries.append(Delivery(arrival: arrival, packet: packet))
            if generator.chance(duplicatePercent) {
                deliveries.append(Delivery(arrival: arrival + 3_000_000, packet: packet))
            }
        }
        let order = deliveries.enumerated().sorted { ($0.element.arrival, $0.offset) < ($1.element.arrival, $1.offset) }
        return (order.map(\.element), lost)
    }
}
