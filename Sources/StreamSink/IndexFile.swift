/// The form of a session's index on the disk: `<session>.idx` beside `<session>.mkv`, a head and an entry a fragment.
///
/// All numbers are big-endian. Each entry has a checksum that also depends on its place, so that a piece of an older
/// index is no entry of this one. What is read here is only a hint: where the file says something else, the file counts.
enum IndexFile {
    static let magic = Array("EARSHOT\u{1}".utf8)
    /// Magic, length of the session file's header (8), its checksum (4; 0 where nobody has computed it), checksum of the
    /// head (4).
    static let headLength = 24
    /// Counter, server time, producer time, offset (8 each), random, tags, length, duration, checksum of the fragment,
    /// checksum of the entry (4 each).
    static let entryLength = 56

    /// The index file of a session's file.
    static func path(of session: String) -> String {
        (session.hasSuffix(".mkv") ? String(session.dropLast(4)) : session) + ".idx"
    }

    /// - Parameter headerChecksum: of the session file's header as it is while the file is open.
    static func head(headerLength: Int64, headerChecksum: UInt32 = 0) -> [UInt8] {
        var bytes = magic
        bytes.appendBigEndian(UInt64(bitPattern: headerLength), count: 8)
        bytes.appendBigEndian(UInt64(headerChecksum), count: 4)
        bytes.appendBigEndian(UInt64(CRC32C.checksum(bytes)), count: 4)
        return bytes
    }

    /// - Parameter index: the entry's place, from 0.
    static func append(_ entry: IndexEntry, index: Int, to bytes: inout [UInt8]) {
        let start = bytes.count
        bytes.appendBigEndian(entry.number.counter, count: 8)
        bytes.appendBigEndian(entry.number.epochMilliseconds, count: 8)
        bytes.appendBigEndian(UInt64(bitPattern: entry.producerMilliseconds), count: 8)
        bytes.appendBigEndian(UInt64(bitPattern: entry.place.offset), count: 8)
        bytes.appendBigEndian(UInt64(entry.number.random), count: 4)
        bytes.appendBigEndian(UInt64(entry.place.tagsLength), count: 4)
        bytes.appendBigEndian(UInt64(entry.place.length), count: 4)
        bytes.appendBigEndian(UInt64(entry.durationMilliseconds), count: 4)
        bytes.appendBigEndian(UInt64(entry.checksum), count: 4)
        bytes.appendBigEndian(UInt64(checksum(bytes[start...], index: index)), count: 4)
    }

    /// What the head says; `nil` when it is none.
    static func parseHead(_ bytes: [UInt8]) -> (headerLength: Int64, headerChecksum: UInt32)? {
        guard bytes.count >= headLength, bytes.starts(with: magic) else { return nil }
        guard UInt32(truncatingIfNeeded: number(bytes, 20, 4)) == CRC32C.checksum(bytes[..<20]) else { return nil }
        let headerLength = Int64(bitPattern: number(bytes, 8, 8))
        return headerLength > 0 ? (headerLength, UInt32(truncatingIfNeeded: number(bytes, 16, 4))) : nil
    }

    /// The entries up to the first that is not right. Of them each begins where the one before ends, or behind what recovery
    /// has passed over there, and their numbers grow.
    static func parse(_ bytes: [UInt8], fileLength: Int64) -> (headerLength: Int64, entries: [IndexEntry])? {
        guard let headerLength = parseHead(bytes)?.headerLength, headerLength <= fileLength else { return nil }
        var entries: [IndexEntry] = []
        entries.reserveCapacity((bytes.count - headLength) / entryLength)
        var end = headerLength
        var at = headLength
        while bytes.count - at >= entryLength, let entry = entry(bytes, at: at, index: entries.count) {
            guard entry.place.offset >= end, entry.place.end <= fileLength else { break }
            if let last = entries.last, entry.number <= last.number { break }
            entries.append(entry)
            end = entry.place.end
            at += entryLength
        }
        return (headerLength, entries)
    }

    /// The entry that begins there, judged for itself; `nil` when its checksum or its places cannot be right.
    static func entry(_ bytes: [UInt8], at start: Int, index: Int) -> IndexEntry? {
        let body = bytes[start..<start + entryLength - 4]
        guard UInt32(truncatingIfNeeded: number(bytes, start + entryLength - 4, 4)) == checksum(body, index: index)
        else {
            return nil
        }
        let place = FragmentPlace(
            offset: Int64(bitPattern: number(bytes, start + 24, 8)),
            tagsLength: UInt32(truncatingIfNeeded: number(bytes, start + 36, 4)),
            length: UInt32(truncatingIfNeeded: number(bytes, start + 40, 4)))
        // No sum of these may overflow, whoever wrote the checksum.
        guard place.offset > 0, place.offset < 1 << 60, place.length > place.tagsLength,
            place.length - place.tagsLength >= UInt32(ClusterPlaces.headLength)
        else { return nil }
        return IndexEntry(
            number: FragmentNumber(
                counter: number(bytes, start, 8), epochMilliseconds: number(bytes, start + 8, 8),
                random: UInt32(truncatingIfNeeded: number(bytes, start + 32, 4))),
            producerMilliseconds: Int64(bitPattern: number(bytes, start + 16, 8)),
            durationMilliseconds: UInt32(truncatingIfNeeded: number(bytes, start + 44, 4)), place: place,
            checksum: UInt32(truncatingIfNeeded: number(bytes, start + 48, 4)))
    }

    private static func checksum(_ bytes: ArraySlice<UInt8>, index: Int) -> UInt32 {
        var seed: [UInt8] = []
        seed.reserveCapacity(8 + entryLength)
        seed.appendBigEndian(UInt64(index), count: 8)
        seed.append(contentsOf: bytes)
        return CRC32C.checksum(seed)
    }

    private static func number(_ bytes: [UInt8], _ at: Int, _ count: Int) -> UInt64 {
        bytes[at..<at + count].reduce(0) { $0 << 8 | UInt64($1) }
    }
}
