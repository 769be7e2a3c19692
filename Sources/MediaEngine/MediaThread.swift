import CMediaSockets
import Glibc
import MediaCore

/// What a worker's thread is started with.
struct MediaWorkerThread: Sendable {
    let index: Int
    let mailbox: WorkerMailbox
    let ports: PortPool
    let policy: TimelinePolicy
    let backEnd: MediaBackEndKind
    let isPinned: Bool
    let notice: @Sendable (String) -> Void

    /// Runs on the thread. The back end is made here, because a ring belongs to the thread that uses it.
    func run() {
        if isPinned { media_thread_pin(Int32(index)) }
        let configuration = BackEndConfiguration()
        if backEnd == .ioUring {
            do throws(MediaEngineError) {
                return run(on: try RingBackEnd(configuration))
            } catch {
                // It worked at start; one more was refused (locked memory, descriptors). epoll serves as well.
                notice("media-\(index) uses epoll instead of io_uring: \(error)")
            }
        }
        // Calls wait for their worker, so it does not give up.
        while true {
            do throws(MediaEngineError) {
                return run(on: try EpollBackEnd(configuration))
            } catch {
                notice("media-\(index) cannot receive anything yet: \(error)")
                sleep(1)
            }
        }
    }

    private func run<BackEnd: MediaBackEnd & ~Copyable>(on backEnd: consuming BackEnd) {
        var worker = MediaWorker(mailbox: mailbox, ports: ports, policy: policy, notice: notice, backEnd: backEnd)
        worker.run()
    }
}

/// A thread that runs one worker to its end.
enum MediaThread {
    private final class Work {
        let worker: MediaWorkerThread

        init(_ worker: MediaWorkerThread) { self.worker = worker }
    }

    /// Throws when the system has no thread to give.
    static func start(_ worker: MediaWorkerThread) throws(MediaEngineError) {
        var thread = pthread_t()
        let work = Unmanaged.passRetained(Work(worker))
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let work = Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
                media_thread_name("media-\(work.worker.index)")
                work.worker.run()
                return nil
            }, work.toOpaque())
        if result == 0 {
            pthread_detach(thread)
        } else {
            work.release()
            throw .system("starting a media thread", errno: result)
        }
    }
}
