import CMediaSockets
import Glibc
import MediaCore
import Testing

@testable import MediaEngine

/// What a test runs on: every case runs over each of them.
enum BackEndUnderTest: String, CaseIterable, CustomTestStringConvertible {
    case epoll = "epoll"
    case ring = "io_uring"
    /// io_uring as on kernels before 6.13.
    case ringWithoutFiles = "io_uring without registered sockets"

    var testDescription: String { rawValue }

    /// Those that this machine can run; says so when that is not all of them.
    static let available: [BackEndUnderTest] = {
        guard let refusal = RingProbe.refusal() else { return allCases }
        print("skipped: the io_uring back end, because \(refusal)")
        return [.epoll]
    }()

    static var rings: [BackEndUnderTest] { available.filter { $0 != .epoll } }

    /// Makes the back end, runs the case, and lets the back end go, all on this thread.
    func run(_ test: some BackEndCase, _ configuration: BackEndConfiguration = .forTests) throws {
        LoopbackSocket.raiseLimit()
        var configuration = configuration
        switch self {
        case .epoll:
            var backEnd = try EpollBackEnd(configuration)
            try test.run(&backEnd)
        case .ring, .ringWithoutFiles:
            configuration.registersSockets = self == .ring
            var backEnd = try RingBackEnd(configuration)
            try test.run(&backEnd)
        }
    }
}

/// A test that does not know which back end it runs on.
protocol BackEndCase {
    func run<BackEnd: MediaBackEnd & ~Copyable>(_ backEnd: inout BackEnd) throws
}

extension BackEndConfiguration {
    /// Enough for the tests, and quick to make.
    static var forTests: BackEndConfiguration {
        var configuration = BackEndConfiguration()
        configuration.maximumSockets = 4_096
        configuration.receiveBuffers = 512
        return configuration
    }
}

/// A datagram after its memory has been given back.
struct ReceivedDatagram: Equatable {
    var token: UInt64
    var octets: [UInt8]
    var sender: MediaAddress

    init(_ datagram: Datagram) {
        token = datagram.token
        octets = Array(datagram.octets)
        sender = datagram.sender
    }

    /// The number in the first two octets.
    var number: Int { octets.count < 2 ? -1 : Int(octets[0]) << 8 | Int(octets[1]) }
}

/// Octets that begin with a number.
func numbered(_ number: Int, length: Int = 172) -> [UInt8] {
    [UInt8(number >> 8 & 255), UInt8(number & 255)] + [UInt8](repeating: 0xD5, count: max(0, length - 2))
}

extension MediaBackEnd where Self: ~Copyable {
    /// Rounds until `count` datagrams have come or a minute is over, and one more for what should not come.
    mutating func collect(_ count: Int, extraRounds: Int = 1) -> [ReceivedDatagram] {
        var received: [ReceivedDatagram] = []
        let patience = MediaClock.arrival + 60_000_000_000
        while received.count < count, MediaClock.arrival < patience { round(into: &received) }
        for _ in 0..<extraRounds { round(into: &received) }
        return received
    }

    mutating func round(into received: inout [ReceivedDatagram]) {
        wait(until: MediaClock.arrival + 20_000_000, pace: 1_000_000)
        while let datagram = next() { received.append(ReceivedDatagram(datagram)) }
    }

    mutating func drainAll(_ socket: LoopbackSocket, token: UInt64) -> [ReceivedDatagram] {
        var drained: [ReceivedDatagram] = []
        while let datagram = drain(socket.descriptor, token: token) { drained.append(ReceivedDatagram(datagram)) }
        return drained
    }

    mutating func add(_ socket: LoopbackSocket, token: UInt64) -> Bool {
        add(socket.descriptor, token: token, isIPv6: socket.isIPv6)
    }

    mutating func send(
        _ octets: [UInt8], from socket: LoopbackSocket, token: UInt64, to address: MediaAddress
    ) -> Bool {
        octets.withUnsafeBytes {
            send($0, from: socket.descriptor, token: token, to: address, isIPv6: socket.isIPv6)
        }
    }
}
