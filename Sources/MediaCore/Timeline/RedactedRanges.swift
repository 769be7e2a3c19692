/// Where on the line digits were pressed: the last four events, which is more than a jitter buffer holds.
struct RedactedRanges {
    private var ranges = InlineArray<4, Range<Int64>>(repeating: 0..<0)
    private var newest = 0
    /// Nothing at or behind this place is redacted.
    private(set) var end: Int64 = .min

    /// A new event, or more of the newest one.
    mutating func note(_ range: Range<Int64>, isSameEvent: Bool) {
        if isSameEvent {
            // It ends where its last packet says, also when more was assumed in the meantime.
            ranges[newest] = min(ranges[newest].lowerBound, range.lowerBound)..<range.upperBound
        } else {
            newest = (newest + 1) & 3
            ranges[newest] = range
        }
        end = .min
        for index in 0..<4 where !ranges[index].isEmpty { end = max(end, ranges[index].upperBound) }
    }

    /// The parts of `range` that are redacted, in no particular order; may overlap.
    func forEach(in range: Range<Int64>, _ body: (Range<Int64>) -> Void) {
        for index in 0..<4 {
            let part = ranges[index].clamped(to: range)
            if !part.isEmpty { body(part) }
        }
    }

    func overlaps(_ range: Range<Int64>) -> Bool {
        var found = false
        forEach(in: range) { _ in found = true }
        return found
    }

    mutating func shift(by samples: Int64) {
        guard end != .min else { return }
        end += samples
        for index in 0..<4 where !ranges[index].isEmpty {
            ranges[index] = (ranges[index].lowerBound + samples)..<(ranges[index].upperBound + samples)
        }
    }
}
