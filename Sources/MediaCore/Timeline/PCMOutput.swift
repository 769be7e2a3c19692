/// Decoded audio that waits to be drained: 16-bit samples of the line's rate, mono, contiguous.
///
/// Has no memory until the first sample, grows while samples wait, and gives back what a burst took. A pointer and not
/// an array: a packet checks one stored capacity, and no uniqueness.
@safe struct PCMOutput: ~Copyable {
    private var storage: UnsafeMutablePointer<Int16>?
    private(set) var count = 0
    private var capacity = 0
    /// Silence before the first sample of the storage: what a leg begins with, and what it holds while nobody speaks,
    /// takes no memory.
    private(set) var leadingSilence = 0
    /// Samples at the start of the storage that were handed out by the last drain and not overwritten since are still
    /// good as what was heard before.
    private var drained = 0
    /// Drains since the last one that needed more than usual; counts up to the one that gives back.
    private var calmDrains: UInt8 = 0
    /// About a second.
    private static let calmDrainsToGiveBack: UInt8 = 4
    /// What a leg needs between two drains.
    private let usualCapacity: Int
    /// What ``history(_:_:)`` is asked for, 780 at most.
    private let historyLength: Int
    // Kept here so that no lazily made global is touched for each packet.
    private let muLaw = unsafe G711Tables.muLaw
    private let aLaw = unsafe G711Tables.aLaw

    init(usualCapacity: Int, historyLength: Int) {
        self.usualCapacity = max(160, usualCapacity)
        self.historyLength = min(780, historyLength)
    }

    deinit { if let storage = unsafe storage { unsafe storage.deallocate() } }

