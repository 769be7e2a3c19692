import MediaCore
import Synchronization

/// A leg's telephone events on their way from its media worker to a task that writes them down: bounded in number and
/// in rate, because each one costs log lines and an event, and the peer says how many there are.
///
/// ``add(_:at:)`` copies one value under a lock that nobody holds for longer, and makes room for a few where there is none:
/// what writes the log may block, and a media worker must not. Most legs never hear a digit, so nothing is kept ready.
final class DigitQueue: Sendable {
    /// One telephone event.
    struct Entry: Sendable, Equatable {
        /// Nil where it is no key.
        let key: Character?
        let milliseconds: Int
        /// Its start on the leg's time line, in samples.
        let position: Int64
        /// When it ended; wall clock, milliseconds since 1970.
        let heardAt: Int64
    }

    /// More are not kept waiting.
    static let limit = 64
    /// More in a second are not kept: nobody presses as many.
    static let mostPerSecond = 20

    private struct State {
        var waiting: [Entry] = []
        /// The second that is counted: its start on the arrival clock, in nanoseconds, and what it had.
        var second: Int64 = .min
        var count = 0
    }

    private let state = Mutex(State())
    private let hasEntries = Atomic<Bool>(false)
    private let kept = Atomic<UInt64>(0)
    private let lost = Atomic<UInt64>(0)

    init() {}

    /// Events taken so far.
    var taken: UInt64 { kept.load(ordering: .relaxed) }
    /// Events that were too many.
    var overflow: UInt64 { lost.load(ordering: .relaxed) }
    /// Whether any wait.
    var isWaiting: Bool { hasEntries.load(ordering: .acquiring) }

    /// Adds one, or counts it as lost; `now` is on the arrival clock, in nanoseconds.
    func add(_ entry: Entry, at now: Int64) {
        let isKept = state.withLock { state in
            if state.second == .min || now &- state.second >= 1_000_000_000 {
                state.second = now
                state.count = 0
            }
            guard state.count < Self.mostPerSecond, state.waiting.count < Self.limit else { return false }
            state.count += 1
            state.waiting.append(entry)
            return true
        }
        guard isKept else {
            lost.add(1, ordering: .relaxed)
            return
        }
        kept.add(1, ordering: .relaxed)
        hasEntries.store(true, ordering: .releasing)
    }

    /// Those that wait, in order; they are the caller's now.
    func take() -> [Entry] {
        guard hasEntries.exchange(false, ordering: .acquiringAndReleasing) else { return [] }
        return state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
    }
}
