/// A quick look at a session's file.
enum SessionFileState {
    /// Whether the file was not closed: its Segment has no size, or is not as long as that says.
    static func isOpen(_ path: String) -> Bool {
        guard let source = try? SessionBytes(path: path) else { return FileContents.status(path) != nil }
        var bytes = [UInt8](repeating: 0, count: 8)
        do throws(FileError) {
            let count = try source.read(at: Int64(FragmentMuxer.segmentSizeOffset), into: &bytes)
            guard count == 8, bytes[0] == 1 else { return true }
        } catch {
            // Without its key the end of an encrypted file can be seen, and nothing else.
            return !source.looksClosed
        }
        let value = bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } & 0x00FF_FFFF_FFFF_FFFF
        return Int64(MatroskaHeader.segmentDataOffset) + Int64(value) != source.length
    }
}
