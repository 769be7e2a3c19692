import Glibc

/// `media-bench relay …` and `media-bench srtp …`: what Benchmarks/bench.py measures beside ../shared/perf.
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
            default: fail(usage)
            }
        } catch {
            fail("media-bench \(command): \(error)")
        }
    }

    private static let usage = """
        usage: media-bench relay --legs N --ports FIRST-LAST --remote-base PORT --legs-file FILE [--back-end auto|io_uring|epoll]
               media-bench srtp [--packets N]
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
