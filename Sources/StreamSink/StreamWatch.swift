import Synchronization

/// One stream as its followers watch it. Made once a stream, lives as long as the store.
///
/// Costs the writer three atomic operations a write while nobody sleeps; what it touches lies together.
final class StreamWatch: Sendable {
    private let wholeLength = Atomic<Int64>(0)
    private let changes = Atomic<UInt64>(0)
    /// Followers that sleep, or are about to.
    private let sleepers = Atomic<Int>(0)
    /// Followers at the session that is being recorded.
    private let live = Atomic<Int>(0)
    private let bells = Mutex<[ObjectIdentifier: FollowerBell]>([:])
    /// Live followers of all streams: mostly none, and then no stream's own count need be brought into the cache.
    private static let liveAnywhere = Atomic<Int>(0)

    /// Whether any stream is followed while it is recorded.
    static var isAnyFollowed: Bool { liveAnywhere.load(ordering: .relaxed) > 0 }

    /// Whether somebody follows what is being recorded.
    var isFollowed: Bool { live.load(ordering: .relaxed) > 0 }

    /// A number that is another one after every change. To be read before a look at the stream.
    var change: UInt64 { changes.load(ordering: .sequentiallyConsistent) }

    /// How far the file of the session that is being written is whole.
    var committed: Int64 { wholeLength.load(ordering: .acquiring) }

    /// The file of the session that is being written is whole up to `length` now.
    func advance(to length: Int64) {
        wholeLength.store(length, ordering: .releasing)
        changed()
    }

    /// Something can be read that could not before. Called by writers.
    func changed() {
        // Counted before looking for sleepers, as sleepers count themselves before looking at the count: in one total
        // order, one of the two sees the other.
        changes.add(1, ordering: .sequentiallyConsistent)
        guard sleepers.load(ordering: .sequentiallyConsistent) > 0 else { return }
        bells.withLock { bells in
            for bell in bells.values { bell.ring() }
        }
    }

    /// Sleeps until something has changed since `seen`. False at the deadline.
    nonisolated(nonsending) func wait(
        since seen: UInt64, bell: FollowerBell, until deadline: ContinuousClock.Instant
    ) async -> Bool {
        sleepers.add(1, ordering: .sequentiallyConsistent)
        defer { sleepers.subtract(1, ordering: .sequentiallyConsistent) }
        bell.reset()
        if change != seen { return true }
        guard ContinuousClock.now < deadline else { return false }
        return await bell.wait(until: deadline)
    }

    func add(_ bell: FollowerBell) { bells.withLock { $0[ObjectIdentifier(bell)] = bell } }

    func remove(_ bell: FollowerBell) { bells.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(bell)) } }

    func beginLive() {
        live.add(1, ordering: .relaxed)
        Self.liveAnywhere.add(1, ordering: .relaxed)
    }

    func endLive() {
        Self.liveAnywhere.subtract(1, ordering: .relaxed)
        live.subtract(1, ordering: .relaxed)
    }
}
