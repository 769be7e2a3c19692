import Synchronization

/// One thread that writes its sessions' samples soon after they were handed in: a session joins the ready list with the
/// first samples of a hand-in, and each round writes the sessions on the list, once each.
///
/// Nothing looks through all sessions, so the cost goes with the hand-ins alone.
final class StreamWriter: Sendable {
    private struct Work {
        var sessions: Set<SessionReference> = []
        /// Those of more than 8 kHz.
        var wideSessions = 0
        var ready: [StreamSession] = []
        /// Empty sample buffers for hand-ins to come.
        var spares: [[Int16]] = []
        /// Their files could not be made.
        var failed: [StreamSession] = []
        var closing: [StreamSession] = []
    }

    /// A session by its identity.
    private struct SessionReference: Hashable {
        let session: StreamSession
        static func == (left: Self, right: Self) -> Bool { left.session === right.session }
        func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(session)) }
    }

    /// What one round has to do.
    private struct Round {
        var ready: [StreamSession] = []
        var failed: [StreamSession] = []
        var closing: [StreamSession] = []
        var hasSessions = false
    }

    /// How often sessions whose file cannot be written are looked at; each is tried once a second.
    private static let retryMilliseconds: Int64 = 100

    private let work = Mutex(Work())
    private let thread: WorkerThread
    private let opener = Mutex<StreamOpener?>(nil)
    private let flushMilliseconds: Int64
    private let health: DiskHealth
    private let closed: @Sendable (StreamSession, _ lastCounter: UInt64) -> Void

    /// - Parameter closed: called on the writer's thread after a session's file is closed.
    init(
        index: Int, flushMilliseconds: Int64, health: DiskHealth,
        closed: @escaping @Sendable (StreamSession, UInt64) -> Void
    ) throws(FileError) {
        self.flushMilliseconds = max(1, flushMilliseconds)
        self.health = health
        self.closed = closed
        thread = try WorkerThread()
        // Names of threads are cut at 15 bytes.
        try thread.start(name: "stream-write-\(index)") { [self] in run($0) }
        let opener = try StreamOpener(index: index, health: health) { [weak self] session in
            self?.work.withLock { $0.failed.append(session) }
        }
        self.opener.withLock { $0 = opener }
    }

    /// Takes a session on; its file is made at once, so that a reader finds it.
    func add(_ session: StreamSession) {
        work.withLock { work in
            work.sessions.insert(SessionReference(session: session))
            if session.isWide { work.wideSessions += 1 }
            // Enough for the hand-ins of a busy moment, so that none allocates: one of 20 ms has a twelfth of them.
            if work.spares.count < 8 + work.sessions.count / 8 { work.spares.append(PendingSamples.freshBuffer()) }
        }
        opener.withLock { $0 }?.add(session)
        thread.ring()
    }

    /// Closes a session soon.
    func close(_ session: StreamSession) {
        work.withLock { $0.closing.append(session) }
        thread.ring()
    }

    /// Puts a session on the ready list. Called with the session's lock held, at most once until the writer has taken what
    /// it has. Returns a buffer for its samples; without storage when there is none to spare.
    func enqueue(_ session: StreamSession) -> [Int16] {
        work.withLock { work in
            work.ready.append(session)
            return work.spares.popLast() ?? []
        }
    }

    /// Like ``enqueue(_:)`` for a session of payloads, which has buffers of its own.
    func enqueue(payloadsOf session: StreamSession) {
        work.withLock { $0.ready.append(session) }
    }

    /// Sessions that are not closed.
    var count: Int { work.withLock { $0.sessions.count } }

    var openSessions: [StreamSession] { work.withLock { $0.sessions.map(\.session) } }

    /// Ends the thread after what is closing is closed.
    func stop() {
        opener.withLock { opener in
            opener?.stop()
            opener = nil
        }
        thread.stop()
    }

    private func run(_ thread: WorkerThread) {
        var scratch = WriteScratch()
        var failing: [StreamSession] = []
        var round = Round()
        var nextRound = SystemClock.monotonicMilliseconds()
        var nextRetry = nextRound
        while true {
            let stopping = thread.isStopped
            let isDue = SystemClock.monotonicMilliseconds() >= nextRound
            collect(&round, &scratch, withReady: isDue)
            failing += round.failed
            if !round.closing.isEmpty {
                finish(round.closing, &scratch)
                continue
            }
            if stopping { return }
            let now = SystemClock.monotonicMilliseconds()
            if isDue {
                write(round.ready, &scratch, &failing)
                // After a stall the missed rounds are not made up for.
                nextRound = max(nextRound + flushMilliseconds, now + 1)
            }
            if !failing.isEmpty, now >= nextRetry {
                nextRetry = now + Self.retryMilliseconds
                retry(&failing, &scratch)
            }
            guard round.hasSessions else {
                thread.sleep(milliseconds: 60_000)
                nextRound = SystemClock.monotonicMilliseconds()
                continue
            }
            thread.sleep(milliseconds: nextRound - SystemClock.monotonicMilliseconds())
        }
    }

    /// Takes over what there is to do, in exchange for the buffers of the last round.
    private func collect(_ round: inout Round, _ scratch: inout WriteScratch, withReady: Bool) {
        round.ready.removeAll(keepingCapacity: true)
        if !round.failed.isEmpty { round.failed = [] }
        if !round.closing.isEmpty { round.closing = [] }
        work.withLock { work in
            // In normal running a few hundred buffers serve thousands of sessions; what a stall needed beyond goes.
            scratch.moveSpares(to: &work.spares, limit: 64 + work.sessions.count / 6)
            scratch.keepsWideBuffers = work.wideSessions > 0
            if withReady { swap(&round.ready, &work.ready) }
            swap(&round.failed, &work.failed)
            swap(&round.closing, &work.closing)
            round.hasSessions = !work.sessions.isEmpty
        }
    }

    private func write(_ sessions: [StreamSession], _ scratch: inout WriteScratch, _ failing: inout [StreamSession]) {
        guard !sessions.isEmpty else { return }
        let now = SystemClock.monotonicMilliseconds()
        let wallClock = SystemClock.wallMilliseconds()
        var unopened: [StreamSession] = []
        for session in sessions {
            guard session.isOpened else {
                unopened.append(session)
                continue
            }
            if session.write(scratch: &scratch, now: now, wallClock: wallClock, health: health) {
                failing.append(session)
            }
        }
        // Their turn comes when their files are there.
        if !unopened.isEmpty { work.withLock { $0.ready += unopened } }
    }

    private func retry(_ failing: inout [StreamSession], _ scratch: inout WriteScratch) {
        let now = SystemClock.monotonicMilliseconds()
        let wallClock = SystemClock.wallMilliseconds()
        failing.removeAll { session in
            _ = session.write(scratch: &scratch, now: now, wallClock: wallClock, health: health)
            return session.file.withLock { $0.failure == nil || $0.isClosed }
        }
    }

    private func finish(_ closing: [StreamSession], _ scratch: inout WriteScratch) {
        work.withLock { work in
            for session in closing where work.sessions.remove(SessionReference(session: session)) != nil {
                if session.isWide { work.wideSessions -= 1 }
            }
        }
        for session in closing {
            let (summary, counter) = session.file.withLock { file in
                let wasFailing = file.failure != nil
                let summary = file.close(
                    from: session, scratch: &scratch, now: SystemClock.monotonicMilliseconds(),
                    wallClock: SystemClock.wallMilliseconds())
                if let error = file.failure, !wasFailing {
                    health.failed(error, isNew: true)
                    health.left()
                } else if wasFailing {
                    if file.failure == nil { health.recovered() } else { health.left() }
                }
                return (summary, file.lastCounter)
            }
            closed(session, counter)
            session.complete(summary)
        }
    }
}
