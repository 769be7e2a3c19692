import Testing

@testable import Delivery

/// Virtual time: instants are made from one base, nothing sleeps.
private struct Clock {
    let base = ContinuousClock.now
    func at(_ seconds: Double) -> ContinuousClock.Instant { base + .seconds(seconds) }
}

@Suite("Queue of one target")
struct DeliveryQueueTests {
    private let clock = Clock()

    private func queue(_ change: (inout RetryPolicy) -> Void = { _ in }) -> DeliveryQueue {
        var policy = RetryPolicy()
        change(&policy)
        return DeliveryQueue(policy: policy)
    }

    @Test("Messages of one call go one after the other, other calls at the same time")
    func laneOrder() {
        var queue = queue()
        queue.add(1, lane: "a")
        queue.add(2, lane: "a")
        queue.add(3, lane: "b")
        let first = queue.take(limit: 10, at: clock.at(0)).map(\.sequence)
        #expect(first == [1, 3])
        let none = queue.take(limit: 10, at: clock.at(0)).map(\.sequence)
        #expect(none.isEmpty)
        let known = queue.acknowledge(1)
        #expect(known)
        let second = queue.take(limit: 10, at: clock.at(0)).map(\.sequence)
        #expect(second == [2])
    }

    @Test("A call whose message fails waits; nothing of it overtakes")
    func failedCallWaits() {
        var queue = queue()
        queue.add(1, lane: "a")
        queue.add(2, lane: "a")
        _ = queue.take(limit: 1, at: clock.at(0))
        let verdict = queue.fail(1, DeliveryFailure(.message, "no"), at: clock.at(0), jitter: 0.999)
        #expect(verdict == .retry)
        let early = queue.take(limit: 10, at: clock.at(0.4)).map(\.sequence)
        #expect(early.isEmpty)
        let late = queue.take(limit: 10, at: clock.at(0.5))
        #expect(late == [.init(sequence: 1, failures: 1)])
    }

    @Test("Waits double with full jitter up to the longest one")
    func backoff() {
        let policy = RetryPolicy()
        #expect(policy.wait(failures: 1, limit: .seconds(300), jitter: 1) == .milliseconds(500))
        #expect(policy.wait(failures: 4, limit: .seconds(300), jitter: 1) == .seconds(4))
        #expect(policy.wait(failures: 4, limit: .seconds(300), jitter: 0.25) == .seconds(1))
        #expect(policy.wait(failures: 4, limit: .seconds(300), jitter: 0) == .zero)
        #expect(policy.wait(failures: 60, limit: .seconds(300), jitter: 1) == .seconds(300))
    }

    @Test("A target that is down is asked by one message at a time, each time another call's, and comes back at once")
    func outage() {
        var queue = queue()
        for number in 1...5 { queue.add(Int64(number), lane: "call \(number)") }
        _ = queue.take(limit: 1, at: clock.at(0))
        _ = queue.fail(1, DeliveryFailure(.target, "refused"), at: clock.at(0), jitter: 0.999)
        let value1 = queue.isDown
        #expect(value1)
        let early = queue.take(limit: 10, at: clock.at(0.1)).map(\.sequence)
        #expect(early.isEmpty)
        let probe = queue.take(limit: 10, at: clock.at(0.5)).map(\.sequence)
        #expect(probe == [2])
        let second = queue.take(limit: 10, at: clock.at(100)).map(\.sequence)
        #expect(second.isEmpty, "one probe at a time")
        _ = queue.acknowledge(2)
        let value2 = queue.isDown
        #expect(!value2)
        let rest = queue.take(limit: 10, at: clock.at(0.5)).map(\.sequence)
        #expect(rest == [3, 4, 5], "the one that failed goes alone")
        let alone = queue.take(limit: 10, at: clock.at(0.5)).map(\.sequence)
        #expect(alone == [1])
    }

    @Test("An outage of ten hours makes no dead letters")
    func longOutage() {
        var queue = queue { $0.attempts = 3 }
        queue.add(1, lane: "a")
        queue.add(2, lane: "b")
        var now = clock.at(0)
        var tries = 0
        while now < clock.at(36_000) {
            for taken in queue.take(limit: 10, at: now) {
                tries += 1
                let verdict = queue.fail(taken.sequence, DeliveryFailure(.target, "down"), at: now, jitter: 0.5)
                #expect(verdict == .retry)
            }
            guard let next = queue.nextDeadline else { break }
            now = max(next, now + .milliseconds(1))
        }
        #expect(tries > 1000)
        let value3 = queue.count
        #expect(value3 == 2)
    }

    @Test("A message that makes the target fail while others pass becomes a dead letter and its call goes on")
    func poison() {
        var queue = queue { $0.attempts = 4 }
        queue.add(1, lane: "poisoned")
        queue.add(2, lane: "poisoned")
        var next: Int64 = 100
        var now = clock.at(0)
        var dead: [Int64] = []
        var acknowledged: [Int64] = []
        for _ in 0..<20_000 where dead.isEmpty || !acknowledged.contains(2) {
            queue.add(next, lane: "call \(next)")
            next += 1
            for taken in queue.take(limit: 1, at: now) {
                guard taken.sequence == 1 else {
                    _ = queue.acknowledge(taken.sequence)
                    acknowledged.append(taken.sequence)
                    continue
                }
                let verdict = queue.fail(1, DeliveryFailure(.target, "500"), at: now, jitter: 0.9)
                if case .deadLetter = verdict { dead.append(1) }
            }
            now = now + .milliseconds(100)
        }
        #expect(dead == [1])
        #expect(acknowledged.contains(2))
        #expect(acknowledged.count > 20)
    }

