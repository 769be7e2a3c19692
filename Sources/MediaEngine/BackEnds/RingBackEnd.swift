import CMediaRing
import CMediaSockets
import Glibc
import MediaCore

/// Datagrams by io_uring: every socket has one multishot receive, the kernel fills provided buffers and queues
/// completions while this thread waits, and one wait serves hundreds of sockets without a system call for each packet.
///
/// The order of a socket's datagrams is that of its completions. What has been received but not handed out when a
/// socket is removed is known by the generation in its completion.
struct RingBackEnd: ~Copyable, MediaBackEnd {
    let ring: UnsafeMutablePointer<media_ring>
    let maximumDatagram: Int
    let batch: UInt32
    let socketsPerBuffer: Int
    var slots: SocketSlots
    private(set) var counters = BackEndCounters()

    /// The completion that is looked at next, and the first that is not known yet.
    private var cursor: UInt32 = 0
    private var end: UInt32 = 0
    /// The buffer that the worker has in its hands, or -1.
    private var held: Int32 = -1
    private var isIdle = true
    private var wake: Int32 = -1
    /// There was no buffer for a datagram since the last wait.
    private var isShort = false
    /// Slots whose receive could not be queued; tried again at the next wait.
    private var unarmed: [Int] = []

    /// Addresses and octets of the sends that wait for submission.
    private let sends: UnsafeMutableRawPointer
    private let sendsSize: Int
    private var sendsUsed = 0

    /// Where a drained socket's own buffer is read into, and how far the completions have been searched for it.
    private let scratch: UnsafeMutableRawPointer
    private var drained = -1
    private var drainCursor: UInt32 = 0

    private static let otherTicket = SlotTicket(.other, slot: 0, generation: 0)
    private static let wakeTicket = SlotTicket(.other, slot: 1, generation: 0)
    /// Deadlines further away than this are looked at again: an hour.
    private static let longestWait: Int64 = 3_600_000_000_000

    init(_ configuration: BackEndConfiguration) throws(MediaEngineError) {
        do throws(RingRefusal) {
            try self.init(ringOf: configuration)
        } catch {
            throw error.demanded
        }
    }

    /// The same, with the reason in words.
    init(ringOf configuration: BackEndConfiguration) throws(RingRefusal) {
        maximumDatagram = max(1, configuration.maximumDatagram)
        batch = UInt32(clamping: max(1, min(configuration.batch, configuration.receiveBuffers / 2)))
        socketsPerBuffer = max(0, configuration.socketsPerBuffer)
        slots = SocketSlots(capacity: configuration.maximumSockets)
        sendsSize = max(configuration.sendMemory, 2 * (maximumDatagram + 64))
        sends = .allocate(byteCount: sendsSize, alignment: 64)
        scratch = .allocate(byteCount: maximumDatagram + Datagram.tailRoom, alignment: 64)
        ring = .allocate(capacity: 1)
        ring.initialize(to: media_ring())
        var options = media_ring_options(configuration)
        let result = media_ring_open(ring, &options)
        if result < 0 { throw RingRefusal(stage: .init(ring.pointee.stage), errno: -result, kernel: .current) }
    }

    deinit {
        // Sockets that are still open must not stay bound by requests that nobody will ever see complete.
        media_ring_close(ring)
        ring.deallocate()
        sends.deallocate()
        scratch.deallocate()
    }

    // MARK: Sockets

    mutating func add(_ socket: Int32, token: UInt64, isIPv6: Bool) -> Bool {
        guard let slot = slots.insert(socket, token: token, isIPv6: isIPv6) else { return false }
        // Sockets beyond the table, and all of them where there is none, are named by their descriptors.
        if slot < ring.pointee.files {
            slots[slot].pointee.isFixed = media_ring_set_file(ring, UInt32(slot), socket) == 0
        }
        guard arm(slot) else {
            forget(slot)
            return false
        }
        return true
    }

    mutating func remove(_ socket: Int32, token: UInt64) {
        guard let slot = slots.slot(of: socket), slots[slot].pointee.token == token else { return }
        if drained == slot { drained = -1 }
        if slots[slot].pointee.isArmed { cancel(slot) }
        // Requests that are still queued name the socket by a number that may soon be another's.
        flush()
        forget(slot)
    }

