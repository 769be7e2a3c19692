import CMediaSockets
import Glibc
import MediaCore
import Testing

@testable import MediaEngine

@Suite("Receiving, over every back end")
struct BackEndReceivingTests {
    struct OneDatagram: BackEndCase {
        var isIPv6: Bool

        func run<BackEnd: MediaBackEnd & ~Copyable>(_ backEnd: inout BackEnd) throws {
            let socket = LoopbackSocket(isIPv6: isIPv6)
            let sender = LoopbackSocket(isIPv6: isIPv6)
            let isAdded = backEnd.add(socket, token: 0xFEDC_BA98_7654_3210)
            #expect(isAdded)
            sender.send(numbered(7), to: socket)
            let received = backEnd.collect(1)
            #expect(received.map(\.token) == [0xFEDC_BA98_7654_3210])
            #expect(received.map(\.octets) == [numbered(7)])
            #expect(received.map(\.sender) == [sender.address])
            #expect(backEnd.counters.received == 1)
        }
    }

    @Test(
        "A datagram arrives whole, with its token and its sender; IPv4 senders are mapped into IPv6",
        arguments: BackEndUnderTest.available, [false, true])
    func oneDatagram(on kind: BackEndUnderTest, isIPv6: Bool) throws {
        try kind.run(OneDatagram(isIPv6: isIPv6))
    }

    struct WritableTail: BackEndCase {
        func run<BackEnd: MediaBackEnd & ~Copyable>(_ backEnd: inout BackEnd) throws {
            let socket = LoopbackSocket()
            let sender = LoopbackSocket()
            _ = backEnd.add(socket, token: 1)
            // The longest is where the room behind it would end first.
            for number in 0..<40 { sender.send(numbered(number, length: number % 2 == 0 ? 2_048 : 172), to: socket) }
            var numbers: [Int] = []
            let patience = MediaClock.arrival + 60_000_000_000
            while numbers.count < 40, MediaClock.arrival < patience {
                backEnd.wait(until: MediaClock.arrival + 20_000_000, pace: 1_000_000)
                while let datagram = backEnd.next() {
                    let start = try #require(datagram.octets.baseAddress)
                    #expect(Int(bitPattern: start) % Datagram.alignment == 0)
                    numbers.append(ReceivedDatagram(datagram).number)
                    // What protecting a packet in place does.
                    let count = datagram.octets.count + Datagram.tailRoom
                    UnsafeMutableRawBufferPointer(start: start, count: count).initializeMemory(
                        as: UInt8.self, repeating: 0xEE)
                }
            }
            #expect(numbers == Array(0..<40))
        }
    }

    @Test(
        "A datagram and the 32 octets behind it may be overwritten without harm to others",
        arguments: BackEndUnderTest.available)
    func writableTail(on kind: BackEndUnderTest) throws { try kind.run(WritableTail()) }

    struct Order: BackEndCase {
        func run<BackEnd: MediaBackEnd & ~Copyable>(_ backEnd: inout BackEnd) throws {
            let sockets = (0..<3).map { _ in LoopbackSocket() }
            let sender = LoopbackSocket()
            for (index, socket) in sockets.enumerated() { _ = backEnd.add(socket, token: UInt64(index)) }
            var received: [ReceivedDatagram] = []
            for number in 0..<600 {
                for socket in sockets { sender.send(numbered(number), to: socket) }
                // Some rounds find one datagram, some find many.
                if number % 7 == 0 || number % 64 == 63 { backEnd.round(into: &received) }
            }
            received += backEnd.collect(1_800 - received.count)
            for index in sockets.indices {
                let numbers = received.filter { $0.token == UInt64(index) }.map(\.number)
                #expect(numbers == Array(0..<600))
            }
        }
    }

    @Test("Each socket's datagrams come in order, none missing, none twice", arguments: BackEndUnderTest.available)
    func order(on kind: BackEndUnderTest) throws { try kind.run(Order()) }

    struct ManySockets: BackEndCase {
        func run<BackEnd: MediaBackEnd & ~Copyable>(_ backEnd: inout BackEnd) throws {
            let sockets = (0..<2_000).map { _ in LoopbackSocket() }
            #expect(sockets.allSatisfy { $0.descriptor >= 0 })
            for (index, socket) in sockets.enumerated() {
                let isAdded = backEnd.add(socket, token: UInt64(index) << 32 | 5)
                #expect(isAdded)
            }
            let sender = LoopbackSocket()
            for number in 0..<2 { for socket in sockets { sender.send(numbered(number), to: socket) } }
            let received = backEnd.collect(4_000)
            #expect(received.count == 4_000)
            var numbers: [UInt64: [Int]] = [:]
            for datagram in received { numbers[datagram.token, default: []].append(datagram.number) }
            #expect(numbers.count == 2_000)
            #expect(numbers.allSatisfy { $0.key & 0xFFFF_FFFF == 5 && $0.value == [0, 1] })
        }
    }

    @Test("2,000 sockets at once", arguments: BackEndUnderTest.available)
    func manySockets(on kind: BackEndUnderTest) throws { try kind.run(ManySockets()) }

