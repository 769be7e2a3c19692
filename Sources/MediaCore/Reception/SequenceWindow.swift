/// Which of the last 1,024 sequence numbers of a source have been received.
///
/// It tells duplicates from late packets, and a pause (every number between two packets was received, as events or
/// comfort noise) from loss. Owned by one source.
struct SequenceWindow {
    static let span: Int64 = 1024
    /// The highest number received.
    private(set) var highest: Int64
    private var lowestKnown: Int64
    /// Runs of numbers that are missing between those received.
    private(set) var missingRuns: Int64 = 0
    private var bits = InlineArray<16, UInt64>(repeating: 0)

    init(first: Int64) {
        highest = first
        lowestKnown = first
        set(first)
    }

    enum Verdict { case newest, reordered, duplicate, tooOld }

    /// Marks the number after the highest one as received, and returns it.
    @inline(__always)
    mutating func insertNext() -> Int64 {
        highest += 1
        set(highest)
        return highest
    }

    /// Marks `number` as received.
    mutating func insert(_ number: Int64) -> Verdict {
        if number > highest {
            let ahead = number - highest
            if ahead > 1 { missingRuns += 1 }
            if ahead >= Self.span {
                for word in 0..<16 { bits[word] = 0 }
            } else {
                var missing = highest + 1
                while missing < number {
                    clear(missing)
                    missing += 1
                }
            }
            highest = number
            set(number)
            return .newest
        }
        guard number > highest - Self.span else { return .tooOld }
        if contains(number) { return .duplicate }
        noteArrival(ofMissing: number)
        set(number)
        lowestKnown = min(lowestKnown, number)
        return .reordered
    }

    /// `number` closes its run, shortens it, or parts it into two; before the first one it may begin one.
    private mutating func noteArrival(ofMissing number: Int64) {
        guard number > lowestKnown else {
            if number + 1 < lowestKnown { missingRuns += 1 }
            return
        }
        // What has left the window belongs to the run before, as far as anybody knows.
        let isParted = !contains(number - 1) && !contains(number + 1)
        let isClosed = contains(number - 1) && contains(number + 1)
        if isParted { missingRuns += 1 } else if isClosed { missingRuns -= 1 }
    }

    func contains(_ number: Int64) -> Bool {
        guard number <= highest, number > highest - Self.span, number >= lowestKnown else { return false }
        let index = Int(number & (Self.span - 1))
        return bits[index >> 6] & (1 << UInt64(index & 63)) != 0
    }

    /// True when every number strictly between the two has been received.
    func isComplete(after lower: Int64, before upper: Int64) -> Bool {
        guard upper > lower, upper - lower < Self.span else { return false }
        var number = lower + 1
        while number < upper {
            if !contains(number) { return false }
            number += 1
        }
        return true
    }

    @inline(__always)
    private mutating func set(_ number: Int64) {
        let index = Int(number & (Self.span - 1))
        bits[index >> 6] |= 1 << UInt64(index & 63)
    }

    private mutating func clear(_ number: Int64) {
        let index = Int(number & (Self.span - 1))
        bits[index >> 6] &= ~(1 << UInt64(index & 63))
    }
}
