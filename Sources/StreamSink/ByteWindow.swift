/// A piece of a session's file in memory, moved along by one reader.
struct ByteWindow {
    /// An element's head and where it lies in the file.
    struct Head: Equatable {
        var id: UInt32
        var start: Int64
        var body: Int64
        /// `nil` when it has no size.
        var end: Int64?
    }

    /// Read at a time; what asks for more gets more.
    private static let step = 64 << 10

    let source: SessionBytes
    private var content: [UInt8] = []
    private var start: Int64 = 0
    /// Whether what was changed in an encrypted file is read as zeros, to look for what lies behind it.
    private var isSearching = false
    /// The end of what is whole: no byte from there on is kept, since its writer may take it back.
    var limit: Int64 = 0

    init(_ source: SessionBytes) { self.source = source }

    /// The bytes of a range that lies within what is whole; `nil` when the file ends before.
    mutating func bytes(_ range: Range<Int64>) throws(WalkError) -> ArraySlice<UInt8>? {
        guard try load(range) else { return nil }
        let first = Int(range.lowerBound - start)
        return content[first..<first + range.count]
    }

    /// The same when they are in memory by chance.
    func held(_ range: Range<Int64>) -> ArraySlice<UInt8>? {
        guard range.lowerBound >= start, range.upperBound <= start + Int64(content.count) else { return nil }
        let first = Int(range.lowerBound - start)
        return content[first..<first + range.count]
    }

    /// Forgets everything from a place on: it will be read again.
    mutating func forget(from offset: Int64) {
        let kept = Int(max(0, min(offset - start, Int64(content.count))))
        if kept < content.count { content.removeLast(content.count - kept) }
    }

    /// The head of the element at a place; `nil` when it does not lie before the limit.
    mutating func element(at offset: Int64) throws(WalkError) -> Head? {
        // Four bytes of identifier and eight of size at most.
        let end = min(limit, offset + 12)
        guard end > offset, try load(offset..<end) else { return nil }
        let at = Int(offset - start)
        do throws(MatroskaError) {
            guard let head = try ElementHead(content, at: at, limit: at + Int(end - offset), offset: start) else {
                return nil
            }
            let body = start + Int64(head.bodyStart)
            return Head(
                id: head.id, start: offset, body: body,
                end: head.size.map { $0 > Int64.max - body ? Int64.max : body + $0 })
        } catch {
            throw .damaged(error)
        }
    }

    /// The first place from `offset` on at which the pattern begins.
    mutating func find(_ pattern: [UInt8], from offset: Int64) throws(WalkError) -> Int64? {
        var from = offset
        isSearching = true
        defer {
            isSearching = false
            content = []
        }
        while limit - from >= Int64(pattern.count) {
            let end = min(limit, from + Int64(Self.step))
            guard let bytes = try bytes(from..<end), let first = pattern.first else { return nil }
            var at = bytes.startIndex
            while let found = bytes[at...].firstIndex(of: first), bytes.endIndex - found >= pattern.count {
                if bytes[found...].starts(with: pattern) { return from + Int64(found - bytes.startIndex) }
                at = found + 1
            }
            from = end - Int64(pattern.count - 1)
            if end == limit { return nil }
        }
        return nil
    }

    private mutating func load(_ range: Range<Int64>) throws(WalkError) -> Bool {
        guard range.lowerBound >= 0, range.upperBound <= limit,
            range.upperBound - range.lowerBound <= FragmentWalker.maximumFragment
        else { return false }
        if range.lowerBound >= start, range.upperBound <= start + Int64(content.count) { return true }
        let wanted = Int(min(max(Int64(range.count), Int64(Self.step)), limit - range.lowerBound))
        if content.count > wanted {
            content.removeLast(content.count - wanted)
        } else if content.count < wanted {
            content.append(contentsOf: repeatElement(0, count: wanted - content.count))
        }
        start = range.lowerBound
        do throws(FileError) {
            let count =
                try isSearching
                ? source.readPastDamage(at: start, into: &content) : source.readWhole(at: start, into: &content)
            if count < content.count { content.removeLast(content.count - count) }
        } catch {
            content = []
            throw .file(error)
        }
        if content.count >= range.count { return true }
        // Waiting would not help: the bytes are there, and not those that were written.
        if source.isSealed, start + Int64(content.count) < source.length {
            throw .damaged(.noElement(offset: start + Int64(content.count)))
        }
        return false
    }
}
