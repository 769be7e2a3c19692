/// Samples that a session's writer holds, from one place of the grid on: those that earlier flushes left over, then
/// those that were just taken from the session.
///
/// In normal running the first part is shorter than a block.
struct SampleBacklog {
    /// What earlier flushes left, from block `firstBlock` on, contiguous.
    private(set) var kept: [Int16] = []
    /// What this flush took, directly behind; empty between flushes.
    private(set) var taken: [Int16] = []
    private(set) var firstBlock: Int64 = 0
    /// The hole after them, in samples; all of it is counted as lost already.
    var hole = 0
    /// Samples of the backlog that stand for lost ones, so that they are not counted again; all in its first block.
    var silent = 0
    /// Samples still to be dropped after a jump so that the next block starts on the grid.
    var misaligned = 0

    /// More room than this is given back once less is needed.
    private static let keptCapacity = 1024

    var count: Int { kept.count + taken.count }
    var isEmpty: Bool { kept.isEmpty && taken.isEmpty }
    var capacityBytes: Int { (kept.capacity + taken.capacity) * 2 }

    /// Takes a session's samples over without copying them.
    mutating func take(from pending: inout PendingSamples) {
        hole = pending.take(&taken)
    }

    /// Drops samples from the front of what was taken, up to ``misaligned``; returns how many.
    mutating func align() -> Int {
        let dropped = min(misaligned, taken.count)
        if dropped > 0 {
            taken.removeSubrange(..<dropped)
            misaligned -= dropped
        }
        return dropped
    }

    mutating func appendSilence(_ count: Int) { kept.append(contentsOf: repeatElement(0, count: count)) }
    mutating func removeLast(_ count: Int) { kept.removeLast(count) }

    /// Calls `body` with the samples of a range, counted from the first; `joined` is used where they lie in both parts.
    func withSamples(_ range: Range<Int>, joined: inout [Int16], _ body: (Span<Int16>) -> Void) {
        let border = kept.count
        if range.lowerBound >= border {
            body(taken.span.extracting(range.lowerBound - border..<range.upperBound - border))
        } else if range.upperBound <= border {
            body(kept.span.extracting(range))
        } else {
            joined.removeAll(keepingCapacity: true)
            joined.append(contentsOf: kept[range.lowerBound...])
            joined.append(contentsOf: taken[..<(range.upperBound - border)])
            body(joined.span)
        }
    }

    /// Drops what is written, `samples` in `blocks` of the grid; the rest is kept and the taken buffer goes back.
    mutating func dropFront(samples: Int, blocks: Int, scratch: inout WriteScratch) {
        let rest = max(0, samples - kept.count)
        kept.removeFirst(min(samples, kept.count))
        if rest < taken.count { kept.append(contentsOf: taken[rest...]) }
        // The room that an outage or a silence needed is given back with the first good write.
        if kept.capacity > Self.keptCapacity, kept.count < kept.capacity / 4 { kept = kept.map(\.self) }
        scratch.giveBack(&taken)
        firstBlock += Int64(blocks)
        if samples > 0 { silent = 0 }
    }

    /// Empties it and moves on by so many blocks.
    mutating func skip(blocks: Int) {
        kept.removeAll(keepingCapacity: true)
        firstBlock += Int64(blocks)
    }
}
