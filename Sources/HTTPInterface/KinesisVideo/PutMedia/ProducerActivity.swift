import Synchronization

/// When a producer's last byte came. Thread-safe.
final class ProducerActivity: Sendable {
    private let last = Mutex(ContinuousClock.now)

    func note() { last.withLock { $0 = .now } }

    var quietTime: Duration { .now - last.withLock { $0 } }
}
