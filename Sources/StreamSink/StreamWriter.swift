import Synchronization

/// One thread that writes the pending samples of its sessions, all of them every flush interval.
final class StreamWriter: Sendable {
    private struct Work {
        var sessions: [StreamSession] = []
        var opening: [StreamSession] = []
        var closing: [StreamSession] = []
        var changes = 0
    }

    private let work = Mutex(Work())
    private let thread: WorkerThread
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
    }

    /// Takes a session on; its file is made at once, so that a reader finds it.
    func add(_ session: StreamSession) {
        work.withLock { work in
            work.sessions.append(session)
            work.opening.append(session)
            work.changes += 1
        }
        thread.ring()
    }

    /// Closes a session soon.
    func close(_ session: StreamSession) {
        work.withLock { $0.closing.append(session) }
        thread.ring()
    }

    /// Sessions that are not closed.
    var count: Int { work.withLock { $0.sessions.count } }

    var openSessions: [StreamSession] { work.withLock { $0.sessions } }

    /// Ends the thread after what is closing is closed.
    func stop() { thread.stop() }

    private func run(_ thread: WorkerThread) {
        var scratch = WriteScratch()
        var sessions: [StreamSession] = []
        var seen = -1
        var nextSweep = SystemClock.monotonicMilliseconds()
        while true {
            let stopping = thread.isStopped
            let (opening, closing) = work.withLock { work in
                if work.changes != seen {
                    seen = work.changes
                    sessions = work.sessions
                }
                defer {
                    if !work.opening.isEmpty { work.opening = [] }
                    if !work.closing.isEmpty { work.closing = [] }
                }
                return (work.opening, work.closing)
            }
            if !opening.isEmpty { sweep(opening, scratch: &scratch, now: SystemClock.monotonicMilliseconds()) }
            if !closing.isEmpty {
                finish(closing, scratch: &scratch)
                continue
            }
            if stopping { return }
            let now = SystemClock.monotonicMilliseconds()
            if now >= nextSweep {
                sweep(sessions, scratch: &scratch, now: now)
                // After a stall the missed sweeps are not made up for.
                nextSweep = max(nextSweep + flushMilliseconds, now + 1)
            }
            thread.sleep(milliseconds: nextSweep - SystemClock.monotonicMilliseconds())
        }
    }

    private func sweep(_ sessions: [StreamSession], scratch: inout WriteScratch, now: Int64) {
        let wallClock = SystemClock.wallMilliseconds()
        for session in sessions {
            session.file.withLock { file in
                let wasFailing = file.failure != nil
                let outcome = file.flush(from: session, scratch: &scratch, now: now, wallClock: wallClock)
                if case .failed(let error) = outcome { health.failed(error, isNew: !wasFailing) }
                if wasFailing, file.failure == nil { health.recovered() }
            }
        }
    }

    private func finish(_ closing: [StreamSession], scratch: inout WriteScratch) {
        let gone = Set(closing.map(ObjectIdentifier.init))
        work.withLock { work in
            work.sessions.removeAll { gone.contains(ObjectIdentifier($0)) }
            work.changes += 1
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
