/// Payloads on their way into the file: each behind a head that tells its place, one after the other.
struct PayloadRecords {
    /// Place (8 bytes), length on the line (4) and size (4), in the machine's order: they never leave the process.
    static let headLength = 16

    private(set) var bytes: [UInt8] = []
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }
    var capacityBytes: Int { bytes.capacity }

    mutating func append(_ payload: RawSpan, at position: Int64, length: UInt32) {
        withUnsafeBytes(of: position) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: length) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: UInt32(payload.byteCount)) { bytes.append(contentsOf: $0) }
        payload.withUnsafeBytes { bytes.append(contentsOf: $0) }
        count += 1
    }

    mutating func append(_ others: PayloadRecords) {
        bytes.append(contentsOf: others.bytes)
        count += others.count
    }

    /// Removes everything; room beyond `capacity` is given back.
    mutating func removeAll(keeping capacity: Int) {
        if bytes.capacity > capacity { bytes = [] } else { bytes.removeAll(keepingCapacity: true) }
        count = 0
    }

    /// The record at a byte offset, and where the next one is; nil at the end.
    func record(at offset: Int) -> (position: Int64, length: UInt32, payload: Range<Int>)? {
        guard offset + Self.headLength <= bytes.count else { return nil }
        return bytes.withUnsafeBytes { all in
            let position = all.loadUnaligned(fromByteOffset: offset, as: Int64.self)
            let length = all.loadUnaligned(fromByteOffset: offset + 8, as: UInt32.self)
            let size = Int(all.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
            let start = offset + Self.headLength
            guard start + size <= all.count else { return nil }
            return (position, length, start..<start + size)
        }
    }

    /// Removes the first records; when all are gone, room beyond `capacity` too.
    mutating func removeFirst(_ records: Int, keeping capacity: Int) {
        guard records < count else { return removeAll(keeping: capacity) }
        var offset = 0
        for _ in 0..<records { offset = record(at: offset)?.payload.upperBound ?? offset }
        bytes.removeSubrange(..<offset)
        count -= records
    }

    /// The sum of the lengths.
    var length: Int64 {
        var sum: Int64 = 0
        var offset = 0
        while let record = record(at: offset) {
            sum += Int64(record.length)
            offset = record.payload.upperBound
        }
        return sum
    }
}

/// A session's payloads between the media worker and the writer: bounded. Each knows its place, so one that finds no
/// room leaves a gap and nothing moves.
struct PendingPayloads {
    /// Room that is kept in normal running: 200 ms of G.711 twice over.
    static let keptCapacity = 4096
    /// The largest payload: that of a UDP datagram.
    static let largestPayload = 65_535

    var records = PayloadRecords()
    /// Bytes that the writer has taken and not yet written; they count against the limit.
    var held = 0
    var isClosed = false
    var isQueued = false
    private let limit: Int

    /// - Parameter limit: the most bytes kept here and by the writer together.
    init(limit: Int) {
        self.limit = limit
    }

    /// Whether it was taken.
    mutating func append(_ payload: RawSpan, at position: Int64, length: UInt32) -> Bool {
        let size = payload.byteCount + PayloadRecords.headLength
        guard payload.byteCount <= Self.largestPayload, held + records.bytes.count + size <= limit else { return false }
        records.append(payload, at: position, length: length)
        return true
    }
}
