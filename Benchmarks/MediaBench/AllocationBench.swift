import CAllocationCounter
import Glibc
import MediaEngine

/// Counts, on the media workers of the engine as it is released, what packets cost in allocations, locks and reference
/// counts: real sockets, each back end, several legs, and a network that loses, repeats and disorders.
struct AllocationBench {
    let backEnds: [MediaBackEndChoice]
    let paths: [AllocationPath]
    let legs: Int
    let packets: Int
    let warmUp: Int
    let ports: ClosedRange<UInt16>

    init(_ options: Options) throws {
        let named = options["back-end"] ?? "both"
        guard let chosen = named == "both" ? [.ioUring, .epoll] : MediaBackEndChoice(rawValue: named).map({ [$0] })
        else { throw BenchFailure(description: "--back-end is both, io_uring or epoll") }
        backEnds = chosen
        paths = AllocationPath.all.filter { options["path"] == nil || $0.name == options["path"] }
        legs = options.number("legs", default: 24)
        packets = options.number("packets", default: 5_000)
        warmUp = options.number("warm-up", default: 4)
        let range = (options["ports"] ?? "20000-29999").split(separator: "-").compactMap { UInt16($0) }
        guard range.count == 2, range[0] < range[1], (2...400).contains(legs), legs % 2 == 0, packets > 0,
            !paths.isEmpty
        else {
            let names = AllocationPath.all.map(\.name).joined(separator: ", ")
            throw BenchFailure(
                description: "--legs must be even, 2 to 400, --ports FIRST-LAST, --path one of \(names)")
        }
        ports = range[0]...range[1]
    }

    /// False where a packet costs something.
    func run() async throws -> Bool {
        raiseOpenFileLimit()
        try Self.checkCounters()
        var results: [PathResult] = []
        var skipped: [String] = []
        for backEnd in backEnds {
            do {
                results += try await measure(backEnd)
            } catch let error as MediaEngineError where backEnd == .ioUring {
                skipped.append("io_uring: \(error)")
            }
        }
        guard !results.isEmpty else { throw BenchFailure(description: skipped.joined(separator: "; ")) }
        let report = AllocationReport(results: results, skipped: skipped, legs: legs)
        complain(report.table)
        print(report.json)
        return report.isClean
    }

    /// All paths at once, each with a service and hence a worker of its own.
    private func measure(_ backEnd: MediaBackEndChoice) async throws -> [PathResult] {
        counted_forget()
        var measured: [MeasuredPath] = []
        var feeds: [LegFeed] = []
        for path in paths {
            let one = try await MeasuredPath(path, backEnd: backEnd, legs: legs, ports: ports)
            feeds += one.feeds
            measured.append(one)
        }
        let load = PacketLoad(feeds, sockets: measured.map(\.socket))
        try load.start()
        try await Task.sleep(for: .seconds(warmUp))
        for one in measured { try await one.begin() }
        // What the questions cost is over by then.
        try await Task.sleep(for: .milliseconds(100))
        counted_begin()
        try await Task.sleep(for: .milliseconds(packets * 20 / legs))
        counted_end()
        var results: [PathResult] = []
        for one in measured { results.append(try await one.end()) }
        try await Task.sleep(for: .milliseconds(100))
        for (index, one) in measured.enumerated() {
            results[index].steps = try await one.step()
        }
        // A reference that a hand-in counts locks memory, so that not to find any is a fault of the search.
        let stepped = results.compactMap(\.steps)
        guard
            stepped.isEmpty || paths.allSatisfy({ $0.work == .relay })
                || stepped.contains(where: { !$0.places.isEmpty })
        else {
            throw BenchFailure(description: "stepping finds no instruction that locks memory, not even of hand-ins")
        }
        load.stop()
        for one in measured { await one.close() }
        return results
    }

    /// A zero means something only where the counters count.
    private static func checkCounters() throws {
        guard counted_hook_references() != 0 else {
            throw BenchFailure(description: "this Swift runtime has no hooks for reference counts")
        }
        let thread = counted_this_thread()
        counted_forget()
        _ = counted_watch(thread)
        counted_begin()
        let things = (0..<8).map { Thing($0) }
        let again = things + things
        var lock = pthread_mutex_t()
        pthread_mutex_init(&lock, nil)
        pthread_mutex_lock(&lock)
        pthread_mutex_unlock(&lock)
        counted_end()
        pthread_mutex_destroy(&lock)
        for kind in CountedKind.running where kind != .futexes && kind.times(thread) == 0 {
            throw BenchFailure(description: "the counter of \(kind) does not count \(again.count)")
        }
        counted_forget()
    }

    private final class Thing {
        let number: Int
        init(_ number: Int) { self.number = number }
    }

    private func complain(_ text: String) {
        let octets = Array(text.utf8)
        _ = octets.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
    }

    private func raiseOpenFileLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(7), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(7), &limit)
    }
}

/// What is counted, as `counted_kind` numbers it.
enum CountedKind: UInt32, CaseIterable {
    case allocations, frees, retains, releases, locks, futexes
    /// Found by stepping only.
    case atomics

    /// What is counted at full speed.
    static let running = allCases.filter { $0 != .atomics }

    /// How often the thread did it while counting was on.
    func times(_ thread: Int32) -> Int { Int(counted_times(thread, counted_kind(rawValue))) }
}
