import Glibc

/// Writes index files. All of it may fail without harm: what is missing is found in the session's file.
enum IndexWriter {
    /// Adds what a session's writer has gathered to the index file.
    static func write(_ session: LiveSession, operations: FileOperations) {
        guard let batch = session.nextBatch else { return }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(IndexFile.headLength + batch.entries.count * IndexFile.entryLength)
        if batch.first == 0 {
            bytes += IndexFile.head(headerLength: batch.headerLength, headerChecksum: batch.headerChecksum)
        }
        for (index, entry) in batch.entries.enumerated() {
            IndexFile.append(entry, index: batch.first + index, to: &bytes)
        }
        let offset = batch.first == 0 ? 0 : IndexFile.headLength + batch.first * IndexFile.entryLength
        let opened = operations.open(
            IndexFile.path(of: session.path), O_WRONLY | (batch.first == 0 ? O_CREAT | O_TRUNC : 0), 0o600)
        guard opened >= 0 else { return }
        let (_, code) = operations.writeAll(bytes, to: Int32(opened), at: Int64(offset))
        let closed = operations.close(Int32(opened))
        // Without this note the next batch begins at the same place and has these entries again.
        if code == 0, closed >= 0 { session.wrote(batch) }
    }

    /// Writes the index of a finished session anew.
    static func replace(_ index: SessionIndex, of path: String, operations: FileOperations) {
        var bytes = IndexFile.head(
            headerLength: index.header.length, headerChecksum: CRC32C.checksum(index.header.bytes))
        bytes.reserveCapacity(bytes.count + index.entries.count * IndexFile.entryLength)
        for (place, entry) in index.entries.enumerated() { IndexFile.append(entry, index: place, to: &bytes) }
        try? operations.replaceFile(at: IndexFile.path(of: path), with: bytes)
    }
}
