import Glibc

/// What a completion or an event names: a slot, and which of its successive sockets. What was received for a socket that
/// has been removed meanwhile is known by its generation, even when the slot is in use again.
struct SlotTicket: Equatable {
    enum Kind: UInt64 {
        case receive = 1
        case send, other
    }

    var rawValue: UInt64

    @inline(__always)
    init(rawValue: UInt64) { self.rawValue = rawValue }

    @inline(__always)
    init(_ kind: Kind, slot: Int, generation: UInt32) {
        rawValue = kind.rawValue << 62 | UInt64(generation) << 32 | UInt64(UInt32(truncatingIfNeeded: slot))
    }

    @inline(__always)
    var isReceive: Bool { rawValue >> 62 == Kind.receive.rawValue }
    @inline(__always)
    var isSend: Bool { rawValue >> 62 == Kind.send.rawValue }
    @inline(__always)
    var slot: Int { Int(UInt32(truncatingIfNeeded: rawValue)) }
    @inline(__always)
    var generation: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) & Self.generations }

    /// Generations before they come round. Tickets live for a round of the worker, a generation for a call.
    static let generations: UInt32 = 0x3FFF_FFFF
}

/// The sockets of one back end, found by slot (for each packet) and by descriptor (when one is sent from, or removed).
struct SocketSlots: ~Copyable {
    struct Entry {
        var token: UInt64
        var generation: UInt32
        /// -1: the slot is free.
        var descriptor: Int32
        /// Datagrams that were too long.
        var truncated: UInt32
        var isIPv6: Bool
        /// A request to receive is in the kernel, or on its way there (io_uring only).
        var isArmed: Bool
        /// The slot holds the socket as a registered file (io_uring only).
        var isFixed: Bool
        var isDraining: Bool
    }

    let capacity: Int
    /// Memory that is not touched before the slot is used.
    private let entries: UnsafeMutablePointer<Entry>
    private var begun = 0
    private var free: [Int] = []
    /// By descriptor: the slot, or -1.
    private var slots: UnsafeMutablePointer<Int32>
    private var slotsCapacity: Int
    private(set) var count = 0

    init(capacity: Int) {
        self.capacity = max(1, capacity)
        entries = .allocate(capacity: self.capacity)
        slotsCapacity = 256
        slots = .allocate(capacity: slotsCapacity)
        slots.initialize(repeating: -1, count: slotsCapacity)
    }

    deinit {
        entries.deallocate()
        slots.deallocate()
    }

    /// The entry of a ticket, unless the slot has gone on to another socket since.
    @inline(__always)
    func entry(_ ticket: SlotTicket) -> UnsafeMutablePointer<Entry>? {
        let slot = ticket.slot
        guard slot < begun else { return nil }
        let entry = entries + slot
        return entry.pointee.generation == ticket.generation && entry.pointee.descriptor >= 0 ? entry : nil
    }

    /// Where the entry of a slot lies, for the cache only.
    @inline(__always)
    func address(of slot: Int) -> UnsafeRawPointer { UnsafeRawPointer(entries + (slot < begun ? slot : 0)) }

    @inline(__always)
    func slot(of descriptor: Int32) -> Int? {
        guard descriptor >= 0, Int(descriptor) < slotsCapacity else { return nil }
        let slot = slots[Int(descriptor)]
        return slot < 0 ? nil : Int(slot)
    }

    /// The slot must be one that ``slot(of:)`` or ``insert(_:token:isIPv6:)`` returned.
    @inline(__always)
    subscript(slot: Int) -> UnsafeMutablePointer<Entry> { entries + slot }

    /// Datagrams of a socket that were too long; 0 for one that has no slot.
    func truncated(_ descriptor: Int32) -> UInt64 {
        slot(of: descriptor).map { UInt64(entries[$0].truncated) } ?? 0
    }

    /// Nil when every slot is in use, or the socket has one already.
    mutating func insert(_ descriptor: Int32, token: UInt64, isIPv6: Bool) -> Int? {
        guard descriptor >= 0, slot(of: descriptor) == nil else { return nil }
        let slot: Int
        if let reused = free.popLast() {
            slot = reused
        } else if begun < capacity {
            slot = begun
            begun += 1
            (entries + slot).initialize(
                to: Entry(
                    token: 0, generation: 0, descriptor: -1, truncated: 0, isIPv6: false, isArmed: false,
                    isFixed: false,
                    isDraining: false))
        } else {
            return nil
        }
        entries[slot] = Entry(
            token: token, generation: entries[slot].generation, descriptor: descriptor, truncated: 0,
            isIPv6: isIPv6, isArmed: false, isFixed: false, isDraining: false)
        grow(toHold: Int(descriptor))
        slots[Int(descriptor)] = Int32(truncatingIfNeeded: slot)
        count += 1
        return slot
    }

    /// Every ticket for the slot is void from now on.
    mutating func remove(_ slot: Int) {
        let entry = entries + slot
        guard slot < begun, entry.pointee.descriptor >= 0 else { return }
        slots[Int(entry.pointee.descriptor)] = -1
        entry.pointee.descriptor = -1
        entry.pointee.generation = (entry.pointee.generation &+ 1) & SlotTicket.generations
        free.append(slot)
        count -= 1
    }

    /// Calls `body` with every slot in use.
    func forEach(_ body: (Int) -> Void) {
        for slot in 0..<begun where entries[slot].descriptor >= 0 { body(slot) }
    }

    private mutating func grow(toHold descriptor: Int) {
        guard descriptor >= slotsCapacity else { return }
        let larger = max(slotsCapacity * 2, descriptor + 1)
        let moved = UnsafeMutablePointer<Int32>.allocate(capacity: larger)
        moved.update(from: slots, count: slotsCapacity)
        (moved + slotsCapacity).initialize(repeating: -1, count: larger - slotsCapacity)
        slots.deallocate()
        slots = moved
        slotsCapacity = larger
    }
}
