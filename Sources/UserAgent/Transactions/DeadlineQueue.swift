/// A binary heap of (deadline, owner) pairs from which stale pairs are dropped lazily.
///
/// An owner that re-arms adds a new pair and leaves the old one; the driver compares the popped deadline with the
/// owner's own `nextDeadline` and ignores what is no longer true. Nothing is ever searched or removed from the middle.
struct DeadlineQueue {
    private var pairs: [(deadline: ContinuousClock.Instant, owner: UInt64)] = []

    /// The earliest deadline, stale or not.
    var first: ContinuousClock.Instant? { pairs.first?.deadline }
    var count: Int { pairs.count }

    /// - Complexity: O(log *n*)
    mutating func insert(_ deadline: ContinuousClock.Instant, owner: UInt64) {
        pairs.append((deadline, owner))
        var child = pairs.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard pairs[child].deadline < pairs[parent].deadline else { break }
            pairs.swapAt(child, parent)
            child = parent
        }
    }

    /// The earliest pair, when its deadline is not after `now`.
    ///
    /// - Complexity: O(log *n*)
    mutating func popDue(at now: ContinuousClock.Instant) -> (deadline: ContinuousClock.Instant, owner: UInt64)? {
        guard let top = pairs.first, top.deadline <= now else { return nil }
        let last = pairs.count - 1
        pairs.swapAt(0, last)
        pairs.removeLast()
        var parent = 0
        while true {
            let left = parent * 2 + 1
            guard left < pairs.count else { break }
            let right = left + 1
            let child = right < pairs.count && pairs[right].deadline < pairs[left].deadline ? right : left
            guard pairs[child].deadline < pairs[parent].deadline else { break }
            pairs.swapAt(child, parent)
            parent = child
        }
        return top
    }
}
