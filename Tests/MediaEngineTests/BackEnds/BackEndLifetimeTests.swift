import CMediaSockets
import Glibc
import MediaCore
import Testing

@testable import MediaEngine

@Suite("Adding, removing and draining sockets, over every back end")
struct BackEndLifetimeTests {
    struct RemoveWhileWaiting: BackEndCase {
        func run<BackEnd: MediaBackEnd & ~Copyable>(_ backEnd: inout BackEnd) throws {
            let sender = LoopbackSocket()
            let other = LoopbackSocket()
            _ = backEnd.add(other, token: 2)
            for cycle in 0..<50 {
                let victim = LoopbackSocket()
                _ = backEnd.add(victim, token: 1)
                for number in 0..<5 {
                    sender.send(numbered(number), to: victim)
                    sender.send(numbered(number), to: other)
                }
                // Every second time, the back end has already taken some over.
                var before: [ReceivedDatagram] = []
                if cycle % 2 == 0 {
                    backEnd.wait(until: MediaClock.arrival + 20_000_000, pace: 1_000_000)
                    if let datagram = backEnd.next() { before.append(ReceivedDatagram(datagram)) }
                }
                backEnd.remove(victim.descriptor, token: 1)
                // The slot is in use again at once, with a token of its own, and perhaps with the same descriptor.
                let successor = LoopbackSocket()
                let isAdded = backEnd.add(successor, token: cycle % 4 == 0 ? 1 << 40 : 3)
                #expect(isAdded)
                sender.send(numbered(99), to: successor)
                let others = before.filter { $0.token == 2 }.count
                let received = backEnd.collect(6 - others, extraRounds: 0)
                #expect(!received.contains { $0.token == 1 })
                #expect((before + received).filter { $0.token == 2 }.map(\.number) == [0, 1, 2, 3, 4])
                #expect(received.filter { $0.token > 2 }.map(\.number) == [99])
                backEnd.remove(successor.descriptor, token: cycle % 4 == 0 ? 1 << 40 : 3)
            }
            let rest = backEnd.collect(0, extraRounds: 2)
            #expect(rest.isEmpty)
        }
    }

    @Test(
        "Nothing is handed out for a removed socket, even when its slot is in use again",
        arguments: BackEndUnderTest.available)
    func removeWhileWaiting(on kind: BackEndUnderTest) throws {
        var configuration = BackEndConfiguration.forTests
        // One socket and the one in its slot.
        configuration.maximumSockets = 2
        try kind.run(RemoveWhileWaiting(), configuration)
    }

    struct SameDescriptor: BackEndCase {
        func run<BackEnd: MediaBackEnd & ~Copyable>(_ backEnd: inout BackEnd) throws {
            let sender = LoopbackSocket()
            var first: LoopbackSocket? = LoopbackSocket()
            let descriptor = try #require(first?.descriptor)
            _ = backEnd.add(descriptor, token: 1, isIPv6: false)
            if let first { sender.send(numbered(1), to: first) }
            backEnd.wait(until: MediaClock.arrival + 20_000_000, pace: 1_000_000)
            backEnd.remove(descriptor, token: 1)
            first = nil
            let second = LoopbackSocket()
            // A token that is not the socket's any more must not take the new one away.
            _ = backEnd.add(second, token: 2)
            backEnd.remove(second.descriptor, token: 1)
            sender.send(numbered(2), to: second)
            let received = backEnd.collect(1)
            #expect(received.map(\.number) == [2])
            #expect(received.map(\.token) == [2])
        }
    }

    @Test("A descriptor that is in use again is another socket", arguments: BackEndUnderTest.available)
    func sameDescriptor(on kind: BackEndUnderTest) throws { try kind.run(SameDescriptor()) }

    struct Drain: BackEndCase {
        /// What the back end has taken over before the drain, and handed out of it.
        var handedOut: Int
        var isFlooded: Bool

