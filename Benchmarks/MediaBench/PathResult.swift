/// What one path cost.
struct PathResult {
    let path: String
    let backEnd: String
    let packets: Int
    let sent: Int
    let handIns: Int
    /// In the order of ``CountedKind``.
    var totals: [Int] = []
    var places: [CountedPlace] = []
    /// What stepping found.
    struct Steps {
        /// About 2,000 a packet, what a worker does between packets included.
        var instructions: Int
        var places: [CountedPlace]
        var unplaced: Int

        func times(_ share: CountedPlace.Share) -> Int {
            places.reduce(share == .packet ? unplaced : 0) { $0 + ($1.share == share ? $1.times : 0) }
        }
    }
    var steps: Steps?
    /// Events of which the place is not known; they count as a packet's.
    var unplaced = 0

    init(path: String, backEnd: String, packets: Int, sent: Int, handIns: Int) {
        self.path = path
        self.backEnd = backEnd
        self.packets = packets
        self.sent = sent
        self.handIns = handIns
    }

    func times(_ kind: CountedKind, _ share: CountedPlace.Share) -> Int {
        places.reduce(0) { $0 + ($1.kind == kind && $1.share == share ? $1.times : 0) }
    }

    /// What packets cost, over all kinds; 0 where memory only grew, and not more often than there are legs.
    func packetCost(legs: Int) -> Int {
        let growth = times(.allocations, .growth)
        return CountedKind.running.reduce(unplaced) { $0 + times($1, .packet) } + max(0, growth - legs)
            + (steps?.times(.packet) ?? 0)
    }
}
