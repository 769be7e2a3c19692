/// A call's parties as one stereo line: the caller left, the callee right, in exact step since they share each packet.
/// Owned by one task.
struct StereoLine {
    /// A party of which nothing comes is silent when the other one is so far ahead.
    private static let patienceMilliseconds: Int64 = 600

    /// Samples a second and channel.
    let rate: Int
    private let end: Int64
    private var place: Int64
    private var legs: [LegLine]
    /// The channel of each leg.
    private let channels: [Int]
    /// Where the content of all that have ended ends.
    private(set) var isOver = false

    /// - Parameter range: milliseconds from the call's origin.
    init(_ timeline: CallTimeline, _ range: Range<Int64>, rate: Int, reader: (ListenedLeg, Int64) -> LegReader) {
        self.rate = rate
        let origin = timeline.originMilliseconds
        let first = range.lowerBound * Int64(rate) / 1000
        place = first
        end = range.upperBound * Int64(rate) / 1000
        legs = timeline.call.legs.map { leg in
            LegLine(
                reader: reader(leg, origin + range.lowerBound), rate: rate, origin: origin, start: first)
        }
        channels = timeline.call.channels
    }

    /// The next piece, interleaved, at most a second; empty when there is nothing at the moment, or no more
    /// (``isOver``).
    mutating func next() throws -> [Int16] {
        guard place < end else {
            isOver = true
            return []
        }
        let wanted = min(end, place + Int64(rate))
        for index in legs.indices { try legs[index].fill(to: wanted) }
        let frontier = min(wanted, Self.frontier(legs, patience: Self.patienceMilliseconds * Int64(rate) / 1000))
        guard frontier > place else {
            isOver = legs.allSatisfy { $0.reader.hasEnded }
            return []
        }
        var samples = [Int16](repeating: 0, count: Int(frontier - place) * 2)
        for index in legs.indices {
            var at = channels[index]
            for sample in legs[index].take(to: frontier) {
                // Parties that share a channel are heard together.
                samples[at] = Int16(clamping: Int32(samples[at]) + Int32(sample))
                at += 2
            }
        }
        place = frontier
        return samples
    }

    /// Waits until there may be more, for the party that is behind.
    nonisolated(nonsending) func waitForMore(until deadline: ContinuousClock.Instant) async {
        let behind = legs.filter { !$0.reader.hasEnded }.min { $0.known < $1.known }
        await behind?.reader.waitForMore(until: deadline)
    }

    /// Up to where a piece can be made: all that go on have come so far, or the others are too far ahead to be kept.
    private static func frontier(_ legs: [LegLine], patience: Int64) -> Int64 {
        let furthest = legs.map(\.known).max() ?? 0
        let slowest = legs.filter { !$0.reader.hasEnded }.map(\.known).min() ?? furthest
        return max(slowest, furthest - patience)
    }
}

extension ListenedCall {
    /// The channel of each leg: the caller left, the callee right; without roles by their order.
    var channels: [Int] {
        let hasCaller = legs.contains { $0.isCaller == true }
        return legs.enumerated().map { index, leg in
            if let isCaller = leg.isCaller { return isCaller ? 0 : 1 }
            return index == 0 && !hasCaller ? 0 : 1
        }
    }
}
