import Synchronization

/// Counts calls that stay open, by stream; each place is given back when its ``Place`` is released.
final class ConnectionQuota: Sendable {
    /// One open call.
    final class Place: Sendable {
        private let quota: ConnectionQuota
        private let stream: String
        private let isReleased = Atomic(false)

        fileprivate init(_ quota: ConnectionQuota, _ stream: String) {
            self.quota = quota
            self.stream = stream
        }

        deinit { release() }

        /// Gives the place back now; doing it again does nothing.
        func release() {
            guard !isReleased.exchange(true, ordering: .relaxed) else { return }
            quota.leave(stream)
        }
    }

    private struct State {
        var total = 0
        var byStream: [String: Int] = [:]
    }

    private let perStream: Int
    private let total: Int
    private let state = Mutex(State())

    init(perStream: Int, total: Int) {
        self.perStream = perStream
        self.total = total
    }

    /// A place, or `nil` when the stream or all of them have enough.
    func enter(_ stream: String) -> Place? {
        let entered = state.withLock { state -> Bool in
            guard state.total < total, state.byStream[stream, default: 0] < perStream else { return false }
            state.total += 1
            state.byStream[stream, default: 0] += 1
            return true
        }
        return entered ? Place(self, stream) : nil
    }

    /// Calls open now.
    var open: Int { state.withLock { $0.total } }

    private func leave(_ stream: String) {
        state.withLock { state in
            state.total -= 1
            let rest = state.byStream[stream, default: 1] - 1
            state.byStream[stream] = rest > 0 ? rest : nil
        }
    }
}
