import CMediaSockets

/// The legs of one worker, each at an address that does not change while it lives, found by index without counting a
/// reference. Owned by the worker's thread.
struct LegSlots: ~Copyable {
    private var pointers: [UnsafeMutablePointer<MediaLeg>?] = []
    private var free: [Int] = []
    private var indices: [UInt64: Int] = [:]
    private var groups: [UInt64: [Int]] = [:]

    init() {}

    var isEmpty: Bool { indices.isEmpty }
    /// Slots, in use or not.
    var count: Int { pointers.count }
    /// A slot in use, the last one; nil when there is none.
    var last: Int? { pointers.lastIndex { $0 != nil } }

    subscript(index: Int) -> UnsafeMutablePointer<MediaLeg>? {
        index >= 0 && index < pointers.count ? pointers[index] : nil
    }

    /// Has what a packet touches of a leg brought into the cache.
    @inline(__always)
    func prefetch(_ index: Int) {
        guard let leg = self[index] else { return }
        media_prefetch_for_write(UnsafeRawPointer(leg), Self.touched)
    }
    /// Octets at the start of a leg that a packet in order touches.
    private static var touched: Int { 1_344 }

    func index(of id: UInt64) -> Int? { indices[id] }

    /// The slots of one call's legs.
    func members(of group: UInt64) -> [Int] { groups[group] ?? [] }

    mutating func insert(_ leg: consuming MediaLeg, id: UInt64, group: UInt64) -> Int {
        let pointer = UnsafeMutablePointer<MediaLeg>.allocate(capacity: 1)
        pointer.initialize(to: leg)
        let index: Int
        if let reused = free.popLast() {
            pointers[reused] = pointer
            index = reused
        } else {
            pointers.append(pointer)
            index = pointers.count - 1
        }
        indices[id] = index
        groups[group, default: []].append(index)
        return index
    }

    mutating func remove(at index: Int) {
        guard let pointer = self[index] else { return }
        indices[pointer.pointee.id] = nil
        let group = pointer.pointee.group
        groups[group]?.removeAll { $0 == index }
        if groups[group]?.isEmpty == true { groups[group] = nil }
        pointer.deinitialize(count: 1)
        pointer.deallocate()
        pointers[index] = nil
        free.append(index)
    }

    deinit {
        for case let pointer? in pointers {
            pointer.deinitialize(count: 1)
            pointer.deallocate()
        }
    }
}
