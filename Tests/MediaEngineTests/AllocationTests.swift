import CAllocationCounter
import CMediaSockets
import MediaCore
import SecureMedia
import Synchronization
import Testing

@testable import MediaEngine
@testable import StreamSink

/// The packet path allocates nothing after its warm-up: the allocator of this test program counts.
///
/// `media-bench allocations` counts the same in the code as it is released, on real sockets, with locks and reference
/// counts; Tests/EndToEnd/test_packet_path.py runs it.
@Suite("Allocations a packet", .serialized)
struct AllocationTests {
    private static let suites: [CryptoSuite?] = [nil, .counter128Tag80, .galois128]
    /// Every phase of a second meets every phase of a leg's turn (230 ms) in so many seconds.
    private static let seconds = 23

    @Test("The counter counts, so that a zero means something")
    func counts() {
        let before = allocation_count()
        let array = [Int](repeating: 1, count: 1_000 + Int(before & 1))
        #expect(allocation_count() > before && array.count >= 1_000)
    }

    @Test(
        "Receive, unprotect, jitter buffer, decode, fragment: none, with every suite",
        arguments: [nil] + CryptoSuite.allCases.map(Optional.some))
    func recordingEncrypted(suite: CryptoSuite?) throws {
        try record(.inOrder, .muLaw, suite)
    }

    @Test("Receive, jitter buffer, decode, fragment: none, with every codec and format", arguments: AllocationCodec.all)
    func recordingCodecs(codec: AllocationCodec) throws {
        try record(.inOrder, codec, nil)
    }

    @Test(
        "Receive, unprotect, jitter buffer, decode, fragment: none, whatever the network does",
        arguments: AllocationTraffic.allCases, suites)
    func recordingTraffic(traffic: AllocationTraffic, suite: CryptoSuite?) throws {
        try record(traffic, .muLaw, suite)
    }

    @Test(
        "Receive, jitter buffer, decode, fragment: none, with every codec on a bad network",
        arguments: AllocationCodec.all)
    func recordingCodecsTraffic(codec: AllocationCodec) throws {
        try record(.everything, codec, nil)
    }

    @Test(
        "Receive, protect, send: none, with every suite",
        arguments: [nil] + CryptoSuite.allCases.map(Optional.some))
    func relayingEncrypted(suite: CryptoSuite?) throws {
        try relay(.inOrder, suite)
    }

    @Test("Receive, protect, send: none, whatever the network does", arguments: AllocationTraffic.allCases, suites)
    func relayingTraffic(traffic: AllocationTraffic, suite: CryptoSuite?) throws {
        try relay(traffic, suite)
    }

    /// `isFree`: also in code that is not optimised.
    private func expectNone(_ allocations: Int, isFree: Bool) {
        withKnownIssue(
            """
            Code that is not optimised allocates for plain expressions (optionals that are mapped, closures, errors) that \
            only some packets reach; in optimised code, media-bench allocations counts none on the same paths
            """, isIntermittent: true
        ) {
            #expect(allocations == 0)
        } when: {
            !isFree && _isDebugAssertConfiguration()
        }
    }

    private func record(_ traffic: AllocationTraffic, _ codec: AllocationCodec, _ suite: CryptoSuite?) throws {
        let key = suite.map { SDESKey.fresh($0) }
        let schedule = try AllocationSchedule(seconds: 2 * Self.seconds, traffic, codec, key: key)
        let tap = MuxingTap(codec.format)
        var rig = AllocationRig()
        rig.add(1, codec, key: key, tap: tap)
        let half = schedule.ticks.count / 2
        _ = rig.deliver(schedule.ticks[..<half])
        let octets = tap.octets
        let allocations = rig.deliver(schedule.ticks[half...])
        expectNone(allocations, isFree: traffic.isFree(suite) && !codec.format.payload)
        #expect(tap.octets > octets)
    }

