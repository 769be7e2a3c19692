import Glibc
import Synchronization

/// A named thread of its own that sleeps until a deadline or until somebody rings.
///
/// File calls block, so they do not belong on the threads that tasks share.
final class WorkerThread: Sendable {
    /// A pipe; a byte in it is a ring.
    private let bell: (listen: Int32, ring: Int32)
    private let isStopping = Atomic<Bool>(false)
    private let thread = Mutex<pthread_t?>(nil)

    init() throws(FileError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw FileError("make a wake-up pipe for", "a worker thread", -Int(errno)) }
        bell = (ends[0], ends[1])
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
    }

    deinit {
        close(bell.listen)
        close(bell.ring)
    }

    /// Starts the thread; `body` runs once and returns soon after ``isStopped`` has become true.
    func start(name: String, _ body: @escaping @Sendable (WorkerThread) -> Void) throws(FileError) {
        let box = Unmanaged.passRetained(Start(name: name) { body(self) })
        var created = pthread_t()
        let code = pthread_create(&created, nil, Self.main, box.toOpaque())
        guard code == 0 else {
            box.release()
            throw FileError("start", "the thread \(name)", -Int(code))
        }
        thread.withLock { [created] in $0 = created }
    }

    var isStopped: Bool { isStopping.load(ordering: .acquiring) }

    /// Wakes the thread.
    func ring() {
        var byte: UInt8 = 1
        // A full pipe has woken the thread already.
        _ = write(bell.ring, &byte, 1)
    }

    /// Sleeps for at most so long; returns at once when somebody has rung since the last call.
    func sleep(milliseconds: Int64) {
        var descriptor = pollfd(fd: bell.listen, events: Int16(POLLIN), revents: 0)
        _ = poll(&descriptor, 1, Int32(clamping: max(0, milliseconds)))
        var rings: (UInt64, UInt64) = (0, 0)
        while read(bell.listen, &rings, 16) == 16 {}
    }

    /// Asks the thread to end and waits until it has. Not to be called on the thread itself.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        ring()
        let joined = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        if let joined { pthread_join(joined, nil) }
    }

    private final class Start {
        let name: String
        let body: () -> Void

        init(name: String, body: @escaping () -> Void) {
            self.name = name
            self.body = body
        }
    }

    private static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
        guard let argument else { return nil }
        let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        nameThread(start.name)
        start.body()
        return nil
    }

    /// Names the calling thread for `top` and debuggers; the kernel cuts the name at 15 bytes.
    private static func nameThread(_ name: String) {
        let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        _ = name.withCString { write(file, $0, strlen($0)) }
        close(file)
    }
}
