import CMediaSockets
import Glibc
import MediaCore
import Testing

@testable import MediaEngine

@Suite("Sending and waiting, over every back end")
struct BackEndSendingTests {
    struct SendInOrder: BackEndCase {
        var isIPv6: Bool
        var flushes: Bool

        static func octets(_ number: Int) -> [UInt8] { number == 50 ? [] : numbered(number, length: 20 + number * 19) }

        func run<BackEnd: MediaBackEnd & ~Copyable>(_ backEnd: inout BackEnd) throws {
            let sockets = (0..<2).map { _ in LoopbackSocket(isIPv6: isIPv6) }
            // One that the back end does not receive from.
            let stranger = LoopbackSocket(isIPv6: isIPv6)
            let receivers = (0..<3).map { _ in LoopbackSocket(isIPv6: isIPv6, receiveBuffer: 1 << 20) }
            for (index, socket) in sockets.enumerated() { _ = backEnd.add(socket, token: UInt64(index)) }
            for number in 0..<100 {
                for (index, socket) in (sockets + [stranger]).enumerated() {
                    var octets = Self.octets(number)
                    let isTaken = backEnd.send(octets, from: socket, token: UInt64(index), to: receivers[index].address)
                    #expect(isTaken)
                    // What was sent is a copy.
                    for position in octets.indices { octets[position] = 0 }
                }
            }
            if flushes {
                backEnd.flush()
            } else {
                backEnd.wait(until: MediaClock.arrival, pace: 0)
            }
            for (index, socket) in (sockets + [stranger]).enumerated() {
                for number in 0..<100 {
                    let received = try #require(receivers[index].receive())
                    #expect(received.octets == Self.octets(number))
                    #expect(received.sender == socket.address)
                }
            }
            #expect(backEnd.counters.sent == 300)
            #expect(backEnd.counters.sendsRefused == 0)
        }
    }

    @Test(
        "Datagrams of a socket leave whole and in order, by a flush or by the next wait",
        arguments: BackEndUnderTest.available, [(false, true), (true, true), (false, false)])
    func sendInOrder(on kind: BackEndUnderTest, how: (isIPv6: Bool, flushes: Bool)) throws {
        try kind.run(SendInOrder(isIPv6: how.isIPv6, flushes: how.flushes))
    }

    @Test(
        "What does not fit into the memory or the queue for sends is submitted at once",
        arguments: BackEndUnderTest.available, [(4_500, 1_024), (262_144, 16)])
    func sendPoolExhausted(on kind: BackEndUnderTest, room: (memory: Int, submissions: Int)) throws {
        var configuration = BackEndConfiguration.forTests
        configuration.sendMemory = room.memory
        configuration.submissions = room.submissions
        try kind.run(SendInOrder(isIPv6: false, flushes: true), configuration)
    }

    struct Refused: BackEndCase {
        func run<BackEnd: MediaBackEnd & ~Copyable>(_ backEnd: inout BackEnd) throws {
            let socket = LoopbackSocket()
            let receiver = LoopbackSocket()
            _ = backEnd.add(socket, token: 1)
            // Broadcast was never allowed to the socket; port 0 is nobody's.
            _ = backEnd.send(numbered(1), from: socket, token: 1, to: MediaAddress(ipv4: .max, port: 9))
            _ = backEnd.send(numbered(2), from: socket, token: 1, to: MediaAddress(ipv4: 0x7F00_0001, port: 0))
            let isTaken = backEnd.send(numbered(3), from: socket, token: 1, to: receiver.address)
            #expect(isTaken)
            let tooLong = backEnd.send(
                [UInt8](repeating: 0, count: 400_000), from: socket, token: 1, to: receiver.address)
            #expect(!tooLong)
            _ = backEnd.collect(0, extraRounds: 2)
            #expect(receiver.receive()?.octets == numbered(3))
            #expect(backEnd.counters.sendsRefused == 3)
        }
    }

    @Test("Sends that the kernel refuses are counted and harm no others", arguments: BackEndUnderTest.available)
    func refused(on kind: BackEndUnderTest) throws { try kind.run(Refused()) }

    struct Wake: BackEndCase {
        var isBusy: Bool

        func run<BackEnd: MediaBackEnd & ~Copyable>(_ backEnd: inout BackEnd) throws {
            let wake = media_wake_open()
            defer { _ = close(wake) }
            let socket = LoopbackSocket()
            let sender = LoopbackSocket()
            _ = backEnd.add(socket, token: 1)
            let isAdded = backEnd.addWake(wake)
            #expect(isAdded)
            for cycle in 0..<20 {
                if isBusy {
                    sender.send(numbered(cycle), to: socket)
                    let received = backEnd.collect(1, extraRounds: 0)
                    #expect(received.count == 1)
                } else {
                    _ = backEnd.collect(0, extraRounds: 2)
                }
                let before = MediaClock.arrival
                if cycle % 2 == 0 {
                    media_wake_signal(wake)
                } else {
                    MediaWakeThread.signal(wake, after: 5_000)
                }
                backEnd.wait(until: before + 20_000_000_000, pace: 10_000_000)
                if isBusy, cycle % 2 == 1 { backEnd.wait(until: before + 20_000_000_000, pace: 10_000_000) }
                let datagram = backEnd.next() != nil
                #expect(!datagram)
                #expect(MediaClock.arrival - before < 10_000_000_000)
                usleep(6_000)
                media_wake_clear(wake)
            }
        }
    }

