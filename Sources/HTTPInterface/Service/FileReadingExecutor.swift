import NIOPosix

/// Where requests run: threads of their own, since reading what is kept may wait for a disk.
///
/// The signalling and everything else of the process share the few threads of Swift's pool; a reader that catches up
/// on last month's calls must not hold one of those.
final class FileReadingExecutor: TaskExecutor {
    /// The one of this process; its threads live as long as that.
    static let shared = FileReadingExecutor(threads: 8)

    private let pool: NIOThreadPool

    private init(threads: Int) {
        pool = NIOThreadPool(numberOfThreads: threads)
        pool.start()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        // The pool is never shut down, so every job runs.
        pool.submit { [self] _ in job.runSynchronously(on: asUnownedTaskExecutor()) }
    }
}