    private var samples: Span<Int16> {
        @_lifetime(borrow self)
        get {
            let span = unsafe Span<Int16>(_unsafeElements: UnsafeBufferPointer(start: storage, count: count))
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// Hands out everything, oldest first, and forgets it but for ``history(_:_:)``. Spans are valid inside `body` only.
    mutating func drain(_ body: (Span<Int16>) -> Void) {
        while leadingSilence > 0 {
            let length = min(leadingSilence, Self.silenceLength)
            body(unsafe Span<Int16>(_unsafeStart: Self.silence, count: length))
            leadingSilence -= length
        }
        guard count > 0 else { return }
        body(samples)
        removeAll()
    }

    /// Hands out everything but the newest `kept` samples (or a little more), oldest first.
    mutating func drain(keeping kept: Int, _ body: (Span<Int16>) -> Void) {
        // What is kept is the history, too.
        var due = leadingSilence + count - max(kept, historyLength)
        while leadingSilence > 0, due > 0 {
            let length = min(leadingSilence, due, Self.silenceLength)
            body(unsafe Span<Int16>(_unsafeStart: Self.silence, count: length))
            leadingSilence -= length
            due -= length
        }
        guard due > 0 else { return }
        body(samples.extracting(first: due))
        removeFirst(due)
    }

    private mutating func removeFirst(_ length: Int) {
        guard let storage = unsafe storage, length <= count else { return }
        if capacity > 2 * usualCapacity, count <= usualCapacity {
            let smaller = UnsafeMutablePointer<Int16>.allocate(capacity: usualCapacity)
            unsafe smaller.update(from: storage + length, count: count - length)
            unsafe storage.deallocate()
            unsafe self.storage = smaller
            capacity = usualCapacity
        } else {
            unsafe storage.update(from: storage + length, count: count - length)
        }
        count -= length
        drained = 0
    }

    private static let silenceLength = 2_048
    nonisolated(unsafe) private static let silence: UnsafePointer<Int16> = {
        let zeros = UnsafeMutablePointer<Int16>.allocate(capacity: silenceLength)
        unsafe zeros.initialize(repeating: 0, count: silenceLength)
        return unsafe UnsafePointer(zeros)
    }()

    mutating func upcomingSamples() -> UnsafeRawPointer? { unsafe storage.map { unsafe UnsafeRawPointer($0 + count) } }

    private mutating func removeAll() {
        if count >= historyLength || drained <= count {
            drained = count
        } else {
            keepHistory()
        }
        count = 0
        if capacity > usualCapacity + usualCapacity / 8, calmDrains < Self.calmDrainsToGiveBack { giveBack() }
    }

    /// What the leg's beginning took, which waits in the jitter buffer and comes out at once, is given back when it has
    /// been over for some drains. What later bursts take is kept: bursts that follow one another allocate nothing.
    @inline(never)
    private mutating func giveBack() {
        guard drained <= usualCapacity else { return calmDrains = 0 }
        calmDrains += 1
        guard calmDrains == Self.calmDrainsToGiveBack, let storage = unsafe storage else { return }
        let smaller = UnsafeMutablePointer<Int16>.allocate(capacity: usualCapacity)
        unsafe smaller.update(from: storage, count: drained)
        unsafe storage.deallocate()
        unsafe self.storage = smaller
        capacity = usualCapacity
    }

    /// So little was drained that what lies behind it, from the drain before, is history too: oldest first again.
    @inline(never)
    private mutating func keepHistory() {
        let older = min(historyLength - count, drained - count)
        guard let storage = unsafe storage, older + count <= capacity else { return drained = count }
        var newest = InlineArray<780, Int16>(repeating: 0)
        for index in 0..<count { newest[index] = unsafe storage[index] }
        unsafe storage.update(from: storage + (drained - older), count: older)
        for index in 0..<count { unsafe storage[older + index] = newest[index] }
        drained = older + count
    }

    mutating func appendSilence(_ length: Int) {
        guard length > 0 else { return }
        if count == 0 {
            leadingSilence += length
            drained = 0
            return
        }
        guard let start = unsafe room(for: length) else { return }
        unsafe start.update(repeating: 0, count: length)
        count += length
    }

    /// Decodes G.711 `payload` from octet `skip` on, one sample an octet.
    @inline(__always)
    mutating func appendG711(_ payload: borrowing RawSpan, skipping skip: Int, aLaw useALaw: Bool) {
        let length = payload.byteCount - skip
        guard skip >= 0, length > 0, let out = unsafe room(for: length) else { return }
        let table = unsafe useALaw ? aLaw : muLaw
        // `skip` and `length` lie within the payload, room for `length` samples was made, and an octet indexes a table
        // of 256 entries: nothing is left to check in the loop.
        unsafe payload.withUnsafeBytes { octets in
            guard let start = octets.baseAddress else { return }
            let octets = unsafe (start + skip).assumingMemoryBound(to: UInt8.self)
            for index in 0..<length { unsafe out[index] = table[Int(octets[index])] }
        }
        count += length
    }

    /// Makes room for `length` samples, lets `write` fill it, and keeps what it says it wrote, without the first `skip`.
    mutating func append(
        _ length: Int, skipping skip: Int = 0, _ write: (inout MutableSpan<Int16>) -> Int
    ) {
        guard length > 0, let start = unsafe room(for: length) else { return }
        var span = unsafe MutableSpan<Int16>(_unsafeStart: start, count: length)
        let written = min(length, max(0, write(&span)))
        // What the decoder did not make is silence; the line goes on by `length` in any case.
        if written < length { unsafe (start + written).update(repeating: 0, count: length - written) }
        let skip = min(max(0, skip), length)
        if skip > 0 { unsafe start.update(from: start + skip, count: length - skip) }
        count += length - skip
    }

    /// Silences the samples from `start` to `end`, counted from the end of the output backwards; what has been drained
    /// is out of reach. Returns how many of them were no silence yet.
    mutating func silence(fromEnd start: Int, toEnd end: Int) -> Int {
        let lower = max(0, count - start)
        let upper = min(count, count - end)
        guard upper > lower, let storage = unsafe storage else { return 0 }
        var audible = 0
        for index in lower..<upper where unsafe storage[index] != 0 {
            audible += 1
            unsafe storage[index] = 0
        }
        return audible
    }

    /// Lets `body` read up to `length` samples that were heard last, also across the last drain: first the part from
    /// before it, then the rest. Both are valid inside `body` only.
    func history(_ length: Int, _ body: (Span<Int16>, Span<Int16>) -> Void) {
        guard let storage = unsafe storage else { return }
        let fresh = min(length, count)
        // New samples overwrite the drained ones from the front.
        let older = min(length - fresh, max(0, drained - count))
        let before = unsafe Span<Int16>(_unsafeStart: storage + (drained - older), count: count == fresh ? older : 0)
        let since = unsafe Span<Int16>(_unsafeStart: storage + (count - fresh), count: fresh)
        body(before, since)
    }

    /// True when the last `length` samples are quieter than −54 dBFS: the place where a correction is not heard.
    func isQuiet(last length: Int) -> Bool {
        guard length <= count, let storage = unsafe storage else { return false }
        for index in (count - length)..<count where unsafe storage[index].magnitude > 64 { return false }
        return true
    }

    mutating func repeatLast(_ times: Int) {
        guard count > 0, times > 0, let start = unsafe room(for: times) else { return }
        unsafe start.update(repeating: (start - 1).pointee, count: times)
        count += times
    }

    mutating func removeLast(_ length: Int) {
        let length = max(0, length)
        let stored = min(count, length)
        count -= stored
        leadingSilence -= min(leadingSilence, length - stored)
    }

    /// The place of the next sample, with room for `length`.
    @inline(__always)
    private mutating func room(for length: Int) -> UnsafeMutablePointer<Int16>? {
        if count + length > capacity { grow(by: length) }
        return unsafe storage.map { unsafe $0 + count }
    }

    /// By little, so that what waits for a slow drain takes hardly more than it needs; it grows once a call and is kept.
    @inline(never)
    private mutating func grow(by length: Int) {
        let step = max(1, usualCapacity / 2)
        let needed = (count + length + step - 1) / step * step
        let wanted = max(capacity + capacity / 8, usualCapacity, needed)
        let larger = UnsafeMutablePointer<Int16>.allocate(capacity: wanted)
        if let storage = unsafe storage {
            unsafe larger.update(from: storage, count: max(count, drained))
            unsafe storage.deallocate()
        }
        unsafe storage = larger
        capacity = wanted
    }
}
