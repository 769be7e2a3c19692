import Glibc
import Synchronization

/// Asks every feed for a packet each 20 ms, on a thread of its own, and throws away what comes back.
final class PacketLoad: Sendable {
    private let feeds: [LegFeed]
    private let sockets: [Int32]
    private let isRunning = Atomic<Bool>(true)
    private let returned: Atomic<Int>

    /// `sockets` are those that the feeds send from.
    init(_ feeds: [LegFeed], sockets: [Int32]) {
        self.feeds = feeds
        self.sockets = sockets
        returned = Atomic(0)
    }

    /// Datagrams that came back: what was relayed and forked, and reports.
    var datagramsReturned: Int { returned.load(ordering: .relaxed) }

    func start() throws {
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<PacketLoad>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        guard result == 0 else { throw BenchFailure(description: "no thread for the load: \(result)") }
        pthread_detach(thread)
    }

    func stop() { isRunning.store(false, ordering: .relaxed) }

    private func run() {
        var next = Self.now
        let pause: Int64 = 20_000_000 / Int64(max(1, feeds.count))
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 2_048, alignment: 16)
        defer { room.deallocate() }
        while isRunning.load(ordering: .relaxed) {
            for (number, feed) in feeds.enumerated() {
                feed.tick()
                next += pause
                // One sleep for several feeds: the worker looks every few milliseconds anyway.
                if number % 16 == 15 { Self.sleep(until: next) }
            }
            Self.sleep(until: next)
            for socket in sockets {
                while recv(socket, room.baseAddress, room.count, Int32(MSG_DONTWAIT)) > 0 {
                    returned.add(1, ordering: .relaxed)
                }
            }
        }
    }

    private static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    private static func sleep(until time: Int64) {
        var until = timespec(tv_sec: Int(time / 1_000_000_000), tv_nsec: Int(time % 1_000_000_000))
        _ = clock_nanosleep(CLOCK_MONOTONIC, Int32(TIMER_ABSTIME), &until, nil)
    }
}
