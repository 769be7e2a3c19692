import DequeModule

/// The state of one target: what waits, what is in flight, and when what is tried again.
///
/// Messages of one call (a lane) go one after the other; lanes are independent. A pure value: time and randomness are
/// arguments. It keeps only numbers and lane names; bodies stay in the spool.
public struct DeliveryQueue: ~Copyable {
    /// What to do with a message that failed.
    public enum Verdict: Sendable, Equatable {
        /// It stays and is tried again by itself.
        case retry
        /// It is taken off the queue; the owner keeps it as a dead letter. `failures`: how often it was tried in vain.
        case deadLetter(failures: Int)
        /// The number is not in flight.
        case unknown
    }

    /// One message to be sent.
    public struct Taken: Sendable, Equatable {
        /// The number under which it was added.
        public var sequence: Int64
        /// The failures so far.
        public var failures: Int
    }

    private struct Lane {
        var messages = Deque<Int64>()
        var head = Head()
    }

    /// What is known about a lane's first message.
    private struct Head {
        var failures = 0
        /// Failures between which the target took something else.
        var provenFailures = 0
        var refusals = 0
        var firstFailure: ContinuousClock.Instant?
        /// The target's successes at the last failure.
        var successes: Int64 = 0
        var isInFlight = false
        var isAlone = true
    }

    private enum Health {
        case up
        case down(failures: Int, until: ContinuousClock.Instant, isProbing: Bool)
    }

    private let policy: RetryPolicy
    private var lanes: [String: Lane] = [:]
    private var laneOfFlight: [Int64: String] = [:]
    private var ready = Deque<String>()
    private var delayed: [(at: ContinuousClock.Instant, lane: String)] = []
    private var health = Health.up
    private var successes: Int64 = 0

    /// Messages that are not acknowledged, in flight or not.
    public private(set) var count = 0
    /// Messages in flight.
    public var inFlight: Int { laneOfFlight.count }
    /// How many more ``add(_:lane:notBefore:)`` takes.
    public var room: Int { max(0, policy.capacity - count) }
    /// Whether the target is thought to be down.
    public var isDown: Bool {
        switch health {
        case .up: false
        case .down: true
        }
    }

    /// An empty queue.
    public init(policy: RetryPolicy) {
        self.policy = policy
    }

    /// Adds a message at the end of its lane. Numbers are unique and grow.
    /// - Parameter notBefore: holds back the first message of a lane.
    public mutating func add(_ sequence: Int64, lane: String, notBefore: ContinuousClock.Instant? = nil) {
        count += 1
        if lanes[lane] != nil {
            lanes[lane]?.messages.append(sequence)
            return
        }
        lanes[lane] = Lane(messages: [sequence])
        if let notBefore { delay(lane, until: notBefore) } else { ready.append(lane) }
    }

    /// Takes messages of different lanes to be sent together; empty when nothing may be sent now. A message that has
    /// failed before is always alone, so that it cannot spoil others.
    public mutating func take(limit: Int, at now: ContinuousClock.Instant) -> [Taken] {
        release(at: now)
        var limit = limit
        switch health {
        case .up: break
        case .down(let failures, let until, let isProbing):
            guard !isProbing, now >= until, !ready.isEmpty else { return [] }
            health = .down(failures: failures, until: until, isProbing: true)
            limit = 1
        }
        var taken: [Taken] = []
        var passed: [String] = []
        while taken.count < limit, let lane = ready.popFirst() {
            guard let first = lanes[lane]?.messages.first, let failures = lanes[lane]?.head.failures else { continue }
            if failures > 0, !taken.isEmpty {
                passed.append(lane)
                if passed.count >= limit { break }
                continue
            }
            taken.append(Taken(sequence: first, failures: failures))
            laneOfFlight[first] = lane
            lanes[lane]?.head.isInFlight = true
            if failures > 0 { break }
        }
        for lane in passed.reversed() { ready.prepend(lane) }
        for message in taken {
            if let lane = laneOfFlight[message.sequence] { lanes[lane]?.head.isAlone = taken.count == 1 }
        }
        return taken
    }

    /// The target has it.
    /// - Returns: whether the message was in flight.
    public mutating func acknowledge(_ sequence: Int64) -> Bool {
        guard let lane = laneOfFlight.removeValue(forKey: sequence) else { return false }
        health = .up
        successes += 1
        removeHead(of: lane)
        return true
    }

