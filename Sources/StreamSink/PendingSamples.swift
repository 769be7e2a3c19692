/// A session's samples between the media worker and the writer: bounded, and what does not fit keeps its place.
///
/// After an overflow nothing more is taken until the writer has emptied it, so there is at most one hole, at the end.
/// It has no storage of its own for long: the buffer comes from the writer with the first samples of a hand-in and goes
/// back with the write a moment later, so that thousands of sessions share a few hundred buffers.
struct PendingSamples {
    /// Room of a fresh buffer: 270 ms at 8 kHz, since a hand-in of 230 ms may have a packet more.
    static let bufferCapacity = 2160
    /// A buffer that had to grow beyond this (a stall) is not used again, but for sessions of more than 8 kHz: theirs
    /// grow once, to no more than twice as much, and are kept.
    static let largestKeptCapacity = 2304

    private var samples: [Int16] = []
    /// Samples that came after `samples` and had no room.
    private(set) var overflow = 0
    /// Samples that the writer has taken and not yet written; they count against the limit.
    var held = 0
    var isClosed = false
    /// On its way to the writer: it need not be told again.
    var isQueued = false
    private let limit: Int

    /// - Parameter limit: the most samples kept here and by the writer together.
    init(limit: Int) {
        self.limit = limit
    }

    var isEmpty: Bool { samples.isEmpty && overflow == 0 }
    var count: Int { samples.count }
    /// What it keeps allocated.
    var capacityBytes: Int { samples.capacity * 2 }

    /// Gives it an empty buffer to fill.
    mutating func adopt(_ buffer: consuming [Int16]) {
        guard samples.isEmpty else { return }
        samples = buffer.capacity > 0 ? buffer : Self.freshBuffer()
    }

    static func freshBuffer() -> [Int16] {
        var buffer: [Int16] = []
        buffer.reserveCapacity(bufferCapacity)
        return buffer
    }

    /// Takes what fits. Returns how many samples had no room.
    mutating func append(_ new: UnsafeBufferPointer<Int16>) -> Int {
        let room = overflow > 0 ? 0 : max(0, limit - held - samples.count)
        let taken = min(room, new.count)
        samples.append(contentsOf: UnsafeBufferPointer(rebasing: new[..<taken]))
        overflow += new.count - taken
        return new.count - taken
    }

    /// Takes the hole when no sample lies before it; returns its length.
    mutating func takeLeadingHole() -> Int {
        guard samples.isEmpty else { return 0 }
        defer { overflow = 0 }
        return overflow
    }

    /// Hands out everything, with the buffer; returns the length of the hole that follows.
    mutating func take(_ buffer: inout [Int16]) -> Int {
        isQueued = false
        buffer = samples
        samples = []
        defer { overflow = 0 }
        return overflow
    }
}
