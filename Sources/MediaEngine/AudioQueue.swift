import Synchronization

/// A tap for whoever may be slow: a ring between the media worker, which never waits, and one reader on a thread of its
/// own choosing.
///
/// When the reader falls behind by more than the ring holds, new samples are dropped and counted; the reader then misses
/// the newest, and nobody else misses anything. One writer, one reader; no lock, no allocation after `init`.
public final class AudioQueue: LegTap {
    // Free-running counters of samples, each written by one side only.
    private let written = Atomic<Int>(0)
    private let taken = Atomic<Int>(0)
    private let refused = Atomic<UInt64>(0)
    private let capacity: Int
    nonisolated(unsafe) private let storage: UnsafeMutablePointer<Int16>

    /// Room for `capacity` samples; 1 s of narrowband audio is 8,000.
    public init(capacity: Int) {
        self.capacity = max(1, capacity)
        storage = .allocate(capacity: self.capacity)
        storage.initialize(repeating: 0, count: self.capacity)
    }

    deinit { storage.deallocate() }

    /// Samples that had no room.
    public var dropped: UInt64 { refused.load(ordering: .relaxed) }
    /// Samples that wait to be read.
    public var count: Int { written.load(ordering: .acquiring) - taken.load(ordering: .acquiring) }

    /// Called by the media worker.
    public func append(_ samples: Span<Int16>) {
        let end = written.load(ordering: .relaxed)
        let room = capacity - (end - taken.load(ordering: .acquiring))
        let count = min(room, samples.count)
        for index in 0..<count { storage[(end + index) % capacity] = samples[index] }
        written.store(end + count, ordering: .releasing)
        if count < samples.count { refused.add(UInt64(samples.count - count), ordering: .relaxed) }
    }

    /// Nothing.
    public func observe(_ event: LegEvent) {}

    /// Takes at most `maximum` samples, oldest first; empty when none wait. Called by the one reader.
    public func read(atMost maximum: Int) -> [Int16] {
        let start = taken.load(ordering: .relaxed)
        let count = max(0, min(maximum, written.load(ordering: .acquiring) - start))
        let samples = (0..<count).map { storage[(start + $0) % capacity] }
        taken.store(start + count, ordering: .releasing)
        return samples
    }
}
