/// The index entries of one session that are not in its index file yet, 24 bytes each: thousands of legs keep a minute of
/// them.
///
/// They follow one another without a gap, so offsets and counters need not be kept.
struct WaitingEntries: Sendable {
    private struct Item {
        /// Milliseconds after the first entry's.
        var serverTime: UInt32
        var producerTime: Int32
        var random: UInt32
        var length: UInt32
        var checksum: UInt32
        var tagsLength: UInt16
        var duration: UInt16
    }

    private var items: [Item] = []
    /// Where the first item lies, and its counter.
    private var offset: Int64 = 0
    private var counter: UInt64 = 0
    private var end: Int64 = 0
    private var serverBase: UInt64 = 0
    private var producerBase: Int64 = 0

    var count: Int { items.count }
    /// The end of the last entry; `nil` without entries.
    var lastEnd: Int64? { items.isEmpty ? nil : end }
    /// The place of the first entry; `nil` without entries.
    var firstOffset: Int64? { items.isEmpty ? nil : offset }

    /// Adds an entry. False when it does not follow the last one, or has a number that finds no room.
    mutating func append(_ entry: IndexEntry) -> Bool {
        let isFirst = items.isEmpty
        if isFirst {
            if items.capacity == 0 { items.reserveCapacity(LiveSession.batch + 2) }
            offset = entry.place.offset
            counter = entry.number.counter
            serverBase = entry.number.epochMilliseconds
            producerBase = entry.producerMilliseconds
        }
        let (server, isEarlier) = entry.number.epochMilliseconds.subtractingReportingOverflow(serverBase)
        let (producer, isTooFar) = entry.producerMilliseconds.subtractingReportingOverflow(producerBase)
        guard !isEarlier, !isTooFar, let serverTime = UInt32(exactly: server),
            let producerTime = Int32(exactly: producer), let tagsLength = UInt16(exactly: entry.place.tagsLength),
            let duration = UInt16(exactly: entry.durationMilliseconds),
            isFirst || entry.place.offset == end && entry.number.counter == counter + UInt64(items.count)
        else { return false }
        items.append(
            Item(
                serverTime: serverTime, producerTime: producerTime, random: entry.number.random,
                length: entry.place.length, checksum: entry.checksum, tagsLength: tagsLength, duration: duration))
        end = entry.place.end
        return true
    }

    /// All of them.
    var entries: [IndexEntry] {
        var at = offset
        return items.enumerated().map { index, item in
            defer { at += Int64(item.length) }
            return IndexEntry(
                number: FragmentNumber(
                    counter: counter + UInt64(index), epochMilliseconds: serverBase + UInt64(item.serverTime),
                    random: item.random),
                producerMilliseconds: producerBase + Int64(item.producerTime),
                durationMilliseconds: UInt32(item.duration),
                place: FragmentPlace(offset: at, tagsLength: UInt32(item.tagsLength), length: item.length),
                checksum: item.checksum)
        }
    }

    /// Drops entries from the front.
    mutating func removeFirst(_ count: Int) {
        let count = min(count, items.count)
        offset += items[..<count].reduce(0) { $0 + Int64($1.length) }
        counter += UInt64(count)
        items.removeFirst(count)
    }

    /// Drops all and gives the room back.
    mutating func removeAll() { items = [] }
}
