import CAllocationCounter
import Glibc
import MediaCore
import MediaEngine
import SecureMedia
import StreamSink

/// One path under measurement: a service with one worker, its legs, and those who send to them.
final class MeasuredPath {
    let path: AllocationPath
    let backEnd: MediaBackEndKind
    /// All peers send from it, and what is relayed comes back to it.
    let socket: Int32
    private(set) var feeds: [LegFeed] = []
    private let service: MediaService
    private let worker: Int32
    private var legs: [MediaService.ReservedLeg] = []
    private var taps: [FragmentTap] = []
    private var before = Progress()

    private struct Progress {
        var received: UInt64 = 0
        var sent: UInt64 = 0
        var forked: UInt64 = 0
        var handIns = 0
        var octets = 0
        var digits = 0
    }

    init(
        _ path: AllocationPath, backEnd: MediaBackEndChoice, legs count: Int, ports: ClosedRange<UInt16>
    ) async throws {
        self.path = path
        var configuration = MediaConfiguration()
        configuration.ports = ports
        configuration.workers = 1
        configuration.backEnd = backEnd
        let others = Self.mediaThreads()
        counted_step_allow()
        service = try MediaService(configuration: configuration)
        self.backEnd = service.backEnd.kind
        // An answer from the worker: its thread runs and has its name.
        _ = await service.workerReports()
        guard let thread = Self.mediaThreads().subtracting(others).first else {
            throw BenchFailure(description: "the worker's thread is not to be found in /proc/self/task")
        }
        worker = thread
        let peer = try Self.openSocket()
        socket = peer.socket
        try await open(count, peer: MediaAddress(ipv4: 0x7F00_0001, port: peer.port))
    }

    private func open(_ count: Int, peer: MediaAddress) async throws {
        var generator = SystemRandomNumberGenerator()
        let payloads = path.codec.payloads
        for pair in 0..<count / 2 {
            let reserved = try service.reserve(2, isIPv6: false)
            for (side, leg) in reserved.enumerated() {
                let key = path.suite.map { SDESKey.generate(suite: $0, using: &generator) }
                var parameters = LegParameters(payloads: path.payloads, remote: peer, signalling: nil)
                parameters.format = path.format
                parameters.receiving = key
                parameters.sending = key
                parameters.redactsDigits = path.redactsDigits
                let tap = path.work == .relay ? nil : FragmentTap(path.stream)
                if let tap { taps.append(tap) }
                service.start(leg, parameters, epoch: MediaClock.arrival, tap: tap)
                if path.work == .fork { _ = try await service.fork(leg.id, to: peer, isIPv6: false, protectedBy: key) }
                feeds.append(
                    try LegFeed(
                        path, number: 2 * pair + side, socket: socket, port: leg.port, key: key, payloads: payloads))
                legs.append(leg)
            }
            if path.work == .relay { await service.bridge(reserved[0].id, reserved[1].id) }
        }
    }

    /// From now on counting may be switched on.
    func begin() async throws {
        guard counted_watch(worker) != 0 else { throw BenchFailure(description: "too many threads to watch") }
        before = await progress()
    }

    /// After counting was switched off.
    func end() async throws -> PathResult {
        let now = await progress()
        var result = PathResult(
            path: path.name, backEnd: backEnd.rawValue, packets: Int(now.received - before.received),
            sent: Int(now.sent - before.sent + now.forked - before.forked), handIns: now.handIns - before.handIns)
        result.totals = CountedKind.allCases.map { $0.times(worker) }
        result.places = CountedPlace.all(of: worker)
        result.unplaced = Int(counted_without_place(worker))
        // Figures of a path that does not do its work would mean nothing.
        let isWorking =
            switch path.work {
            case .record: now.octets > before.octets && now.digits + (path.redactsDigits ? 1 : 0) > before.digits
            case .relay: result.sent > result.packets * 8 / 10
            case .fork: result.sent > result.packets * 8 / 10 && now.octets > before.octets
            }
        guard isWorking, result.packets > 0 else {
            throw BenchFailure(
                description: "\(path.name) does nothing: \(result.packets) packets came, \(result.sent) left, "
                    + "\(now.octets - before.octets) octets and \(now.digits - before.digits) digits were written")
        }
        return result
    }

    /// Not while the worker still answers something. Half a second one instruction at a time; nil where this processor does not offer it.
    func step() async throws -> PathResult.Steps? {
        let begun = counted_step_begin(worker)
        guard begun != 0 else { return nil }
        try await Task.sleep(for: .milliseconds(500))
        let instructions = counted_step_end()
        guard begun > 0, instructions > 10_000 else {
            throw BenchFailure(description: "\(path.name): the worker cannot be stepped: \(instructions) instructions")
        }
        let places = CountedPlace.all(of: worker)
        let unplaced = Int(counted_without_place(worker))
        return PathResult.Steps(instructions: Int(instructions), places: places, unplaced: unplaced)
    }

    func close() async {
        _ = await service.finish(legs.map(\.id), at: MediaClock.arrival)
        service.stop()
        _ = Glibc.close(socket)
    }

    private func progress() async -> Progress {
        var progress = Progress()
        for report in await service.workerReports() {
            progress.received += report.received
            progress.sent += report.sent
        }
        for report in await service.snapshot(legs.map(\.id)) {
            for tap in report.taps { progress.forked += tap.sent }
        }
        for tap in taps {
            progress.handIns += tap.handIns
            progress.octets += tap.octets
            progress.digits += tap.digits
        }
        return progress
    }

    private static func mediaThreads() -> Set<Int32> {
        var found: Set<Int32> = []
        guard let folder = opendir("/proc/self/task") else { return found }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let thread = Int32(name), let file = fopen("/proc/self/task/\(name)/comm", "r") else { continue }
            var text = [CChar](repeating: 0, count: 32)
            if fgets(&text, 32, file) != nil, strncmp(text, "media-", 6) == 0, strncmp(text, "media-bench", 11) != 0 {
                found.insert(thread)
            }
            fclose(file)
        }
        return found
    }

    private static func openSocket() throws -> (socket: Int32, port: UInt16) {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, length) == 0 && getsockname(socket, $0, &length) == 0
            }
        }
        guard socket >= 0, result else { throw BenchFailure(description: "no UDP socket on 127.0.0.1: errno \(errno)") }
        return (socket, UInt16(bigEndian: address.sin_port))
    }
}

extension AllocationPath {
    fileprivate var stream: StreamFormat {
        guard format.payload else { return .pcm(sampleRate: format.sampleRate) }
        return .payload(PayloadTrack(encodingName: "opus", clockRate: 48_000, payloadType: codec.payloadType))
    }
}

extension AllocationPath.Codec {
    /// 20 ms of the codec each.
    fileprivate var payloads: [[UInt8]] {
        guard self == .opus, var encoder = OpusEncoder(sampleRate: 16_000, bitrate: 24_000, expectedLoss: 20) else {
            return (0..<50).map { frame in (0..<160).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ frame &* 11) } }
        }
        return (0..<50).map { frame in
            let samples = (0..<320).map { sample -> Int16 in
                let phase = Double(frame * 320 + sample)
                return Int16(8_000 * sin(phase * 0.07) + 3_000 * sin(phase * 0.31))
            }
            var packet: [UInt8] = []
            _ = encoder.encode(samples.span, into: &packet)
            return packet
        }
    }
}