    private func relay(_ traffic: AllocationTraffic, _ suite: CryptoSuite?) throws {
        let key = suite.map { SDESKey.fresh($0) }
        let schedule = try AllocationSchedule(seconds: 2 * Self.seconds, traffic, .muLaw, key: key)
        var codec = AllocationCodec.muLaw
        codec.format = .statistics
        var rig = AllocationRig()
        rig.add(1, codec, key: key, tap: nil)
        rig.add(2, codec, key: key, tap: nil)
        rig.bridge(1, 2)
        let half = schedule.ticks.count / 2
        _ = rig.deliver(schedule.ticks[..<half])
        let sent = rig.sent
        let allocations = rig.deliver(schedule.ticks[half...])
        expectNone(allocations, isFree: traffic.isFree(suite) && traffic != .otherSource)
        #expect(rig.sent > sent + UInt64(half) * 7 / 10)
    }
}

/// A worker without sockets, and the count of what it allocates.
private struct AllocationRig: ~Copyable {
    private var worker = MediaWorker(
        mailbox: WorkerMailbox(), ports: PortPool(range: 25_900...25_949, receiveBuffer: 0),
        policy: TimelinePolicy(), notice: { _ in }, backEnd: ScriptedBackEnd(BackEndConfiguration()))
    private var now: Int64 = 0
    private static let peer = MediaAddress(ipv4: 0x7F00_0001, port: 4_000)

    var sent: UInt64 { worker.backEnd.counters.sent }

    mutating func add(_ id: UInt64, _ codec: AllocationCodec, key: SDESKey?, tap: (any LegTap)?) {
        var parameters = LegParameters(payloads: codec.payloads, remote: Self.peer, signalling: nil)
        parameters.format = codec.format
        parameters.receiving = key
        parameters.sending = key
        let sockets = LegSockets(
            rtp: media_wake_open(), rtcp: media_wake_open(), port: UInt16(25_900 + id * 2), isIPv6: false)
        let setup = LegSetup(
            id: id, group: 1, sockets: sockets, parameters: parameters, epoch: 0, tap: tap, ssrc: 1)
        worker.carryOut(.add(setup), now: 0)
    }

    mutating func bridge(_ first: UInt64, _ second: UInt64) { worker.carryOut(.bridge(first, second) {}, now: 0) }

    /// Everything goes to the first leg; allocations that it took.
    mutating func deliver(_ ticks: ArraySlice<[AllocationSchedule.Arrival]>) -> Int {
        let before = allocation_count()
        for index in ticks.indices {
            now += 20_000_000
            for place in ticks[index].indices {
                let token: UInt64 = ticks[index][place].isControl ? 1 : 0
                let datagram = worker.backEnd.datagram(ticks[index][place].octets, token: token, from: Self.peer)
                worker.deliver(datagram, now: now)
            }
            worker.visit(now: now - 10_000_000)
            worker.visit(now: now)
        }
        return allocation_count() - before
    }
}

/// Audio or payloads into Matroska fragments, as a stream's writer makes them.
private final class MuxingTap: LegTap {
    private struct State: ~Copyable, Sendable {
        var muxer: FragmentMuxer
        var output: [UInt8] = []
        var octets = 0
    }
    private let state: Mutex<State>

    var octets: Int { state.withLock { $0.octets } }

    init(_ format: TimelineFormat) {
        let stream =
            format.payload
            ? StreamFormat.payload(PayloadTrack(encodingName: "opus", clockRate: 48_000, payloadType: 96))
            : .pcm(sampleRate: format.sampleRate)
        state = Mutex(
            State(
                muxer: FragmentMuxer(
                    transactionID: "t", connectorID: "c", callID: "i", startedAtMilliseconds: 0, firstCounter: 1,
                    seed: 1, format: stream)))
        state.withLock { $0.output.reserveCapacity(65_536) }
    }

    func append(_ samples: Span<Int16>) {
        state.withLock { state in
            state.output.removeAll(keepingCapacity: true)
            state.muxer.forgetOpened()
            let block = state.muxer.format.samplesPerBlock
            var start = 0
            while start < samples.count {
                let end = min(start + block, samples.count)
                state.muxer.appendBlock(samples.extracting(start..<end), serverMilliseconds: 0, to: &state.output)
                start = end
            }
            state.octets += state.output.count
        }
    }

    func append(payload: RawSpan, payloadType: UInt8, at position: Int64, length: Int64) {
        state.withLock { state in
            state.output.removeAll(keepingCapacity: true)
            state.muxer.forgetOpened()
            state.muxer.appendPayload(
                payload, at: position, length: length, serverMilliseconds: 0, to: &state.output)
            state.octets += state.output.count
        }
    }

    func observe(_ event: LegEvent) {}
}
