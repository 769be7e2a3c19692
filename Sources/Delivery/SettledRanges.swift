/// Which bytes of a log are dealt with: everything below ``end``, and some ranges above it.
///
/// A pure value; ranges that touch are joined, so it stays small while calls finish roughly in order.
struct SettledRanges: Sendable, Equatable {
    /// Everything before it is dealt with.
    private(set) var end: Int64
    /// Sorted, apart from each other and from ``end``.
    private(set) var above: [Range<Int64>] = []

    /// Starts with everything before `end` dealt with.
    init(end: Int64 = 0, above: [Range<Int64>] = []) {
        self.end = max(0, end)
        for range in above { settle(range) }
    }

    /// Deals with a range.
    mutating func settle(_ range: Range<Int64>) {
        guard !range.isEmpty, range.upperBound > end else { return }
        var low = max(range.lowerBound, end)
        var high = range.upperBound
        let first = firstIndex(endingAtOrAfter: low)
        var last = first
        while last < above.count, above[last].lowerBound <= high {
            low = min(low, above[last].lowerBound)
            high = max(high, above[last].upperBound)
            last += 1
        }
        if low <= end {
            end = high
            above.removeSubrange(first..<last)
        } else {
            above.replaceSubrange(first..<last, with: CollectionOfOne(low..<high))
        }
    }

    /// Whether a whole range is dealt with.
    func contains(_ range: Range<Int64>) -> Bool {
        if range.upperBound <= end { return true }
        let index = firstIndex(endingAtOrAfter: range.lowerBound)
        guard index < above.count else { return false }
        return above[index].lowerBound <= range.lowerBound && above[index].upperBound >= range.upperBound
    }

    private func firstIndex(endingAtOrAfter offset: Int64) -> Int {
        var low = 0
        var high = above.count
        while low < high {
            let middle = (low + high) / 2
            if above[middle].upperBound < offset { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