    private mutating func forget(_ slot: Int) {
        // The request that is being cancelled keeps the socket for itself until it has ended.
        if slots[slot].pointee.isFixed { _ = media_ring_set_file(ring, UInt32(slot), -1) }
        slots.remove(slot)
    }

    private func ticket(_ slot: Int, _ kind: SlotTicket.Kind = .receive) -> SlotTicket {
        SlotTicket(kind, slot: slot, generation: slots[slot].pointee.generation)
    }

    private mutating func arm(_ slot: Int) -> Bool {
        let isFixed = slots[slot].pointee.isFixed
        let target = isFixed ? Int32(truncatingIfNeeded: slot) : slots[slot].pointee.descriptor
        let name = ticket(slot).rawValue
        let queued = queue { media_ring_receive($0, target, isFixed ? 1 : 0, name) }
        slots[slot].pointee.isArmed = queued
        return queued
    }

    private mutating func cancel(_ slot: Int) {
        let goal = ticket(slot).rawValue
        _ = queue { media_ring_cancel($0, goal, Self.otherTicket.rawValue) }
    }

    /// Queues a request, after a submission where the queue is full.
    private mutating func queue(_ request: (UnsafeMutablePointer<media_ring>) -> Int32) -> Bool {
        if request(ring) == 0 { return true }
        flush()
        return request(ring) == 0
    }

    mutating func addWake(_ descriptor: Int32) -> Bool {
        wake = descriptor
        return queue { media_ring_poll($0, descriptor, Self.wakeTicket.rawValue) }
    }

    // MARK: Rounds

    mutating func wait(until deadline: Int64, pace: Int64) {
        takeBack()
        if isShort {
            if Int(ring.pointee.buffers_given) * socketsPerBuffer < slots.count {
                counters.receiveBuffers = UInt64(media_ring_grow(ring))
            }
            isShort = false
        }
        media_ring_publish(ring)
        media_ring_consume(ring, cursor)
        retryUnarmed()
        let (remaining, overflows) = deadline.subtractingReportingOverflow(MediaClock.arrival)
        let longest = overflows ? Self.longestWait : min(max(0, remaining), Self.longestWait)
        counters.waits += 1
        let submitted =
            if longest == 0 {
                media_ring_reap(ring)
            } else if isIdle {
                media_ring_wait(ring, 1, longest)
            } else {
                media_ring_wait(ring, batch, min(max(0, pace), longest))
            }
        if submitted == 0 { sendsUsed = 0 }
        end = media_ring_tail(ring)
        isIdle = end == cursor
    }

    private mutating func retryUnarmed() {
        guard !unarmed.isEmpty else { return }
        let slots = unarmed
        unarmed.removeAll(keepingCapacity: true)
        for slot in slots where self.slots[slot].pointee.descriptor >= 0 && !self.slots[slot].pointee.isArmed {
            if !arm(slot) { unarmed.append(slot) }
        }
    }

    @inline(__always)
    private mutating func takeBack() {
        guard held >= 0 else { return }
        media_ring_give(ring, UInt32(bitPattern: held))
        held = -1
    }

    mutating func next() -> Datagram? {
        takeBack()
        while cursor != end {
            let completion = media_ring_at(ring, cursor).pointee
            cursor &+= 1
            if let datagram = see(completion) {
                prefetchUpcoming()
                return datagram
            }
        }
        return nil
    }

    /// While the worker is busy with one datagram, the next one's slot and first octets come into the cache.
    @inline(__always)
    private func prefetchUpcoming() {
        guard cursor != end else { return }
        let completion = media_ring_at(ring, cursor).pointee
        media_ring_prefetch(slots.address(of: SlotTicket(rawValue: completion.user_data).slot))
        guard completion.flags & MEDIA_RING_HAS_BUFFER != 0 else { return }
        let buffer = media_ring_buffer_at(ring, completion.flags >> 16)
        media_ring_prefetch(buffer)
        media_ring_prefetch(buffer + 64)
    }

    @inline(__always)
    func upcomingToken(_ distance: Int) -> UInt64? {
        guard distance >= 0, distance < Int(end &- cursor) else { return nil }
        let completion = media_ring_at(ring, cursor &+ UInt32(distance)).pointee
        return slots.entry(SlotTicket(rawValue: completion.user_data))?.pointee.token
    }