        func run<BackEnd: MediaBackEnd & ~Copyable>(_ backEnd: inout BackEnd) throws {
            let sender = LoopbackSocket()
            let socket = LoopbackSocket()
            let other = LoopbackSocket()
            _ = backEnd.add(socket, token: 1)
            _ = backEnd.add(other, token: 2)
            backEnd.wait(until: MediaClock.arrival, pace: 0)
            let total = isFlooded ? 200 : 40
            for number in 0..<total / 2 { for each in [socket, other] { sender.send(numbered(number), to: each) } }
            var before: [ReceivedDatagram] = []
            if handedOut > 0 {
                backEnd.wait(until: MediaClock.arrival + 20_000_000, pace: 1_000_000)
                while before.count < handedOut, let datagram = backEnd.next() {
                    before.append(ReceivedDatagram(datagram))
                }
            }
            for number in total / 2..<total { for each in [socket, other] { sender.send(numbered(number), to: each) } }
            let drained = backEnd.drainAll(socket, token: 1)
            #expect(drained.allSatisfy { $0.token == 1 && $0.sender == sender.address })
            #expect((before.filter { $0.token == 1 } + drained).map(\.number) == Array(0..<total))
            // A late one is for the next drain, not for the round.
            sender.send(numbered(total), to: socket)
            let others = backEnd.collect(total - before.filter { $0.token == 2 }.count)
            #expect((before + others).filter { $0.token == 2 }.map(\.number) == Array(0..<total))
            #expect(!others.contains { $0.token == 1 })
            let late = backEnd.drainAll(socket, token: 1)
            #expect(late.map(\.number) == [total])
            backEnd.remove(socket.descriptor, token: 1)
            let removed = backEnd.drainAll(socket, token: 1)
            #expect(removed.isEmpty)
        }
    }

    @Test(
        "Draining hands out all that the kernel had received, in order, and leaves other sockets alone",
        arguments: BackEndUnderTest.available, [0, 1, 7])
    func drain(on kind: BackEndUnderTest, handedOut: Int) throws {
        try kind.run(Drain(handedOut: handedOut, isFlooded: false))
    }

    @Test("Draining where the ring is out of buffers", arguments: BackEndUnderTest.available, [0, 1, 7])
    func drainWithoutBuffers(on kind: BackEndUnderTest, handedOut: Int) throws {
        var configuration = BackEndConfiguration.forTests
        configuration.receiveBuffers = 8
        try kind.run(Drain(handedOut: handedOut, isFlooded: true), configuration)
    }

    struct DrainMany: BackEndCase {
        func run<BackEnd: MediaBackEnd & ~Copyable>(_ backEnd: inout BackEnd) throws {
            let sender = LoopbackSocket()
            let sockets = (0..<300).map { _ in LoopbackSocket() }
            for (index, socket) in sockets.enumerated() { _ = backEnd.add(socket, token: UInt64(index)) }
            backEnd.wait(until: MediaClock.arrival, pace: 0)
            for number in 0..<3 { for socket in sockets { sender.send(numbered(number), to: socket) } }
            var complete = 0
            for (index, socket) in sockets.enumerated() {
                let drained = backEnd.drainAll(socket, token: UInt64(index))
                if drained.map(\.number) == [0, 1, 2] { complete += 1 }
                backEnd.remove(socket.descriptor, token: UInt64(index))
            }
            #expect(complete == 300)
            let rest = backEnd.collect(0, extraRounds: 2)
            #expect(rest.isEmpty)
        }
    }

    @Test("Hundreds of calls end in one round, each with all of its datagrams", arguments: BackEndUnderTest.available)
    func drainMany(on kind: BackEndUnderTest) throws { try kind.run(DrainMany()) }

    struct Full: BackEndCase {
        func run<BackEnd: MediaBackEnd & ~Copyable>(_ backEnd: inout BackEnd) throws {
            let sockets = (0..<5).map { _ in LoopbackSocket() }
            for (index, socket) in sockets.enumerated() {
                let isAdded = backEnd.add(socket, token: UInt64(index))
                #expect(isAdded == (index < 4))
            }
            let isAddedTwice = backEnd.add(sockets[0], token: 9)
            #expect(!isAddedTwice)
            backEnd.remove(sockets[2].descriptor, token: 2)
            let isAdded = backEnd.add(sockets[4], token: 4)
            #expect(isAdded)
            LoopbackSocket().send(numbered(1), to: sockets[4])
            let received = backEnd.collect(1)
            #expect(received.map(\.token) == [4])
        }
    }

