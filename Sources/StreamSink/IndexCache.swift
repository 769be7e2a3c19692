import Synchronization

/// Indexes of finished sessions that were used lately. Bounded: the entries in memory are at most ``limit`` (56 bytes
/// each), the overviews at most ``overviewLimit`` (about 200 bytes each).
final class IndexCache: Sendable {
    static let limit = 200_000
    static let overviewLimit = 50_000

    /// What is asked of a session before its entries are.
    struct Overview: Sendable {
        var first: FragmentNumber
        var last: FragmentNumber
        /// From the first fragment's start to the end of the last, milliseconds since 1970.
        var server: ClosedRange<Int64>
        var producer: ClosedRange<Int64>

        init?(_ index: SessionIndex) {
            guard let first = index.entries.first, let last = index.entries.last else { return nil }
            self.first = first.number
            self.last = last.number
            func range(_ time: (IndexEntry) -> Int64) -> ClosedRange<Int64> {
                var low = Int64.max
                var high = Int64.min
                for entry in index.entries {
                    low = min(low, time(entry))
                    high = max(high, time(entry) &+ Int64(entry.durationMilliseconds))
                }
                return low...max(low, high)
            }
            server = range(\.serverMilliseconds)
            producer = range(\.producerMilliseconds)
        }
    }

    private struct State {
        var indexes: [String: (index: SessionIndex, used: UInt64)] = [:]
        var overviews: [String: Overview] = [:]
        var entries = 0
        var uses: UInt64 = 0
    }

    private let state = Mutex(State())

    func index(_ path: String) -> SessionIndex? {
        state.withLock { state in
            guard let found = state.indexes[path]?.index else { return nil }
            state.uses += 1
            state.indexes[path]?.used = state.uses
            return found
        }
    }

    func overview(_ path: String) -> Overview? { state.withLock { $0.overviews[path] } }

    func add(_ index: SessionIndex, for path: String) {
        let overview = Overview(index)
        state.withLock { state in
            if let overview {
                if state.overviews.count >= Self.overviewLimit { state.overviews.removeAll() }
                state.overviews[path] = overview
            }
            guard index.entries.count <= Self.limit else { return }
            if let old = state.indexes[path] { state.entries -= old.index.entries.count }
            state.uses += 1
            state.indexes[path] = (index, state.uses)
            state.entries += index.entries.count
            while state.entries > Self.limit || state.indexes.count > 1000,
                let oldest = state.indexes.min(by: { $0.value.used < $1.value.used })
            {
                state.entries -= oldest.value.index.entries.count
                state.indexes[oldest.key] = nil
            }
        }
    }

    func remove(_ path: String) {
        state.withLock { state in
            if let old = state.indexes.removeValue(forKey: path) { state.entries -= old.index.entries.count }
            state.overviews[path] = nil
        }
    }
}
