import CAllocationCounter
import CMediaSockets
import MediaCore
import SecureMedia
import StreamSink
import Synchronization
import Testing

@testable import MediaEngine

/// The packet path allocates nothing after its warm-up: the allocator of this test program counts. Packets come in
/// order and whole: code that is not optimised allocates for plain expressions that disorder and loss reach.
@Suite("Allocations a packet", .serialized)
struct AllocationTests {
    /// Audio into Matroska fragments, as a stream's writer makes them.
    private final class MuxingTap: LegTap {
        private struct State: ~Copyable, Sendable {
            var muxer = FragmentMuxer(
                transactionID: "t", connectorID: "c", callID: "i", startedAtMilliseconds: 0, firstCounter: 1, seed: 1)
            var output: [UInt8] = []
            var octets = 0
        }
        private let state = Mutex(State())

        var octets: Int { state.withLock { $0.octets } }

        init() { state.withLock { $0.output.reserveCapacity(32_768) } }

        func append(_ samples: Span<Int16>) {
            state.withLock { state in
                state.output.removeAll(keepingCapacity: true)
                var start = 0
                while start < samples.count {
                    let end = min(start + FragmentMuxer.samplesPerBlock, samples.count)
                    state.muxer.appendBlock(
                        samples.extracting(start..<end), serverMilliseconds: 0, to: &state.output)
                    start = end
                }
                state.octets += state.output.count
            }
        }

        func observe(_ event: LegEvent) {}
    }

    private static let peer = MediaAddress(ipv4: 0x7F00_0001, port: 4_000)

    private static func worker() -> MediaWorker<ScriptedBackEnd> {
        MediaWorker(
            mailbox: WorkerMailbox(), ports: PortPool(range: 25_900...25_949, receiveBuffer: 0),
            policy: TimelinePolicy(), notice: { _ in }, backEnd: ScriptedBackEnd(BackEndConfiguration()))
    }

    private static func setup(
        _ id: UInt64, format: TimelineFormat, key: SDESKey?, tap: (any LegTap)?
    ) -> LegSetup {
        var parameters = LegParameters(payloads: PayloadMap(), remote: peer, signalling: nil)
        parameters.format = format
        parameters.receiving = key
        parameters.sending = key
        let sockets = LegSockets(
            rtp: media_wake_open(), rtcp: media_wake_open(), port: UInt16(25_900 + id * 2), isIPv6: false)
        return LegSetup(id: id, group: 1, sockets: sockets, parameters: parameters, epoch: 0, tap: tap, ssrc: 1)
    }

    /// Packets of 20 ms, protected where there is a key.
    private static func packets(_ count: Int, key: SDESKey?) throws -> [[UInt8]] {
        guard let key else { return (0..<count).map { RTPPacket.voice($0).octets } }
        var sender = try SRTPSender(key)
        return (0..<count).map { RTPPacket.voice($0).octets.protected(by: &sender) }
    }

    @Test("The counter counts, so that a zero means something")
    func counts() {
        let before = allocation_count()
        let array = [Int](repeating: 1, count: 1_000 + Int(before & 1))
        #expect(allocation_count() > before && array.count >= 1_000)
    }

    @Test(
        "Receive, unprotect, jitter buffer, decode, fragment: none",
        arguments: [nil] + CryptoSuite.allCases.map(Optional.some))
    func recording(suite: CryptoSuite?) throws {
        let key = suite.map { SDESKey.fresh($0) }
        let packets = try Self.packets(1_000, key: key)
        var worker = Self.worker()
        let tap = MuxingTap()
        worker.carryOut(.add(Self.setup(1, format: .narrowband, key: key, tap: tap)), now: 0)
        var now: Int64 = 0
        func deliver(_ range: Range<Int>) -> Int {
            let before = allocation_count()
            for index in range {
                now += 20_000_000
                let datagram = worker.backEnd.datagram(packets[index], token: 0, from: Self.peer)
                worker.deliver(datagram, now: now)
                worker.visit(now: now - 10_000_000)
                worker.visit(now: now)
            }
            return allocation_count() - before
        }
        _ = deliver(0..<500)
        #expect(deliver(500..<740) == 0)
        #expect(tap.octets > 700 * 320)
    }

    @Test("Receive, protect, send: none", arguments: [nil] + CryptoSuite.allCases.map(Optional.some))
    func relaying(suite: CryptoSuite?) throws {
        let key = suite.map { SDESKey.fresh($0) }
        let packets = try Self.packets(600, key: key)
        var worker = Self.worker()
        worker.carryOut(.add(Self.setup(1, format: .statistics, key: key, tap: nil)), now: 0)
        worker.carryOut(.add(Self.setup(2, format: .statistics, key: key, tap: nil)), now: 0)
        worker.carryOut(.bridge(1, 2) {}, now: 0)
        func deliver(_ range: Range<Int>) -> Int {
            let before = allocation_count()
            for index in range {
                let datagram = worker.backEnd.datagram(packets[index], token: 0, from: Self.peer)
                worker.deliver(datagram, now: Int64(index) * 20_000_000)
            }
            return allocation_count() - before
        }
        _ = deliver(0..<100)
        #expect(deliver(100..<600) == 0)
        #expect(worker.backEnd.counters.sent == 600)
    }
}
