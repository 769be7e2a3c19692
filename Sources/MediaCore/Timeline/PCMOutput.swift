/// Decoded audio that waits to be drained: 16-bit samples, 8 kHz, mono, contiguous. Grows only during warm-up.
@safe struct PCMOutput: ~Copyable {
    private var storage: [Int16]
    private(set) var count = 0
    // Kept here so that no lazily made global is touched and nothing is reference counted for each packet.
    private let muLaw = unsafe G711Tables.muLaw
    private let aLaw = unsafe G711Tables.aLaw

    init(capacity: Int) { storage = Array(repeating: 0, count: capacity) }

    var samples: Span<Int16> {
        @_lifetime(borrow self)
        get { storage.span.extracting(first: count) }
    }

    mutating func removeAll() { count = 0 }

    mutating func appendSilence(_ length: Int) {
        reserve(length)
        for index in count..<(count + length) { storage[index] = 0 }
        count += length
    }

    /// Decodes G.711 `payload` from octet `skip` on; nothing for kinds that carry no audio.
    mutating func append(_ kind: PayloadKind, _ payload: borrowing RawSpan, skipping skip: Int) {
        switch kind {
        case .muLaw: decode(payload, skip, aLaw: false)
        case .aLaw: decode(payload, skip, aLaw: true)
        case .telephoneEvent, .comfortNoise, .unknown: break
        }
    }

    private mutating func decode(_ payload: borrowing RawSpan, _ skip: Int, aLaw useALaw: Bool) {
        let length = payload.byteCount - skip
        guard skip >= 0, length > 0 else { return }
        reserve(length)
        let table = unsafe useALaw ? aLaw : muLaw
        let start = count
        var out = storage.mutableSpan
        for index in 0..<length {
            // An octet indexes a table of 256 entries.
            out[start + index] = unsafe table[Int(payload.octet(at: skip + index))]
        }
        count += length
    }

    /// True when the last `length` samples are quieter than −54 dBFS: the place where a correction is not heard.
    func isQuiet(last length: Int) -> Bool {
        guard length <= count else { return false }
        for index in (count - length)..<count where storage[index].magnitude > 64 { return false }
        return true
    }

    mutating func repeatLast(_ times: Int) {
        guard count > 0, times > 0 else { return }
        let last = storage[count - 1]
        reserve(times)
        for index in count..<(count + times) { storage[index] = last }
        count += times
    }

    mutating func removeLast(_ length: Int) { count -= min(count, max(0, length)) }

    private mutating func reserve(_ length: Int) {
        while storage.count < count + length {
            storage.append(contentsOf: repeatElement(0, count: max(storage.count, 160)))
        }
    }
}
