/// The tags of the SRTCP packets that were received under one key: what tells a peer that begins with index 0 again from
/// somebody who sends its first reports once more.
///
/// Both are authentic, and both have numbers that were used. But a report has a clock and counters in it, so that no two
/// are alike, and neither are their tags. Reports are few: one in 5 s.
struct HeardReports {
    /// Tags kept: 85 min of one source. Where there are more, no restart is followed any more.
    static let capacity = 1_024

    private var tags: Set<UInt32> = []
    /// Numbers have been used twice: from now on each report is looked up here.
    private(set) var hasRestarted = false

    /// It does not know all that was received.
    var isFull: Bool { tags.count >= Self.capacity }

    /// `tag` is the first four octets of one.
    func contains(_ tag: UInt32) -> Bool { tags.contains(tag) }

    mutating func insert(_ tag: UInt32) {
        guard !isFull else { return }
        tags.insert(tag)
    }

    mutating func noteRestart() { hasRestarted = true }

    mutating func merge(_ other: HeardReports) {
        for tag in other.tags { insert(tag) }
        hasRestarted = hasRestarted || other.hasRestarted
    }
}
