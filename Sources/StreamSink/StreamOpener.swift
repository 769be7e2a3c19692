import Synchronization

/// A thread that makes the files of new sessions, so that a burst of new calls never keeps the writer from those that
/// are there: a file takes a folder, a description and a rename, a hundred times as long as a write.
final class StreamOpener: Sendable {
    private let waiting = Mutex<[StreamSession]>([])
    private let thread: WorkerThread
    private let health: DiskHealth
    private let failed: @Sendable (StreamSession) -> Void

    /// - Parameter failed: called on the thread with a session whose file could not be made; it must be tried again.
    init(index: Int, health: DiskHealth, failed: @escaping @Sendable (StreamSession) -> Void) throws(FileError) {
        self.health = health
        self.failed = failed
        thread = try WorkerThread()
        try thread.start(name: "stream-open-\(index)") { [self] in run($0) }
    }

    /// Makes the session's file soon.
    func add(_ session: StreamSession) {
        waiting.withLock { $0.append(session) }
        thread.ring()
    }

    /// Ends the thread after the files that wait have been made.
    func stop() { thread.stop() }

    private func run(_ thread: WorkerThread) {
        var scratch = WriteScratch()
        while true {
            let stopping = thread.isStopped
            let sessions = waiting.withLock { waiting in
                defer { waiting = [] }
                return waiting
            }
            for session in sessions {
                let isFailing = session.write(
                    scratch: &scratch, now: SystemClock.monotonicMilliseconds(),
                    wallClock: SystemClock.wallMilliseconds(), health: health)
                session.markOpened()
                if isFailing { failed(session) }
            }
            if sessions.isEmpty {
                if stopping { return }
                thread.sleep(milliseconds: 60_000)
            }
        }
    }
}
