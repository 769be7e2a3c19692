import Testing

@testable import UserAgent

@Suite("Rate limits and deadlines")
struct TokenBucketTests {
    let start = ContinuousClock.now

    @Test("A bucket gives its burst at once, then its rate")
    func burstThenRate() {
        var bucket = TokenBucket(rate: 10, burst: 5)
        let burst = (0..<8).map { _ in bucket.take(at: start) }
        #expect(burst == [true, true, true, true, true, false, false, false])
        let early = bucket.take(at: start + .milliseconds(99))
        #expect(!early)
        let inTime = bucket.take(at: start + .milliseconds(101))
        #expect(inTime)
        let taken = (0..<1000).count { bucket.take(at: start + .milliseconds(101 + $0 * 10)) }
        #expect((99...101).contains(taken))
    }

    @Test("A bucket never holds more than its burst, however long it rests")
    func rest() {
        var bucket = TokenBucket(rate: 1_000_000, burst: 3)
        _ = bucket.take(at: start)
        let later = start + .seconds(1_000_000_000)
        #expect((0..<10).count { _ in bucket.take(at: later) } == 3)
    }

    @Test("Rate 0 gives nothing, and a clock that stands still or goes back gives nothing new")
    func nothing() {
        var none = TokenBucket(rate: 0)
        let refused = none.take(at: start + .seconds(100))
        #expect(!refused)
        var bucket = TokenBucket(rate: 1)
        let first = bucket.take(at: start)
        let second = bucket.take(at: start - .seconds(100))
        #expect(first && !second)
    }

    @Test("Deadlines come out in order, and only when they are due")
    func deadlines() {
        var queue = DeadlineQueue()
        var generator = SystemRandomNumberGenerator()
        let offsets = (0..<500).map { _ in Int.random(in: 0..<1000, using: &generator) }
        for (index, offset) in offsets.enumerated() {
            queue.insert(start + .milliseconds(offset), owner: UInt64(index))
        }
        var seen: [Int] = []
        while let due = queue.popDue(at: start + .milliseconds(499)) { seen.append(offsets[Int(due.owner)]) }
        #expect(seen == offsets.filter { $0 <= 499 }.sorted())
        #expect(queue.count == 500 - seen.count)
    }
}