    /// What a completion means; its datagram, where it brings one that is to be handed out.
    @inline(__always)
    private mutating func see(_ completion: media_ring_completion) -> Datagram? {
        let ticket = SlotTicket(rawValue: completion.user_data)
        guard ticket.isReceive else {
            seeOther(completion)
            return nil
        }
        let entry = slots.entry(ticket)
        let hasEnded = completion.flags & MEDIA_RING_HAS_MORE == 0
        if hasEnded, let entry { restart(entry, slot: ticket.slot, result: completion.result) }
        guard completion.flags & MEDIA_RING_HAS_BUFFER != 0 else { return nil }
        let identifier = completion.flags >> 16
        guard let entry else {
            media_ring_give(ring, identifier)
            counters.stale += 1
            return nil
        }
        let buffer = media_ring_buffer_at(ring, identifier)
        let message = UnsafeRawPointer(buffer).load(as: media_ring_message.self)
        let count = Int(completion.result) - Int(MEDIA_RING_HEADROOM)
        guard count >= 0, message.flags & UInt32(MSG_TRUNC) == 0 else {
            media_ring_give(ring, identifier)
            counters.truncated += 1
            entry.pointee.truncated &+= 1
            return nil
        }
        held = Int32(bitPattern: identifier)
        counters.received += 1
        let source = media_ring_sender(buffer)
        return Datagram(
            token: entry.pointee.token,
            octets: UnsafeMutableRawBufferPointer(start: buffer + Int(MEDIA_RING_HEADROOM), count: count),
            sender: MediaAddress(high: source.high, low: source.low, port: source.port))
    }

    /// A multishot receive ends when it finds no buffer, after an empty datagram, on an error, and when it is cancelled.
    @inline(never)
    private mutating func restart(_ entry: UnsafeMutablePointer<SocketSlots.Entry>, slot: Int, result: Int32) {
        entry.pointee.isArmed = false
        guard !entry.pointee.isDraining else { return }
        if result == -ENOBUFS {
            counters.outOfBuffers += 1
            isShort = true
        } else {
            counters.restarts += 1
        }
        // It goes to the kernel with the next submission, before which the buffers of this round are put back.
        if !arm(slot) { unarmed.append(slot) }
    }

    @inline(never)
    private mutating func seeOther(_ completion: media_ring_completion) {
        let ticket = SlotTicket(rawValue: completion.user_data)
        if ticket.isSend {
            if completion.result < 0 { counters.sendsRefused += 1 }
        } else if ticket == Self.wakeTicket, completion.flags & MEDIA_RING_HAS_MORE == 0, wake >= 0 {
            let descriptor = wake
            _ = queue { media_ring_poll($0, descriptor, Self.wakeTicket.rawValue) }
        }
    }

    mutating func truncated(_ socket: Int32) -> UInt64 { slots.truncated(socket) }

    // MARK: The end of a call

    mutating func drain(_ socket: Int32, token: UInt64) -> Datagram? {
        takeBack()
        guard let slot = slots.slot(of: socket), slots[slot].pointee.token == token else { return nil }
        let entry = slots[slot]
        if drained != slot {
            drained = slot
            drainCursor = cursor
        }
        if !entry.pointee.isDraining {
            entry.pointee.isDraining = true
            quiet(slot)
        }
        // What the ring holds of this socket came before what the socket itself still holds.
        if let datagram = searchCompletions(for: slot) { return datagram }
        while true {
            var source = media_source()
            let count = media_socket_take(socket, scratch, maximumDatagram, &source)
            guard count >= 0 else { return nil }
            guard count <= maximumDatagram else {
                counters.truncated += 1
                entry.pointee.truncated &+= 1
                continue
            }
            counters.received += 1
            return Datagram(
                token: token, octets: UnsafeMutableRawBufferPointer(start: scratch, count: count),
                sender: MediaAddress(high: source.high, low: source.low, port: source.port))
        }
    }

    /// Ends the receive of a socket, and waits until it has ended: from then on its datagrams stay in the socket.
    private mutating func quiet(_ slot: Int) {
        guard slots[slot].pointee.isArmed else { return }
        cancel(slot)
        // The first round carries out the cancellation; more are needed only when completions had to queue up outside
        // of a full ring.
        for _ in 0..<8 {
            media_ring_publish(ring)
            counters.submissions += 1
            if media_ring_reap(ring) == 0 { sendsUsed = 0 }
            end = media_ring_tail(ring)
            if hasEnded(slot) { break }
        }
    }

