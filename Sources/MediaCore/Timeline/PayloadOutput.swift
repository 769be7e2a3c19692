/// Payloads that wait to be drained, in order of their place, untouched. Bounded in packets and in octets; its memory
/// is kept for the next ones up to a usual amount.
struct PayloadOutput: ~Copyable {
    private struct Entry {
        var position: Int64
        var length: Int64
        var payloadType: UInt8
        var isRedacted = false
        var start: Int
        var count: Int
    }

    private var entries: [Entry] = []
    private var octets: [UInt8] = []
    private let maximumPackets: Int
    private let maximumOctets: Int
    private static let usualOctets = 4_096

    init(maximumPackets: Int, maximumOctets: Int) {
        self.maximumPackets = maximumPackets
        self.maximumOctets = maximumOctets
        entries.reserveCapacity(min(16, maximumPackets))
        octets.reserveCapacity(min(2_048, maximumOctets))
    }

    var count: Int { entries.count }

    /// False when there is no room.
    mutating func append(_ payload: borrowing RawSpan, payloadType: UInt8, at position: Int64, length: Int64) -> Bool {
        guard entries.count < maximumPackets, octets.count + payload.byteCount <= maximumOctets else { return false }
        let start = octets.count
        unsafe payload.withUnsafeBytes { unsafe octets.append(contentsOf: $0) }
        entries.append(
            Entry(position: position, length: length, payloadType: payloadType, start: start, count: payload.byteCount))
        return true
    }

    /// What lies in `range` and has not been handed out is not handed out any more.
    mutating func redact(_ range: Range<Int64>) {
        for index in entries.indices.reversed() {
            let end = entries[index].position + entries[index].length
            if end <= range.lowerBound { return }
            if entries[index].position < range.upperBound { entries[index].isRedacted = true }
        }
    }

    /// Hands out, and forgets, the first ones that end at or before `end`.
    mutating func drain(upTo end: Int64, _ body: (Int64, Int64, UInt8, RawSpan) -> Void) {
        var due = 0
        while due < entries.count, entries[due].position + entries[due].length <= end { due += 1 }
        guard due < entries.count else { return drain(body) }
        guard due > 0 else { return }
        handOut(due, body)
        let start = entries[due].start
        entries.removeFirst(due)
        octets.removeFirst(start)
        for index in entries.indices { entries[index].start -= start }
    }

    mutating func drain(_ body: (Int64, Int64, UInt8, RawSpan) -> Void) {
        guard !entries.isEmpty else { return }
        handOut(entries.count, body)
        entries.removeAll(keepingCapacity: true)
        octets.removeAll(keepingCapacity: octets.capacity <= 2 * Self.usualOctets)
    }

    private func handOut(_ count: Int, _ body: (Int64, Int64, UInt8, RawSpan) -> Void) {
        let bytes = unsafe octets.span.bytes
        for entry in entries.prefix(count) where !entry.isRedacted {
            body(
                entry.position, entry.length, entry.payloadType,
                bytes.extracting(entry.start..<(entry.start + entry.count)))
        }
    }
}