    @Test("A wake ends a wait, again and again", arguments: BackEndUnderTest.available, [false, true])
    func wake(on kind: BackEndUnderTest, isBusy: Bool) throws { try kind.run(Wake(isBusy: isBusy)) }

    struct Batches: BackEndCase {
        func run<BackEnd: MediaBackEnd & ~Copyable>(_ backEnd: inout BackEnd) throws {
            let socket = LoopbackSocket()
            let sender = LoopbackSocket()
            _ = backEnd.add(socket, token: 1)
            sender.send(numbered(0), to: socket)
            let first = backEnd.collect(1, extraRounds: 0)
            #expect(first.count == 1)
            // Datagrams come in: the next wait lasts for a pace although one is already there.
            sender.send(numbered(1), to: socket)
            sender.send(numbered(2), to: socket)
            var before = MediaClock.arrival
            backEnd.wait(until: before + 20_000_000_000, pace: 50_000_000)
            let slept = MediaClock.arrival - before
            #expect(slept >= 45_000_000)
            #expect(slept < 10_000_000_000)
            var numbers: [Int] = []
            while let datagram = backEnd.next() { numbers.append(ReceivedDatagram(datagram).number) }
            #expect(numbers == [1, 2])
            // A deadline that comes before the pace is over counts more.
            before = MediaClock.arrival
            backEnd.wait(until: before + 20_000_000, pace: 10_000_000_000)
            #expect(MediaClock.arrival - before < 5_000_000_000)
            // Nothing came: now one datagram is enough.
            sender.send(numbered(3), to: socket)
            before = MediaClock.arrival
            backEnd.wait(until: before + 20_000_000_000, pace: 10_000_000_000)
            #expect(MediaClock.arrival - before < 5_000_000_000)
            let token = backEnd.upcomingToken(0)
            #expect(token == 1)
            let last = backEnd.next().map { ReceivedDatagram($0).number }
            #expect(last == 3)
            let none = backEnd.upcomingToken(0)
            #expect(none == nil)
        }
    }

    @Test(
        "A wait gathers datagrams for a pace, and no longer than to its deadline",
        arguments: BackEndUnderTest.available)
    func batches(on kind: BackEndUnderTest) throws { try kind.run(Batches()) }

    struct Echo: BackEndCase {
        func run<BackEnd: MediaBackEnd & ~Copyable>(_ backEnd: inout BackEnd) throws {
            let legs = (0..<40).map { _ in LoopbackSocket() }
            let peers = (0..<40).map { _ in LoopbackSocket() }
            for (index, leg) in legs.enumerated() { _ = backEnd.add(leg, token: UInt64(index)) }
            for number in 0..<50 { for index in legs.indices { peers[index].send(numbered(number), to: legs[index]) } }
            var relayed = 0
            let patience = MediaClock.arrival + 60_000_000_000
            while relayed < 2_000, MediaClock.arrival < patience {
                backEnd.wait(until: MediaClock.arrival + 20_000_000, pace: 1_000_000)
                while let datagram = backEnd.next() {
                    let other = Int(datagram.token) ^ 1
                    _ = backEnd.send(
                        UnsafeRawBufferPointer(datagram.octets), from: legs[other].descriptor, token: UInt64(other),
                        to: peers[other].address, isIPv6: false)
                    relayed += 1
                }
                backEnd.flush()
            }
            #expect(relayed == 2_000)
            for peer in peers {
                var numbers: [Int] = []
                while numbers.count < 50, let received = peer.receive() {
                    numbers.append(Int(received.octets[0]) << 8 | Int(received.octets[1]))
                }
                #expect(numbers == Array(0..<50))
            }
        }
    }

    @Test("What is relayed while it is received arrives in order", arguments: BackEndUnderTest.available)
    func echo(on kind: BackEndUnderTest) throws { try kind.run(Echo()) }
}

/// Signals an eventfd from another thread a little later.
enum MediaWakeThread {
    static func signal(_ descriptor: Int32, after microseconds: UInt32) {
        var thread = pthread_t()
        let argument = UnsafeMutableRawPointer(bitPattern: Int(descriptor) << 32 | Int(microseconds))
        let result = pthread_create(
            &thread, nil,
            { argument in
                let number = Int(bitPattern: argument)
                usleep(UInt32(truncatingIfNeeded: number))
                media_wake_signal(Int32(truncatingIfNeeded: number >> 32))
                return nil
            }, argument)
        if result == 0 { pthread_detach(thread) }
    }
}