    /// True when the completion that ends the slot's receive has come.
    private func hasEnded(_ slot: Int) -> Bool {
        let goal = ticket(slot).rawValue
        var position = cursor
        while position != end {
            let completion = media_ring_at(ring, position).pointee
            if completion.user_data == goal, completion.flags & MEDIA_RING_HAS_MORE == 0 { return true }
            position &+= 1
        }
        return false
    }

    private mutating func searchCompletions(for slot: Int) -> Datagram? {
        let goal = ticket(slot).rawValue
        while drainCursor != end {
            let completion = media_ring_at(ring, drainCursor)
            drainCursor &+= 1
            guard completion.pointee.user_data == goal else { continue }
            let found = completion.pointee
            // Seen here, and therefore not in its turn.
            completion.pointee = media_ring_completion(
                user_data: Self.otherTicket.rawValue, result: 0, flags: MEDIA_RING_HAS_MORE)
            if let datagram = see(found) { return datagram }
        }
        return nil
    }

    // MARK: Sending

    mutating func send(
        _ octets: UnsafeRawBufferPointer, from socket: Int32, token: UInt64, to destination: MediaAddress, isIPv6: Bool
    ) -> Bool {
        let needed = Int(MEDIA_RING_ADDRESS_ROOM) + (octets.count + 31) & ~31
        if needed > sendsSize - sendsUsed { flush() }
        guard needed <= sendsSize - sendsUsed else {
            counters.sendsRefused += 1
            return false
        }
        let address = sends + sendsUsed
        let copy = address + Int(MEDIA_RING_ADDRESS_ROOM)
        let length = media_ring_destination(
            address, isIPv6 ? 1 : 0, destination.high, destination.low, destination.port)
        if let start = octets.baseAddress { copy.copyMemory(from: start, byteCount: octets.count) }
        var target = socket
        var isFixed: Int32 = 0
        if let slot = slots.slot(of: socket), slots[slot].pointee.isFixed {
            target = Int32(truncatingIfNeeded: slot)
            isFixed = 1
        }
        let ticket = SlotTicket(.send, slot: 0, generation: 0).rawValue
        // A full queue is submitted with what is copied behind the other sends still in its place.
        if media_ring_send(ring, target, isFixed, copy, UInt32(octets.count), address, length, ticket) != 0 {
            counters.submissions += 1
            media_ring_publish(ring)
            guard media_ring_submit(ring) == 0,
                media_ring_send(ring, target, isFixed, copy, UInt32(octets.count), address, length, ticket) == 0
            else {
                counters.sendsRefused += 1
                return false
            }
        }
        sendsUsed += needed
        counters.sent += 1
        return true
    }

    mutating func flush() {
        guard media_ring_pending(ring) > 0 else { return }
        counters.submissions += 1
        media_ring_publish(ring)
        if media_ring_submit(ring) == 0 { sendsUsed = 0 }
    }
}

extension media_ring_options {
    fileprivate init(_ configuration: BackEndConfiguration) {
        self.init()
        var buffers = 1
        let most = max(configuration.receiveBuffers, configuration.mostReceiveBuffers)
        while buffers < most, buffers < 32_768 { buffers *= 2 }
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        self.submissions = UInt32(clamping: configuration.submissions)
        // Every buffer can have its completion. Where a thousand sockets find no buffer at once, the kernel keeps the
        // rest of the completions until there is room again (IORING_FEAT_NODROP).
        self.completions = UInt32(
            clamping: min(65_536, 2 * buffers + 2 * configuration.submissions))
        self.buffers = UInt32(buffers)
        self.first_buffers = UInt32(clamping: max(1, configuration.receiveBuffers))
        self.payload = UInt32(clamping: max(1, configuration.maximumDatagram))
        self.tail_room = UInt32(Datagram.tailRoom)
        self.files = UInt32(clamping: min(configuration.maximumSockets, Int(clamping: limit.rlim_cur)))
        // Before 6.13 a registered file that was taken out stays open as long as any older request runs, and ours run
        // as long as calls do.
        if !configuration.registersSockets || !KernelRelease.current.isAtLeast(6, 13) { self.files = 0 }
    }
}
