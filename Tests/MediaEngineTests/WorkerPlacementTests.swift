import Foundation
import Glibc
import MediaCore
import MediaEngine
import Testing

/// Which worker gets a call, where its thread runs, and what the kernel drops before it comes to run.
@Suite("Workers", .serialized)
struct WorkerPlacementTests {
    @Test("Calls go to the least loaded worker, and both legs of a call to one")
    func placement() async throws {
        let harness = try EngineHarness(ports: try freePorts(pairs: 20), workers: 2)
        defer { harness.service.stop() }
        let peer = LoopbackSender()
        /// The worker that the call's packets reach; nil when they reach several.
        func worker(of call: [MediaService.ReservedLeg]) async throws -> Int? {
            let before = await harness.service.workerReports().map(\.received)
            for leg in call { peer.send(RTPPacket.voice(0).octets, to: leg.port) }
            var gained: [UInt64] = []
            try await eventually {
                gained = zip(await harness.service.workerReports().map(\.received), before).map { $0 - $1 }
                return gained.reduce(0, +) == UInt64(call.count)
            }
            return gained.firstIndex(of: UInt64(call.count))
        }
        func place() throws -> [MediaService.ReservedLeg] {
            let call = try harness.service.reserve(2, isIPv6: false)
            for leg in call {
                harness.service.start(leg, EngineHarness.parameters(peer), epoch: MediaClock.arrival, tap: nil)
            }
            return call
        }
        var calls: [[MediaService.ReservedLeg]] = []
        var workers: [Int?] = []
        for _ in 0..<4 {
            calls.append(try place())
            workers.append(try await worker(of: calls[calls.count - 1]))
        }
        #expect(!workers.contains(nil) && workers.count { $0 == 0 } == 2)
        // Both calls of one worker end: the next two go there.
        for (call, place) in zip(calls, workers) where place == 1 { _ = await harness.finish(call) }
        for _ in 0..<2 { #expect(try await worker(of: try place()) == 1) }
    }

    @Test("A worker that is pinned stays on one core, each on another as far as there are cores")
    func pinning() async throws {
        var configuration = MediaConfiguration()
        configuration.ports = try freePorts(pairs: 2)
        configuration.workers = 2
        configuration.pinsWorkers = true
        let service = try MediaService(configuration: configuration)
        defer { service.stop() }
        // They answer, so they have begun.
        #expect(await service.workerReports().count == 2)
        // Those of other tests run where they like, so theirs are lists.
        let own = Self.mediaThreads.values.filter { Int($0) != nil }
        #expect(own.count == 2)
        #expect(Set(own).count == min(2, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
    }

    /// The cores of the media threads of this process, by the thread's number.
    private static var mediaThreads: [String: String] {
        let root = "/proc/self/task"
        var found: [String: String] = [:]
        for thread in (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? [] {
            guard let text = try? String(contentsOfFile: "\(root)/\(thread)/status", encoding: .utf8) else { continue }
            let lines = text.split(separator: "\n")
            guard lines.first?.hasSuffix("media-0") == true || lines.first?.hasSuffix("media-1") == true else {
                continue
            }
            found[thread] =
                lines.first { $0.hasPrefix("Cpus_allowed_list:") }?.split(separator: "\t").last.map(String.init)
        }
        return found
    }

    @Test(
        "What the kernel drops because a leg's buffer is full is counted with that leg, and with no other",
        arguments: [MediaBackEndChoice.epoll, .automatic])
    func kernelDrops(backEnd: MediaBackEndChoice) async throws {
        var configuration = MediaConfiguration()
        configuration.ports = try freePorts(pairs: 2)
        configuration.backEnd = backEnd
        configuration.receiveBuffer = 4_096
        let service = try MediaService(configuration: configuration)
        defer { service.stop() }
        let peers = [LoopbackSender(), LoopbackSender()]
        let legs = try service.reserve(2, isIPv6: false)
        for (leg, peer) in zip(legs, peers) {
            service.start(leg, EngineHarness.parameters(peer), epoch: MediaClock.arrival, tap: nil)
        }
        #expect(await service.workerReports().count == 1)
        let count = 2_000
        for index in 0..<count {
            peers[0].send(RTPPacket.voice(index).octets, to: legs[0].port)
            if index % 500 == 0 { peers[1].send(RTPPacket.voice(index / 500).octets, to: legs[1].port) }
        }
        let reports = await service.finish(legs.map(\.id), at: MediaClock.arrival).map(\.statistics)
        try #require(reports.count == 2)
        #expect(reports[0].kernelDrops > 0)
        #expect(reports[0].packets + reports[0].kernelDrops == UInt64(count))
        #expect(reports[1].kernelDrops == 0 && reports[1].packets == 4)
    }
}
