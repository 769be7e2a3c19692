import Glibc

/// The entries of one index file, one after another, each judged for itself: behind a damaged one come others that tell
/// of their fragments.
///
/// Owned by one reader; holds 56 kB of the file, whatever its size.
struct IndexCursor {
    /// Whether the head is right; without it nothing is read.
    let isUsable: Bool
    /// The length of the session file's header, as the head says.
    let headerLength: Int64
    /// The checksum of that header; 0 where nobody has computed it.
    let headerChecksum: UInt32
    /// Whole entries in the file, right or not.
    let count: Int
    /// Bytes behind the last whole entry.
    let rest: Int
    /// Entries that were passed over since they are damaged.
    private(set) var damaged = 0

    private let source: SessionBytes
    private var index = 0
    private var buffer: [UInt8] = []
    private var bufferStart = 0

    /// Opens an index file; `nil` when there is none or it is empty, which is what a crash leaves of a new one.
    init?(path: String) throws(FileError) {
        do throws(FileError) {
            source = try SessionBytes(path: path)
        } catch {
            if error.code == Int32(FileCode.missing) { return nil }
            throw error
        }
        let length = source.length
        guard length > 0 else { return nil }
        let head = try source.bytes(0..<Int64(IndexFile.headLength))
        let parsed = IndexFile.parseHead(head)
        isUsable = parsed != nil
        headerLength = parsed?.headerLength ?? 0
        headerChecksum = parsed?.headerChecksum ?? 0
        let entries = max(0, Int(length) - IndexFile.headLength)
        count = parsed == nil ? 0 : entries / IndexFile.entryLength
        rest = parsed == nil ? 0 : entries % IndexFile.entryLength
    }

    /// The next right entry, none behind the last.
    mutating func next() throws(FileError) -> IndexEntry? {
        while index < count {
            let found = try entry(index)
            index += 1
            if let found { return found }
            damaged += 1
        }
        return nil
    }

    /// The entry at a place; `nil` when it is damaged.
    mutating func entry(_ place: Int) throws(FileError) -> IndexEntry? {
        guard place >= 0, place < count else { return nil }
        if place < bufferStart || (place - bufferStart + 1) * IndexFile.entryLength > buffer.count {
            let start = Int64(IndexFile.headLength) + Int64(place) * Int64(IndexFile.entryLength)
            bufferStart = place
            buffer = try source.bytes(start..<start + Int64(1000 * IndexFile.entryLength))
        }
        let at = (place - bufferStart) * IndexFile.entryLength
        guard buffer.count - at >= IndexFile.entryLength else { return nil }
        return IndexFile.entry(buffer, at: at, index: place)
    }
}
