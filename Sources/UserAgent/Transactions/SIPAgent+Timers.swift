import NIOCore

/// One queue of deadlines, one scheduled task for the earliest.
extension SIPAgent {
    /// Makes sure that `owner` is woken at its next deadline. Call it after anything that may have changed it.
    func arm(_ owner: TimedOwner) {
        guard let deadline = owner.nextDeadline, timedOwners[owner.id] != nil else { return }
        if let armed = owner.armed, armed <= deadline { return }
        owner.armed = deadline
        deadlines.insert(deadline, owner: owner.id)
        scheduleWake()
    }

    private func scheduleWake() {
        guard let first = deadlines.first else { return }
        if let wake, wake.deadline <= first { return }
        wake?.task.cancel()
        let delay = max(TimeAmount(ContinuousClock.now.duration(to: first)), .zero)
        // Rounded up, so that a wake-up never comes just before its deadline and spins.
        let task = eventLoop.scheduleTask(in: delay + .microseconds(100)) { [weak self] in
            self?.assumeIsolated { $0.runTimers() }
            return ()
        }
        wake = (first, task)
    }

    private func runTimers() {
        wake = nil
        let now = ContinuousClock.now
        while let due = deadlines.popDue(at: now) {
            guard let owner = timedOwners[due.owner] else { continue }
            if owner.armed == due.deadline { owner.armed = nil }
            // A state machine does one thing a call; none has more than a handful due at once.
            var steps = 0
            while steps < 16, owner.expireOnce(at: now, in: self) { steps += 1 }
            arm(owner)
        }
        scheduleWake()
    }
}
