import CMediaSockets
import Glibc
import MediaCore

/// Datagrams by epoll and one receive call each, for kernels and containers without io_uring.
///
/// It sleeps for a pace, without waiting for any socket meanwhile: nobody is woken for single packets, and one look
/// then finds many sockets readable. docs/decisions/0011-io-uring-and-epoll.md compares the ways of looking.
struct EpollBackEnd: ~Copyable, MediaBackEnd {
    private let poll: Int32
    private let maximumDatagram: Int
    /// The one buffer stays in the first-level cache.
    private let buffer: UnsafeMutableRawPointer
    private let tickets: UnsafeMutablePointer<UInt64>
    private var index = 0
    private var end = 0
    private var rounds = 0
    private var isIdle = true
    private var slots: SocketSlots
    private(set) var counters = BackEndCounters()

    private static let eventCapacity = 512
    /// Looks without a sleep between them, at most: a flood on one socket must not keep the worker from its other work.
    private static let maximumRounds = 32
    private static let wakeTicket = SlotTicket(.other, slot: 0, generation: 0)

    init(_ configuration: BackEndConfiguration) throws(MediaEngineError) {
        poll = media_poll_open()
        maximumDatagram = max(1, configuration.maximumDatagram)
        buffer = .allocate(byteCount: maximumDatagram + Datagram.tailRoom, alignment: 64)
        tickets = .allocate(capacity: Self.eventCapacity)
        slots = SocketSlots(capacity: configuration.maximumSockets)
        if poll < 0 { throw .system("epoll_create1", errno: -poll) }
    }

    deinit {
        if poll >= 0 { _ = close(poll) }
        buffer.deallocate()
        tickets.deallocate()
    }

    mutating func add(_ socket: Int32, token: UInt64, isIPv6: Bool) -> Bool {
        guard let slot = slots.insert(socket, token: token, isIPv6: isIPv6) else { return false }
        let ticket = SlotTicket(.receive, slot: slot, generation: slots[slot].pointee.generation)
        guard media_poll_add(poll, socket, ticket.rawValue) == 0 else {
            slots.remove(slot)
            return false
        }
        return true
    }

    mutating func remove(_ socket: Int32, token: UInt64) {
        guard let slot = slots.slot(of: socket), slots[slot].pointee.token == token else { return }
        if !slots[slot].pointee.isDraining { _ = media_poll_remove(poll, socket) }
        slots.remove(slot)
    }

    mutating func drain(_ socket: Int32, token: UInt64) -> Datagram? {
        guard let slot = slots.slot(of: socket), slots[slot].pointee.token == token else { return nil }
        if !slots[slot].pointee.isDraining {
            _ = media_poll_remove(poll, socket)
            slots[slot].pointee.isDraining = true
        }
        while true {
            switch take(socket, token: token) {
            case .datagram(let datagram): return datagram
            case .truncated: slots[slot].pointee.truncated &+= 1
            case .empty: return nil
            }
        }
    }

    mutating func addWake(_ descriptor: Int32) -> Bool {
        media_poll_add_edge(poll, descriptor, Self.wakeTicket.rawValue) == 0
    }

    mutating func wait(until deadline: Int64, pace: Int64) {
        counters.waits += 1
        rounds = 0
        let now = MediaClock.arrival
        let remaining = max(0, deadline.subtractingReportingOverflow(now).partialValue)
        if isIdle {
            // Rounded up: too early would mean a second wait for the rest.
            look(milliseconds: Int32(clamping: min(remaining, 3_600_000_000_000).advanced(by: 999_999) / 1_000_000))
        } else {
            media_sleep_until(now + max(0, min(pace, remaining)))
            look(milliseconds: 0)
        }
        isIdle = end == 0
    }

    private mutating func look(milliseconds: Int32) {
        rounds += 1
        index = 0
        end = max(0, Int(media_poll_wait(poll, tickets, Int32(Self.eventCapacity), milliseconds)))
    }

    mutating func next() -> Datagram? {
        while true {
            while index < end {
                let ticket = SlotTicket(rawValue: tickets[index])
                index += 1
                guard ticket.isReceive, let entry = slots.entry(ticket), !entry.pointee.isDraining else { continue }
                // One datagram from each readable socket: a second call would nearly always hear that there is none.
                switch take(entry.pointee.descriptor, token: entry.pointee.token) {
                case .datagram(let datagram): return datagram
                case .truncated: entry.pointee.truncated &+= 1
                case .empty: break
                }
            }
            // Where more waits, the poll is level-triggered and tells of the socket again.
            guard end > 0, rounds < Self.maximumRounds else { return nil }
            look(milliseconds: 0)
        }
    }

    private enum Taken {
        case datagram(Datagram), truncated, empty
    }

    @inline(__always)
    private mutating func take(_ socket: Int32, token: UInt64) -> Taken {
        var source = media_source()
        let count = media_socket_take(socket, buffer, maximumDatagram, &source)
        guard count >= 0 else { return .empty }
        guard count <= maximumDatagram else {
            counters.truncated += 1
            return .truncated
        }
        counters.received += 1
        return .datagram(
            Datagram(
                token: token, octets: UnsafeMutableRawBufferPointer(start: buffer, count: count),
                sender: MediaAddress(high: source.high, low: source.low, port: source.port)))
    }

    @inline(__always)
    func upcomingToken(_ distance: Int) -> UInt64? {
        guard distance >= 0, index + distance < end else { return nil }
        return slots.entry(SlotTicket(rawValue: tickets[index + distance]))?.pointee.token
    }

    mutating func send(
        _ octets: UnsafeRawBufferPointer, from socket: Int32, token: UInt64, to destination: MediaAddress, isIPv6: Bool
    ) -> Bool {
        let sent = media_socket_send_to(
            socket, isIPv6 ? 1 : 0, octets.baseAddress, octets.count, destination.high, destination.low,
            destination.port)
        counters.sent += 1
        guard sent >= 0 else {
            counters.sendsRefused += 1
            return false
        }
        return true
    }

    mutating func flush() {}

    mutating func truncated(_ socket: Int32) -> UInt64 { slots.truncated(socket) }
}
