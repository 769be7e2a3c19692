import CMediaSockets
import Glibc
import MediaCore
import Testing

@testable import MediaEngine

/// Ports of legs that have ended: they drop what still arrives, and nobody gets them too soon.
@Suite("Ports at rest", .serialized)
struct PortRestTests {
    private static func service(
        _ ports: ClosedRange<UInt16>, rest: Int64 = 3_600_000_000_000, bound: Int = 2_048
    ) throws -> MediaService {
        var configuration = MediaConfiguration()
        configuration.ports = ports
        configuration.portRest = rest
        configuration.maximumRestingPairs = bound
        return try MediaService(configuration: configuration)
    }

    @Test("What comes to a port after its leg has ended is dropped and counted, and the kernel does not refuse it")
    func dropped() async throws {
        let service = try Self.service(26_000...26_099)
        defer { service.stop() }
        let peer = LoopbackSender()
        let leg = try #require(try service.reserve(1, isIPv6: false).first)
        service.start(leg, EngineHarness.parameters(peer), epoch: MediaClock.arrival, tap: nil)
        for index in 0..<5 { peer.send(RTPPacket.voice(index).octets, to: leg.port) }
        let ended = try #require(await service.finish([leg.id], at: MediaClock.arrival).first)
        #expect(ended.statistics.packets == 5 && ended.statistics.kernelDrops == 0)
        #expect(service.portReport().lateAfterRelease == 0)
        let (media, control) = (RefusalListener(to: leg.port), RefusalListener(to: leg.port + 1))
        for index in 5..<105 { media.send(RTPPacket.voice(index).octets) }
        for _ in 0..<10 { control.send([0x81, 201, 0, 1, 0, 0, 0, 9]) }
        try await eventually { service.portReport().lateAfterRelease >= 110 }
        #expect(!media.isRefused && !control.isRefused)
        #expect(
            service.portReport() == PortReport(resting: 1, bound: 1, lateAfterRelease: 110, cutShort: 0))
    }

    @Test("The rest ends by itself, also when no leg is left, and what was dropped stays counted")
    func ends() async throws {
        let service = try Self.service(26_100...26_199, rest: 50_000_000)
        defer { service.stop() }
        let leg = try #require(try service.reserve(1, isIPv6: false).first)
        let listener = RefusalListener(to: leg.port)
        // Nobody reads what comes before a leg starts; this one never does.
        for _ in 0..<3 { listener.send([1, 2, 3]) }
        service.release(leg)
        try await eventually { service.portReport().resting == 0 }
        #expect(service.portReport() == PortReport(resting: 0, bound: 0, lateAfterRelease: 3, cutShort: 0))
        try await eventually {
            listener.send([1, 2, 3])
            return listener.isRefused
        }
    }

    @Test("A leg's ports come to rest where its worker ends it, and their rest ends while other legs go on")
    func endsBesideOthers() async throws {
        let service = try Self.service(26_200...26_299, rest: 50_000_000)
        defer { service.stop() }
        let legs = try service.reserve(2, isIPv6: false)
        for leg in legs {
            service.start(leg, EngineHarness.parameters(LoopbackSender()), epoch: MediaClock.arrival, tap: nil)
        }
        _ = await service.finish([legs[0].id], at: MediaClock.arrival)
        try await eventually { service.portReport().resting == 0 }
        #expect(service.legCount == 1)
        _ = await service.finish([legs[1].id], at: MediaClock.arrival)
        try await eventually { service.portReport().resting == 0 }
    }

    @Test(
        "Where ports are scarce, the pair that has rested longest is given first, after a fifth of its rest and no sooner"
    )
    func scarce() throws {
        let pool = PortPool(range: try freePorts(pairs: 5), receiveBuffer: 0, rest: 1_000)
        defer { pool.stop() }
        var opened: [LegSockets] = []
        for _ in 0..<5 { opened.append(try pool.open(isIPv6: false, now: 0)) }
        let order = [3, 0, 4, 1, 2].map { opened[$0] }
        for sockets in order { pool.close(sockets, now: 0) }
        // Another call's last packets may be on their way.
        #expect(throws: MediaEngineError.self) { try pool.open(isIPv6: false, now: 199) }
        #expect(pool.report.resting == 5 && pool.report.cutShort == 0)
        var again: [LegSockets] = []
        for _ in 0..<5 { again.append(try pool.open(isIPv6: false, now: 200)) }
        #expect(again.map(\.port) == order.map(\.port))
        #expect(pool.report == PortReport(resting: 0, bound: 0, lateAfterRelease: 0, cutShort: 5))
        #expect(throws: MediaEngineError.self) { try pool.open(isIPv6: false, now: 200) }
        for sockets in again { pool.discard(sockets) }
    }

    @Test("No more pairs than allowed stay bound; the others rest all the same")
    func bounded() async throws {
        let service = try Self.service(freePorts(pairs: 10), bound: 2)
        defer { service.stop() }
        let legs = try service.reserve(5, isIPv6: false)
        let listeners = legs.map { RefusalListener(to: $0.port) }
        for leg in legs { service.release(leg) }
        for listener in listeners { listener.send([1]) }
        for listener in listeners.prefix(3) { try await eventually { listener.isRefused } }
        try await eventually { service.portReport().lateAfterRelease == 2 }
        #expect(!listeners[3].isRefused && !listeners[4].isRefused)
        #expect(service.portReport() == PortReport(resting: 5, bound: 2, lateAfterRelease: 2, cutShort: 0))
        // Five pairs of ten have never been used.
        let next = try service.reserve(5, isIPv6: false)
        #expect(Set(next.map(\.port)).isDisjoint(with: legs.map(\.port)))
    }

    @Test("A service that stops leaves no port bound")
    func stopped() throws {
        let service = try Self.service(26_500...26_599)
        let legs = try service.reserve(3, isIPv6: false)
        for leg in legs { service.release(leg) }
        #expect(service.portReport().bound == 3)
        service.stop()
        #expect(service.portReport().resting == 0)
        for leg in legs {
            let socket = LoopbackSender(port: leg.port)
            #expect(socket.socket >= 0)
        }
    }

    @Test("Hundreds of rests end in batches, in the order of release")
    func batches() throws {
        let pool = PortPool(
            range: try freePorts(pairs: 200), receiveBuffer: 0, rest: 1_000, maximumBound: 150)
        var opened: [LegSockets] = []
        while opened.count < 200, let sockets = try? pool.open(isIPv6: false, now: 0) { opened.append(sockets) }
        #expect(opened.count == 200)
        for sockets in opened { pool.close(sockets, now: 0) }
        #expect(pool.report.resting == opened.count && pool.report.bound == 150)
        #expect(pool.nextRestEnd == 1_000 && pool.endRests(now: 999) == 1_000)
        #expect(pool.report.resting == opened.count)
        var now: Int64 = 1_000
        var rounds = 0
        while now != .max, rounds < 100 {
            let left = pool.report.resting
            now = pool.endRests(now: now)
            #expect(left - pool.report.resting <= 32)
            rounds += 1
        }
        #expect(rounds == 7 && pool.report == PortReport(resting: 0, bound: 0, lateAfterRelease: 0, cutShort: 0))
    }
}

/// A connected UDP socket: the kernel tells it when nobody listens at the far end (ICMP, port unreachable).
private final class RefusalListener {
    private let socket: Int32

    init(to port: UInt16) {
        socket = media_socket_open(0, [UInt8](repeating: 0, count: 16), 0, 0)
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = connect(socket, $0, length) }
        }
    }

    deinit { close(socket) }

    func send(_ bytes: [UInt8]) { _ = Glibc.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }

    var isRefused: Bool {
        var octet: UInt8 = 0
        return recv(socket, &octet, 1, Int32(MSG_DONTWAIT)) < 0 && errno == ECONNREFUSED
    }
}
