/// A session's samples between the media worker and the writer: bounded, and what does not fit keeps its place.
///
/// After an overflow nothing more is taken until the writer has emptied it, so there is at most one hole, at the end.
struct PendingSamples {
    private var samples: [Int16] = []
    /// Samples that came after `samples` and had no room.
    private(set) var overflow = 0
    /// Samples that the writer has taken and not yet written; they count against the limit.
    var held = 0
    var isClosed = false
    private let limit: Int

    /// - Parameter limit: the most samples kept here and by the writer together.
    init(limit: Int) {
        self.limit = limit
        samples.reserveCapacity(min(limit, 1024))
    }

    var isEmpty: Bool { samples.isEmpty && overflow == 0 }
    var count: Int { samples.count }
    /// What it keeps allocated.
    var capacityBytes: Int { samples.capacity * 2 }

    /// Takes what fits. Returns how many samples had no room.
    mutating func append(_ new: UnsafeBufferPointer<Int16>) -> Int {
        let room = overflow > 0 ? 0 : max(0, limit - held - samples.count)
        let taken = min(room, new.count)
        samples.append(contentsOf: new.prefix(taken))
        overflow += new.count - taken
        return new.count - taken
    }

    /// Takes the hole when no sample lies before it; returns its length.
    mutating func takeLeadingHole() -> Int {
        guard samples.isEmpty else { return 0 }
        defer { overflow = 0 }
        return overflow
    }

    /// Moves everything to the end of `backlog`; returns the length of the hole that follows.
    mutating func move(to backlog: inout [Int16]) -> Int {
        backlog.append(contentsOf: samples)
        // After a long stall the room grown for it is given back.
        samples.removeAll(keepingCapacity: samples.capacity <= 8192)
        defer { overflow = 0 }
        return overflow
    }
}
