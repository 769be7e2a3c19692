import Synchronization

/// Says that some leg has something to tell: one flag for the whole service, so that its watch need not ask each leg.
final class NewsFlag: Sendable {
    private let flag = Atomic<Bool>(false)

    func raise() { flag.store(true, ordering: .releasing) }

    /// Whether it was raised since the last time.
    func lower() -> Bool { flag.exchange(false, ordering: .acquiringAndReleasing) }
}
