import Glibc
import MediaCore
import MediaEngine

/// Bridges in a process of their own: legs in pairs, each relaying to the other, until standard input is closed.
///
/// Writes the legs as rtpload of ../shared/perf reads them, prints `ready`, and at the end one JSON object.
struct RelayBench {
    let legs: Int
    let ports: ClosedRange<UInt16>
    let remoteBase: Int
    let file: String
    let backEnd: MediaBackEndChoice

    init(_ options: Options) throws {
        legs = options.number("legs", default: 600)
        let range = (options["ports"] ?? "40000-49999").split(separator: "-").compactMap { UInt16($0) }
        guard range.count == 2, range[0] < range[1], legs > 0, legs % 2 == 0 else {
            throw BenchFailure(description: "--legs must be even, --ports FIRST-LAST")
        }
        ports = range[0]...range[1]
        remoteBase = options.number("remote-base", default: 10_000)
        guard remoteBase + 2 * legs < 65_536 else { throw BenchFailure(description: "--remote-base is too high") }
        guard let path = options["legs-file"] else { throw BenchFailure(description: "--legs-file FILE is missing") }
        file = path
        guard let choice = MediaBackEndChoice(rawValue: options["back-end"] ?? "auto") else {
            throw BenchFailure(description: "--back-end is auto, io_uring or epoll")
        }
        backEnd = choice
    }

    func run() async throws {
        raiseOpenFileLimit()
        var configuration = MediaConfiguration()
        configuration.ports = ports
        configuration.workers = 1
        configuration.backEnd = backEnd
        let service = try MediaService(configuration: configuration)
        var text = ""
        var identifiers: [UInt64] = []
        for pair in 0..<legs / 2 {
            let reserved = try service.reserve(2, isIPv6: false)
            for (side, leg) in reserved.enumerated() {
                let remote = UInt16(remoteBase + 2 * (2 * pair + side))
                var parameters = LegParameters(
                    payloads: PayloadMap(), remote: MediaAddress(ipv4: 0x7F00_0001, port: remote), signalling: nil)
                parameters.format = .statistics
                service.start(leg, parameters, epoch: MediaClock.arrival, tap: nil)
                text += "\(remote) 127.0.0.1 \(leg.port)\n"
                identifiers.append(leg.id)
            }
            await service.bridge(reserved[0].id, reserved[1].id)
        }
        guard let stream = fopen(file, "w") else { throw BenchFailure(description: "cannot write \(file)") }
        fputs(text, stream)
        fclose(stream)
        // An answer from the worker: everything posted before it is done.
        _ = await service.snapshot([identifiers[0]])
        print("ready legs=\(legs)")
        fflush(nil)
        var octet: UInt8 = 0
        while read(0, &octet, 1) > 0 {}
        var received: UInt64 = 0
        var relayed: UInt64 = 0
        var refused: UInt64 = 0
        for pair in 0..<legs / 2 {
            for report in await service.snapshot([identifiers[2 * pair], identifiers[2 * pair + 1]]) {
                received += report.statistics.packets
                relayed += report.relayed
                refused += report.relayRefused
            }
        }
        print(
            "{\"legs\": \(legs), \"received\": \(received), \"relayed\": \(relayed), \"refused\": \(refused), "
                + "\"backEnd\": \"\("\(service.backEnd)".replacing("\"", with: "'"))\"}")
        service.stop()
    }

    private func raiseOpenFileLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(7), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(7), &limit)
    }
}