    /// The target does not have it, or not for certain.
    /// - Parameter jitter: 0 ..< 1, from a random generator.
    public mutating func fail(
        _ sequence: Int64, _ failure: DeliveryFailure, at now: ContinuousClock.Instant, jitter: Double
    ) -> Verdict {
        guard let lane = laneOfFlight.removeValue(forKey: sequence), var head = lanes[lane]?.head else {
            return .unknown
        }
        let isProven = failure.scope != .target || (head.firstFailure != nil && successes > head.successes)
        head.isInFlight = false
        head.failures += 1
        if isProven { head.provenFailures += 1 }
        if failure.scope == .refused, head.isAlone { head.refusals += 1 }
        head.successes = successes
        let first = head.firstFailure ?? now
        head.firstFailure = first
        lanes[lane]?.head = head

        let asked = min(failure.retryAfter ?? .zero, policy.longestRetryAfter)
        switch failure.scope {
        case .target: pause(asked: asked, at: now, jitter: jitter)
        // It answered, so it is not down.
        case .message, .refused: health = .up
        }
        if head.refusals >= policy.refusals || head.provenFailures >= policy.attempts
            || first.duration(to: now) >= policy.patience
        {
            removeHead(of: lane)
            return .deadLetter(failures: head.failures)
        }
        if isProven {
            let wait = policy.wait(failures: head.provenFailures, limit: policy.longestWait, jitter: jitter)
            delay(lane, until: now + max(asked, wait))
        } else {
            // The target's pause is its wait; others are the next to try whether the target is back.
            ready.append(lane)
        }
        return .retry
    }

    /// Takes a message off that nobody can send any more (its body is gone).
    public mutating func drop(_ sequence: Int64) {
        guard let lane = laneOfFlight.removeValue(forKey: sequence) else { return }
        if case .down(let failures, let until, true) = health {
            health = .down(failures: failures, until: until, isProbing: false)
        }
        removeHead(of: lane)
    }

    /// Puts a message back that was taken and not tried.
    public mutating func putBack(_ sequence: Int64) {
        guard let lane = laneOfFlight.removeValue(forKey: sequence) else { return }
        lanes[lane]?.head.isInFlight = false
        ready.prepend(lane)
        if case .down(let failures, let until, true) = health {
            health = .down(failures: failures, until: until, isProbing: false)
        }
    }

    /// Whether a message could be sent now.
    public func hasWork(at now: ContinuousClock.Instant) -> Bool {
        let hasReady = !ready.isEmpty || (delayed.first.map { $0.at <= now } ?? false)
        switch health {
        case .up: return hasReady
        case .down(_, let until, let isProbing): return hasReady && !isProbing && now >= until
        }
    }

    /// When ``take(limit:at:)`` should be tried again; `nil` when only an answer or a new message changes anything.
    public var nextDeadline: ContinuousClock.Instant? {
        switch health {
        case .up: return delayed.first?.at
        case .down(_, let until, let isProbing):
            if isProbing { return nil }
            guard ready.isEmpty else { return until }
            return delayed.first.map { max($0.at, until) }
        }
    }

    private mutating func pause(asked: Duration, at now: ContinuousClock.Instant, jitter: Double) {
        switch health {
        case .up:
            let wait = policy.wait(failures: 1, limit: policy.longestPause, jitter: jitter)
            health = .down(failures: 1, until: now + max(asked, wait), isProbing: false)
        case .down(let failures, _, true):
            let next = failures + 1
            let wait = policy.wait(failures: next, limit: policy.longestPause, jitter: jitter)
            health = .down(failures: next, until: now + max(asked, wait), isProbing: false)
        case .down(let failures, let until, false):
            // A request that was under way when the target went down; one outage is counted once.
            health = .down(failures: failures, until: max(until, now + asked), isProbing: false)
        }
    }

    private mutating func removeHead(of lane: String) {
        count -= 1
        lanes[lane]?.head = Head()
        _ = lanes[lane]?.messages.popFirst()
        if lanes[lane]?.messages.isEmpty ?? true { lanes[lane] = nil } else { ready.append(lane) }
    }

    private mutating func delay(_ lane: String, until time: ContinuousClock.Instant) {
        var low = 0
        var high = delayed.count
        while low < high {
            let middle = (low + high) / 2
            if delayed[middle].at <= time { low = middle + 1 } else { high = middle }
        }
        delayed.insert((time, lane), at: low)
    }

    private mutating func release(at now: ContinuousClock.Instant) {
        let due = delayed.prefix { $0.at <= now }
        guard !due.isEmpty else { return }
        for entry in due { ready.append(entry.lane) }
        delayed.removeFirst(due.count)
    }
}
