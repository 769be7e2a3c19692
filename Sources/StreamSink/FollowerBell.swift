import Synchronization

/// Where one follower sleeps until something is written, its patience ends or its task is cancelled.
final class FollowerBell: Sendable {
    private struct State {
        var hasRung = false
        var waiting: CheckedContinuation<Bool, Never>?
        var deadline = ContinuousClock.now
    }

    private let state = Mutex(State())

    /// Wakes the follower; when it does not sleep, its next sleep ends at once.
    func ring() {
        let waiting = state.withLock { state in
            state.hasRung = true
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume(returning: true)
    }

    /// Sleeps until the next ring. False when the time was over first, or the task is cancelled.
    nonisolated(nonsending) func wait(until deadline: ContinuousClock.Instant) async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = state.withLock { state in
                    if state.hasRung { return true }
                    if Task.isCancelled { return false }
                    state.waiting = continuation
                    state.deadline = deadline
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            end { _ in true }
        }
    }

    /// Forgets a ring. To be called before the look at what may have changed.
    func reset() { state.withLock { $0.hasRung = false } }

    /// Ends a sleep whose time is over.
    func expire(at now: ContinuousClock.Instant) {
        end { $0.deadline <= now }
    }

    private func end(_ isOver: (State) -> Bool) {
        let waiting: CheckedContinuation<Bool, Never>? = state.withLock { state in
            guard state.waiting != nil, isOver(state) else { return nil }
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume(returning: false)
    }
}

/// Ends the sleep of followers whose time is over, twenty times a second while there are followers.
///
/// A timer for every sleep would be dearer than the sleep: a live follower sleeps 25 times a second.
final class FollowerClock: Sendable {
    private struct State {
        var bells: [ObjectIdentifier: FollowerBell] = [:]
        var isRunning = false
    }

    private let state = Mutex(State())

    func add(_ bell: FollowerBell) {
        let starts = state.withLock { state in
            state.bells[ObjectIdentifier(bell)] = bell
            defer { state.isRunning = true }
            return !state.isRunning
        }
        guard starts else { return }
        Task.detached { [self] in
            while let bells = bells() {
                let now = ContinuousClock.now
                for bell in bells { bell.expire(at: now) }
                try? await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    func remove(_ bell: FollowerBell) {
        _ = state.withLock { $0.bells.removeValue(forKey: ObjectIdentifier(bell)) }
    }

    private func bells() -> [FollowerBell]? {
        state.withLock { state in
            if state.bells.isEmpty {
                state.isRunning = false
                return nil
            }
            return Array(state.bells.values)
        }
    }
}
