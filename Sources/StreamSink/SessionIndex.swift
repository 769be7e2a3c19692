/// The fragments of one session, in order.
struct SessionIndex: Sendable {
    var header: SessionHeader
    var entries: [IndexEntry]
    /// Places where the file could not be read.
    var damage: [MatroskaError] = []
    /// Whether the index file had all of it, so that nothing had to be looked for in the session's file.
    var isFromFile = false

    /// The place of the first fragment with a number above `number`.
    func firstIndex(after number: FragmentNumber) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].number > number { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// The fragment with that number.
    func entry(_ number: FragmentNumber) -> IndexEntry? {
        let index = firstIndex(after: number) - 1
        return index >= 0 && entries[index].number == number ? entries[index] : nil
    }
}

extension SessionIndex {
    /// Reads the index of a session: what the index file has that is right, then what the writer still holds, then what is
    /// found by reading the rest of the file. `nil` while the session has no whole fragment.
    ///
    /// - Parameters:
    ///   - live: the session, when it is being written.
    ///   - isFinal: whether the file will not grow any more; asked before this is called.
    ///   - trustsFile: false makes everything anew from the session's file.
    static func load(
        _ source: SessionBytes, live: LiveSession?, isFinal: Bool, trustsFile: Bool = true
    ) throws(WalkError) -> SessionIndex? {
        // Before the length: what is in the writer's hands then lies below it.
        let tail = live?.tail
        let limit = live?.committed ?? source.length
        guard let header = try SessionHeader(source, limit: limit) else { return nil }
        var index = SessionIndex(header: header, entries: [])
        if trustsFile, let bytes = try? FileContents.read(IndexFile.path(of: source.path), limit: 256 << 20),
            let parsed = IndexFile.parse(bytes, fileLength: limit), parsed.headerLength == header.length
        {
            index.entries = parsed.entries
            if let tail, index.entries.count > tail.written {
                index.entries.removeLast(index.entries.count - tail.written)
            }
            try index.keepJoined(source)
            // A file that was put in place of another of the same length, or an index that was.
            while let last = index.entries.last, try !last.isAt(source) { index.entries.removeLast() }
            if let first = index.entries.first, try !first.isAt(source) { index.entries = [] }
        }
        if let tail, let first = tail.entries.first,
            first.place.offset == index.entries.last?.place.end ?? header.length
        {
            index.entries += tail.entries
        }
        index.isFromFile = true
        let indexed = index.entries.count
        // Another process may have closed it.
        let isClosed = live == nil && header.finishedLength == limit
        try index.walkRest(source, limit: limit, isFinal: isFinal || isClosed)
        index.isFromFile = index.entries.count == indexed && index.damage.isEmpty
        return index.entries.isEmpty && live == nil && index.damage.isEmpty ? nil : index
    }

    /// Drops the entries behind a gap that is not a Void: there the file may hold fragments that the index does not name.
    private mutating func keepJoined(_ source: SessionBytes) throws(WalkError) {
        var end = header.length
        var window = ByteWindow(source)
        for (place, entry) in entries.enumerated() {
            window.limit = entry.place.offset
            while end < entry.place.offset {
                guard let head = try? window.element(at: end), head.id == MatroskaElement.void, let next = head.end,
                    next <= entry.place.offset
                else {
                    entries.removeLast(entries.count - place)
                    return
                }
                end = next
            }
            end = entry.place.end
        }
    }

    /// Adds what lies in the file behind the last entry.
    private mutating func walkRest(_ source: SessionBytes, limit: Int64, isFinal: Bool) throws(WalkError) {
        var walker = FragmentWalker(source, header: header, position: entries.last?.place.end ?? header.length)
        while true {
            do throws(WalkError) {
                guard let step = try walker.next(limit: limit, isFinal: isFinal) else { return }
                if step == .ended { try add(walker.draft, source) }
            } catch .damaged(let error) {
                damage.append(error)
                try add(walker.begun, source)
                guard damage.count < 10_000, try walker.skipDamage(limit: limit) else { return }
            } catch {
                throw error
            }
        }
    }

    private mutating func add(_ draft: FragmentWalker.Draft?, _ source: SessionBytes) throws(WalkError) {
        guard var entry = draft?.entry else { return }
        // Numbers only grow in a file that nobody has damaged.
        if let last = entries.last, entry.number <= last.number { return }
        do throws(FileError) { entry.checksum = try entry.place.computeChecksum(source) } catch { throw .file(error) }
        entries.append(entry)
    }
}

extension IndexEntry {
    /// Whether the fragment with this number lies where the entry says.
    func isAt(_ source: SessionBytes) throws(WalkError) -> Bool {
        guard place.tagsLength <= UInt32(MatroskaScanner.maximumMaster) else { return false }
        let bytes: [UInt8]
        do throws(FileError) { bytes = try source.bytes(place.offset..<place.cluster + 4) } catch {
            if error.code == FileError.damagedSealCode { return false }
            throw .file(error)
        }
        guard bytes.count == Int(place.tagsLength) + 4, bytes.suffix(4).elementsEqual([0x1F, 0x43, 0xB6, 0x75]) else {
            return false
        }
        var scanner = MatroskaScanner(offset: place.offset)
        scanner.append(bytes)
        guard case .tags(let values)? = try? scanner.next() else { return false }
        return Fragment(timecodeMilliseconds: 0, tags: values).number == number
    }
}

extension IndexEntry {
    /// The fragment's bytes, its cluster with a size; `nil` when they are not what was written.
    func checkedBytes(_ source: SessionBytes, header: SessionHeader) throws(FileError) -> [UInt8]? {
        guard place.length <= FragmentWalker.maximumFragment else { return nil }
        var body = try source.bytes(place.offset..<place.end)
        let head = Int(place.tagsLength)
        let content = head + Int(ClusterPlaces.headLength)
        guard body.count == Int(place.length), content <= body.count,
            body[head..<head + 4].elementsEqual([0x1F, 0x43, 0xB6, 0x75])
        else { return nil }
        var sum = CRC32C()
        sum.add(body, 0..<head)
        sum.add(body, content..<body.count)
        guard sum.value == checksum else { return nil }
        // Only a head of our own form has room for the size. What follows the cluster does not lie in it.
        guard body[head + 4] == 1, let size = clusterLength(source, header) else { return body }
        var bytes: [UInt8] = []
        bytes.appendElementSize(size, length: 8)
        body.replaceSubrange(head + 4..<content, with: bytes)
        return body
    }

    /// How long the cluster is, by a walk through its blocks.
    private func clusterLength(_ source: SessionBytes, _ header: SessionHeader) -> Int? {
        var walker = FragmentWalker(source, header: header, position: place.offset)
        while let step = try? walker.next(limit: place.end, isFinal: true), step != .ended {}
        return walker.clusterLength
    }
}

extension FragmentPlace {
    /// The checksum of the bytes that are in the file now: all but the cluster's head.
    func computeChecksum(_ source: SessionBytes) throws(FileError) -> UInt32 {
        var sum = CRC32C()
        for var range in [offset..<cluster, min(end, cluster + ClusterPlaces.headLength)..<end] {
            while !range.isEmpty {
                let piece = range.lowerBound..<min(range.upperBound, range.lowerBound + (1 << 20))
                sum.add(try source.bytes(piece))
                range = piece.upperBound..<range.upperBound
            }
        }
        return sum.value
    }
}