    struct Sizes: BackEndCase {
        func run<BackEnd: MediaBackEnd & ~Copyable>(_ backEnd: inout BackEnd) throws {
            let socket = LoopbackSocket()
            let sender = LoopbackSocket()
            _ = backEnd.add(socket, token: 3)
            let whole = [172, 0, 1, 0, 0, 1_500, 2_040, 2_048]
            let cut = [2_049, 9_000, 65_000]
            for length in whole.prefix(5) { sender.send([UInt8](repeating: 9, count: length), to: socket) }
            for length in cut { sender.send([UInt8](repeating: 8, count: length), to: socket) }
            for length in whole.dropFirst(5) { sender.send([UInt8](repeating: 9, count: length), to: socket) }
            let received = backEnd.collect(whole.count)
            #expect(received.map(\.octets.count) == whole)
            #expect(received.allSatisfy { $0.octets.allSatisfy { $0 == 9 } })
            #expect(backEnd.counters.truncated == UInt64(cut.count))
            #expect(backEnd.counters.received == UInt64(whole.count))
            // Each socket has its own, and a drain counts as well.
            let other = LoopbackSocket()
            _ = backEnd.add(other, token: 4)
            for length in cut { sender.send([UInt8](repeating: 8, count: length), to: socket) }
            let drained = backEnd.drainAll(socket, token: 3)
            #expect(drained.isEmpty)
            var counts = [backEnd.truncated(socket.descriptor), backEnd.truncated(other.descriptor)]
            #expect(counts == [UInt64(2 * cut.count), 0])
            // One that comes after it in its slot begins at nothing.
            backEnd.remove(socket.descriptor, token: 3)
            _ = backEnd.add(socket, token: 5)
            counts = [backEnd.truncated(socket.descriptor), backEnd.truncated(9_999)]
            #expect(counts == [0, 0])
        }
    }

    @Test(
        "Datagrams of 0 to 2,048 octets are handed out whole, longer ones are counted and never handed out",
        arguments: BackEndUnderTest.available)
    func sizes(on kind: BackEndUnderTest) throws { try kind.run(Sizes()) }

    struct OutOfBuffers: BackEndCase {
        var sockets: Int
        var datagrams: Int

        func run<BackEnd: MediaBackEnd & ~Copyable>(_ backEnd: inout BackEnd) throws {
            let sockets = (0..<sockets).map { _ in LoopbackSocket() }
            let sender = LoopbackSocket()
            for (index, socket) in sockets.enumerated() { _ = backEnd.add(socket, token: UInt64(index)) }
            for number in 0..<datagrams { for socket in sockets { sender.send(numbered(number), to: socket) } }
            let received = backEnd.collect(sockets.count * datagrams)
            for index in sockets.indices {
                let numbers = received.filter { $0.token == UInt64(index) }.map(\.number)
                #expect(numbers == Array(0..<datagrams))
            }
            #expect(backEnd.counters.outOfBuffers > 0)
            // And it goes on as if nothing had been.
            for socket in sockets { sender.send(numbered(datagrams), to: socket) }
            let after = backEnd.collect(sockets.count)
            #expect(after.map(\.number) == Array(repeating: datagrams, count: sockets.count))
        }
    }

    @Test(
        "Running out of provided buffers is counted, loses nothing, and keeps the order",
        arguments: BackEndUnderTest.rings, [(1, 100), (20, 20), (600, 2)])
    func outOfBuffers(on kind: BackEndUnderTest, load: (sockets: Int, datagrams: Int)) throws {
        var configuration = BackEndConfiguration.forTests
        configuration.receiveBuffers = 8
        configuration.mostReceiveBuffers = 8
        // With 600 sockets, their completions do not fit into the queue either.
        configuration.submissions = 16
        try kind.run(OutOfBuffers(sockets: load.sockets, datagrams: load.datagrams), configuration)
    }

    struct GrowingBuffers: BackEndCase {
        func run<BackEnd: MediaBackEnd & ~Copyable>(_ backEnd: inout BackEnd) throws {
            let socket = LoopbackSocket()
            let sender = LoopbackSocket()
            _ = backEnd.add(socket, token: 0)
            for round in 0..<8 {
                for number in 0..<100 { sender.send(numbered(number), to: socket) }
                let numbers = backEnd.collect(100).map(\.number)
                #expect(numbers == Array(0..<100), "round \(round)")
            }
            let counters = backEnd.counters
            #expect(counters.receiveBuffers == 128 && (1...5).contains(counters.outOfBuffers), "\(counters)")
        }
    }

    @Test("A ring that had no buffer left gets twice as many, up to its limit", arguments: BackEndUnderTest.rings)
    func growingBuffers(on kind: BackEndUnderTest) throws {
        var configuration = BackEndConfiguration.forTests
        configuration.receiveBuffers = 8
        configuration.mostReceiveBuffers = 128
        configuration.socketsPerBuffer = 0
        try kind.run(GrowingBuffers(), configuration)
    }
}
