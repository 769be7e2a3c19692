import Glibc

/// What Benchmarks/bench.py measures without calls: `media-bench relay …`, `… srtp …`, `… allocations …`.
@main
enum MediaBenchCommand {
    static func main() async {
        var words = Array(CommandLine.arguments.dropFirst())
        guard !words.isEmpty else { fail(usage) }
        let command = words.removeFirst()
        let options = Options(words)
        do {
            switch command {
            case "relay": try await RelayBench(options).run()
            case "srtp": try SRTPBench(options).run()
            case "allocations":
                guard try await AllocationBench(options).run() else { exit(1) }
            default: fail(usage)
            }
        } catch {
            fail("media-bench \(command): \(error)")
        }
    }

    private static let usage = """
        usage: media-bench relay --legs N --ports FIRST-LAST --remote-base PORT --legs-file FILE [--back-end auto|io_uring|epoll]
               media-bench srtp [--packets N]
               media-bench allocations [--back-end both|io_uring|epoll] [--path NAME] [--legs N] [--packets N]
                   [--warm-up SECONDS] [--ports FIRST-LAST]
               allocations: counts what a packet costs; table on standard error, JSON on standard output; exit code 1
               when a packet costs an allocation, a lock or a reference count
        """

    private static func fail(_ text: String) -> Never {
        let line = Array((text + "\n").utf8)
        _ = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
        exit(2)
    }
}

/// `--name value` pairs.
struct Options {
    private var values: [String: String] = [:]

    init(_ words: [String]) {
        var index = 0
        while index + 1 < words.count {
            if words[index].hasPrefix("--") { values[String(words[index].dropFirst(2))] = words[index + 1] }
            index += 2
        }
    }

    subscript(name: String) -> String? { values[name] }

    func number(_ name: String, default value: Int) -> Int { values[name].flatMap { Int($0) } ?? value }
}

/// Why a measurement cannot be made.
struct BenchFailure: Error, CustomStringConvertible {
    let description: String
}
