import Synchronization

/// A thread for what need not be done at once: it asks for the files' bytes to be put on the disk, writes the sizes of
/// their clusters into closed files, and the index files, a batch a minute and session.
///
/// The sizes are one small write a second of audio and may have to read from the disk what has left the page cache; the
/// writers have no time for that. A crash in between loses nothing: a file is whole without them.
final class FileFinisher: Sendable {
    private enum Job {
        case clusters(ClusterPlaces, path: String)
        case index(LiveSession)
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
        jobs.withLock { jobs in
            jobs.append(.clusters(clusters, path: path))
            if let live = session.live { jobs.append(.index(live)) }
        }
        thread.ring()
    }

    /// Takes a session whose index file has to be written.
    func addIndex(of session: LiveSession) {
        jobs.withLock { $0.append(.index(session)) }
        thread.ring()
    }

    /// Does what there is to do and ends the thread.
    func stop() { thread.stop() }

    private func finish() {
        while true {
            let work = jobs.withLock { jobs in
                defer { jobs = [] }
                return jobs
            }
            guard !work.isEmpty else { return }
            for job in work {
                switch job {
                case .clusters(let clusters, let path): clusters.write(into: path, operations: directory.operations)
                case .index(let session): IndexWriter.write(session, operations: directory.operations)
                }
            }
        }
    }
}