    @Test("A refusal counts only for a message that was alone")
    func refusals() {
        var queue = queue { $0.refusals = 2 }
        queue.add(1, lane: "a")
        queue.add(2, lane: "b")
        _ = queue.take(limit: 10, at: clock.at(0))
        let refused = DeliveryFailure(.refused, "400")
        for number in [1, 2] {
            let verdict = queue.fail(Int64(number), refused, at: clock.at(0), jitter: 0)
            #expect(verdict == .retry)
        }
        let alone = queue.take(limit: 10, at: clock.at(1)).map(\.sequence)
        #expect(alone == [1])
        let first = queue.fail(1, refused, at: clock.at(1), jitter: 0)
        #expect(first == .retry)
        let other = queue.take(limit: 10, at: clock.at(1)).map(\.sequence)
        #expect(other == [2])
        _ = queue.acknowledge(2)
        _ = queue.take(limit: 10, at: clock.at(2))
        let last = queue.fail(1, refused, at: clock.at(2), jitter: 0)
        #expect(last == .deadLetter(failures: 3))
        let value4 = queue.count
        #expect(value4 == 0)
    }

    @Test("Retry-After is honoured by the target and by a message, up to an hour")
    func retryAfter() {
        var queue = queue()
        queue.add(1, lane: "a")
        _ = queue.take(limit: 1, at: clock.at(0))
        _ = queue.fail(1, DeliveryFailure(.target, "503", retryAfter: .seconds(120)), at: clock.at(0), jitter: 0)
        let early = queue.take(limit: 1, at: clock.at(119)).map(\.sequence)
        #expect(early.isEmpty)
        let due = queue.take(limit: 1, at: clock.at(120)).map(\.sequence)
        #expect(due == [1])
        _ = queue.fail(1, DeliveryFailure(.message, "x", retryAfter: .seconds(1 << 30)), at: clock.at(120), jitter: 0)
        let far = queue.take(limit: 1, at: clock.at(120 + 3600)).map(\.sequence)
        #expect(far == [1])
    }

    @Test("After its patience a message is given up, even if nothing else passes")
    func patience() {
        var queue = queue { $0.patience = .seconds(60) }
        queue.add(1, lane: "a")
        _ = queue.take(limit: 1, at: clock.at(0))
        _ = queue.fail(1, DeliveryFailure(.target, "x"), at: clock.at(0), jitter: 0)
        _ = queue.take(limit: 1, at: clock.at(61))
        let verdict = queue.fail(1, DeliveryFailure(.target, "x"), at: clock.at(61), jitter: 0)
        #expect(verdict == .deadLetter(failures: 2))
    }

    @Test("What is put back is the next to be taken, and a lost probe does not block the target")
    func putBack() {
        var queue = queue()
        queue.add(1, lane: "a")
        queue.add(2, lane: "b")
        _ = queue.take(limit: 1, at: clock.at(0))
        _ = queue.fail(1, DeliveryFailure(.target, "x"), at: clock.at(0), jitter: 0)
        let probe = queue.take(limit: 1, at: clock.at(1)).map(\.sequence)
        #expect(probe == [2])
        queue.putBack(2)
        let again = queue.take(limit: 1, at: clock.at(1)).map(\.sequence)
        #expect(again == [2])
        queue.drop(2)
        let other = queue.take(limit: 1, at: clock.at(1)).map(\.sequence)
        #expect(other == [1])
        let value5 = queue.count
        #expect(value5 == 1)
    }

    @Test("A message is held back until its time")
    func notBefore() {
        var queue = queue()
        queue.add(1, lane: "a", notBefore: clock.at(3))
        let early = queue.hasWork(at: clock.at(2))
        #expect(!early)
        let value6 = queue.nextDeadline
        #expect(value6 == clock.at(3))
        let due = queue.take(limit: 1, at: clock.at(3)).map(\.sequence)
        #expect(due == [1])
    }

    @Test("Random runs: nothing is lost, nothing overtakes in its call", arguments: 0..<20)
    func randomRuns(seed: Int) {
        var random = SplitMix(seed: UInt64(seed))
        var queue = queue { policy in
            policy.attempts = 5
            policy.refusals = 2
        }
        var now = clock.at(0)
        var settled: [String: [Int64]] = [:]
        var lanes: [Int64: String] = [:]
        for number in 1...300 {
            let lane = "call \(random.next() % 20)"
            lanes[Int64(number)] = lane
            queue.add(Int64(number), lane: lane)
        }
        var steps = 0
        while queue.count > 0, steps < 100_000 {
            steps += 1
            let batch = queue.take(limit: Int(random.next() % 10) + 1, at: now)
            #expect(Set(batch.compactMap { lanes[$0.sequence] }).count == batch.count)
            for taken in batch {
                switch random.next() % 6 {
                case 0:
                    let scopes: [DeliveryFailure.Scope] = [.target, .message, .refused]
                    let scope = scopes[Int(random.next() % 3)]
                    let jitter = Double(random.next() % 1000) / 1000
                    let verdict = queue.fail(taken.sequence, DeliveryFailure(scope, "x"), at: now, jitter: jitter)
                    if case .deadLetter = verdict {
                        settled[lanes[taken.sequence] ?? "", default: []].append(taken.sequence)
                    }
                case 1: queue.putBack(taken.sequence)
                default:
                    _ = queue.acknowledge(taken.sequence)
                    settled[lanes[taken.sequence] ?? "", default: []].append(taken.sequence)
                }
            }
            now = now + .milliseconds(Int64(random.next() % 200))
        }
        let value7 = queue.count
        #expect(value7 == 0)
        let value8 = queue.inFlight
        #expect(value8 == 0)
        #expect(settled.values.reduce(0) { $0 + $1.count } == 300)
        for (lane, order) in settled { #expect(order == order.sorted(), "\(lane)") }
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
