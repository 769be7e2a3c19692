/// A token bucket: `rate` events a second on average, `burst` at once. Time is an argument.
struct TokenBucket: Sendable {
    /// Tokens that come back each second.
    let rate: Int
    /// Tokens the bucket holds when full.
    let burst: Int

    private var nanotokens: Int64
    private var updated: ContinuousClock.Instant?

    private static let one: Int64 = 1_000_000_000

    /// A full bucket. `rate` and `burst` are clamped to 0…1,000,000, so that arithmetic cannot overflow.
    init(rate: Int, burst: Int? = nil) {
        self.rate = min(max(rate, 0), 1_000_000)
        self.burst = min(max(burst ?? self.rate, 0), 1_000_000)
        nanotokens = Int64(self.burst) * Self.one
    }

    /// Takes one token; false when there is none.
    mutating func take(at now: ContinuousClock.Instant) -> Bool {
        refill(at: now)
        guard nanotokens >= Self.one else { return false }
        nanotokens -= Self.one
        return true
    }

    private mutating func refill(at now: ContinuousClock.Instant) {
        guard let last = updated else {
            updated = now
            return
        }
        let elapsed = last.duration(to: now)
        guard elapsed > .zero else { return }
        updated = now
        let full = Int64(burst) * Self.one
        // After this long the bucket is full whatever the rate; it also bounds the product below.
        guard rate > 0, elapsed < .seconds(3600) else {
            if rate > 0 { nanotokens = full }
            return
        }
        let (seconds, attoseconds) = elapsed.components
        let nanoseconds = seconds * 1_000_000_000 + attoseconds / 1_000_000_000
        nanotokens = min(full, nanotokens + nanoseconds * Int64(rate))
    }
}
