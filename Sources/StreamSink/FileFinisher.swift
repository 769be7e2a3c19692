import Synchronization

/// A thread for what need not be done at once: it asks for the files' bytes to be put on the disk, and writes the sizes of
/// their clusters into closed files.
///
/// The sizes are one small write a second of audio and may have to read from the disk what has left the page cache; the
/// writers have no time for that. A crash in between loses nothing: a file is whole without them.
final class FileFinisher: Sendable {
    private struct Job {
        var path: String
        var clusters: ClusterPlaces
    }

    private let jobs = Mutex<[Job]>([])
    private let thread: WorkerThread
    private let directory: DataDirectory

    /// - Parameter syncMilliseconds: how often the file system is flushed; 0 = never.
    init(directory: DataDirectory, syncMilliseconds: Int64) throws(FileError) {
        self.directory = directory
        thread = try WorkerThread()
        try thread.start(name: "stream-sync") { [self] thread in
            var nextSync = SystemClock.monotonicMilliseconds() + syncMilliseconds
            while true {
                let stopping = thread.isStopped
                finish()
                if stopping { return }
                let now = SystemClock.monotonicMilliseconds()
                if syncMilliseconds > 0, now >= nextSync {
                    _ = directory.operations.syncFileSystem(directory.descriptor)
                    nextSync = now + syncMilliseconds
                }
                thread.sleep(milliseconds: syncMilliseconds > 0 ? nextSync - now : 60_000)
            }
        }
    }

    /// Takes a session whose file has been closed.
    func add(_ session: StreamSession) {
        let path = "\(directory.path)/\(session.relativePath)"
        let clusters = session.file.withLock { $0.clusters }
        jobs.withLock { $0.append(Job(path: path, clusters: clusters)) }
        thread.ring()
    }

    /// Does what there is to do and ends the thread.
    func stop() { thread.stop() }

    private func finish() {
        while true {
            let job = jobs.withLock { jobs in jobs.isEmpty ? nil : jobs.removeFirst() }
            guard let job else { return }
            job.clusters.write(into: job.path, operations: directory.operations)
        }
    }
}