    @Test("One socket more than there is room for is refused", arguments: BackEndUnderTest.available)
    func full(on kind: BackEndUnderTest) throws {
        var configuration = BackEndConfiguration.forTests
        configuration.maximumSockets = 4
        try kind.run(Full(), configuration)
    }

    struct Cycles: BackEndCase {
        func run<BackEnd: MediaBackEnd & ~Copyable>(_ backEnd: inout BackEnd) throws {
            let sender = LoopbackSocket()
            var received = 0
            var handedOut = 0
            var highest: Int32 = 0
            for cycle in 0..<4_000 {
                let socket = LoopbackSocket()
                highest = max(highest, socket.descriptor)
                let isAdded = backEnd.add(socket, token: UInt64(cycle))
                #expect(isAdded)
                sender.send(numbered(cycle), to: socket)
                if cycle % 10 == 0 {
                    backEnd.wait(until: MediaClock.arrival, pace: 0)
                    while let datagram = backEnd.next() {
                        #expect(datagram.token == UInt64(cycle))
                        handedOut += 1
                    }
                    received += 1
                }
                backEnd.remove(socket.descriptor, token: UInt64(cycle))
            }
            #expect(handedOut == received)
            // A descriptor is the lowest that is free: one left open in each cycle would show. (Tests run side by side,
            // and some have thousands of their own.)
            #expect(highest - sender.descriptor < 3_900)
            _ = backEnd.collect(0, extraRounds: 2)
            // The kernel has let go of the ports, too.
            var bound: LoopbackSocket? = LoopbackSocket()
            let port = bound?.port ?? 0
            if let bound {
                _ = backEnd.add(bound, token: 1)
                backEnd.wait(until: MediaClock.arrival, pace: 0)
                backEnd.remove(bound.descriptor, token: 1)
            }
            bound = nil
            _ = backEnd.collect(0, extraRounds: 1)
            #expect(LoopbackSocket(port: port).port == port)
        }
    }

    @Test("Thousands of sockets come and go in eight slots", arguments: BackEndUnderTest.available)
    func cycles(on kind: BackEndUnderTest) throws {
        var configuration = BackEndConfiguration.forTests
        configuration.maximumSockets = 8
        try kind.run(Cycles(), configuration)
    }

    struct Nothing: BackEndCase {
        func run<BackEnd: MediaBackEnd & ~Copyable>(_ backEnd: inout BackEnd) throws {}
    }

    @Test("Back ends come and go without leaving a descriptor", arguments: BackEndUnderTest.available)
    func noDescriptorLeft(of kind: BackEndUnderTest) throws {
        for _ in 0..<300 { try kind.run(Nothing()) }
        // Other tests have a few at the same time.
        #expect(LoopbackSocket.openBackEnds < 100)
    }

    @Test("A back end that goes lets go of its ports at once", arguments: BackEndUnderTest.available)
    func letsGo(of kind: BackEndUnderTest) throws {
        struct Leave: BackEndCase {
            let sockets: [LoopbackSocket]

            func run<BackEnd: MediaBackEnd & ~Copyable>(_ backEnd: inout BackEnd) throws {
                for (index, socket) in sockets.enumerated() { _ = backEnd.add(socket, token: UInt64(index)) }
                backEnd.wait(until: MediaClock.arrival, pace: 0)
            }
        }
        var ports: [UInt16] = []
        for _ in 0..<3 {
            let sockets = (0..<20).map { LoopbackSocket(port: ports.isEmpty ? 0 : ports[$0]) }
            #expect(sockets.allSatisfy { $0.descriptor >= 0 })
            if ports.isEmpty { ports = sockets.map(\.port) }
            try kind.run(Leave(sockets: sockets))
        }
    }
}
