/// What lies in one whole fragment that is in memory: its tags, its cluster, its times.
struct FragmentAnatomy {
    /// The number in its tags.
    var number: FragmentNumber
    /// The producer's time in its tags, milliseconds since 1970.
    var producerMilliseconds: Int64?
    /// The cluster's time on the session's line, in milliseconds.
    var timecode: Int64 = 0
    /// The end of its last block on that line.
    var endMilliseconds: Double = 0
    /// The greatest hole between two of its blocks, and where it begins on the line.
    var hole: (at: Double, milliseconds: Double)?
    var blocks = 0

    /// Reads a fragment.
    /// - Parameters:
    ///   - bytes: tags, cluster and what follows it.
    ///   - offset: their place in the file, for messages.
    ///   - track: what the blocks hold.
    init(_ bytes: [UInt8], offset: Int64, track: MatroskaScanner.TrackDescription) throws(MatroskaError) {
        guard let tags = try ElementHead(bytes, at: 0, offset: offset), tags.id == MatroskaElement.tags,
            let size = tags.size, size <= Int64(MatroskaScanner.maximumMaster),
            size <= Int64(bytes.count - tags.bodyStart)
        else { throw .noElement(offset: offset) }
        let cluster = tags.bodyStart + Int(size)
        var scanner = MatroskaScanner(offset: offset)
        scanner.append(bytes[..<cluster])
        guard case .tags(let values)? = try scanner.next() else { throw .noElement(offset: offset) }
        let fragment = Fragment(timecodeMilliseconds: 0, tags: values)
        guard let found = fragment.number else { throw .noElement(offset: offset) }
        number = found
        producerMilliseconds = fragment.producerMilliseconds
        guard let head = try ElementHead(bytes, at: cluster, offset: offset), head.id == MatroskaElement.cluster else {
            throw .noElement(offset: offset + Int64(cluster))
        }
        let end = try readBlocks(bytes, from: head.bodyStart, size: head.size, offset: offset, track: track)
        try Self.checkRest(bytes, from: end, offset: offset)
    }

    /// - Returns: where the cluster ends.
    private mutating func readBlocks(
        _ bytes: [UInt8], from start: Int, size: Int64?, offset: Int64, track: MatroskaScanner.TrackDescription
    ) throws(MatroskaError) -> Int {
        var at = start
        var limit = bytes.count
        if let size {
            guard size <= Int64(bytes.count - start) else { throw .overrun(offset: offset + Int64(start)) }
            limit = start + Int(size)
        }
        while at < limit {
            guard let child = try ElementHead(bytes, at: at, limit: limit, offset: offset) else {
                throw .overrun(offset: offset + Int64(at))
            }
            // Without a size the cluster ends where another element of its level begins.
            if size == nil, !FragmentWalker.isClusterChild(child.id) || child.id == MatroskaElement.void { return at }
            guard FragmentWalker.isClusterChild(child.id) else {
                throw .unknownElement(id: child.id, offset: offset + Int64(at))
            }
            guard let length = child.size, length <= Int64(limit - child.bodyStart) else {
                throw .overrun(offset: offset + Int64(at))
            }
            let body = child.bodyStart..<child.bodyStart + Int(length)
            switch child.id {
            case MatroskaElement.timecode:
                let time = bytes[body].suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                guard time < 1 << 50 else { throw .impossibleTime(offset: offset + Int64(at)) }
                timecode = Int64(time)
                endMilliseconds = Double(time)
            case MatroskaElement.simpleBlock: try take(bytes, body, offset: offset, track: track)
            default: break
            }
            at = body.upperBound
        }
        return limit
    }

    private mutating func take(
        _ bytes: [UInt8], _ body: Range<Int>, offset: Int64, track: MatroskaScanner.TrackDescription
    ) throws(MatroskaError) {
        guard body.count >= 4 else { throw .unsupportedBlock(offset: offset + Int64(body.lowerBound)) }
        let first = body.lowerBound
        let relative = Int16(bitPattern: UInt16(bytes[first + 1]) << 8 | UInt16(bytes[first + 2]))
        let start = Double(timecode) + Double(relative)
        let missing = start - endMilliseconds
        if missing > 0, missing > hole?.milliseconds ?? 0 { hole = (endMilliseconds, missing) }
        // As FragmentWalker does: a block as long as that is a picture.
        let length = body.count <= 64 << 10 ? track.milliseconds(of: bytes[(first + 4)..<body.upperBound]) : 0
        endMilliseconds = max(endMilliseconds, start + length)
        blocks += 1
    }

    /// Behind the cluster may lie tags without a number (the last digits) and what readers pass over.
    private static func checkRest(_ bytes: [UInt8], from start: Int, offset: Int64) throws(MatroskaError) {
        var at = start
        while at < bytes.count {
            guard let head = try ElementHead(bytes, at: at, offset: offset), let size = head.size,
                size <= Int64(bytes.count - head.bodyStart)
            else { throw .overrun(offset: offset + Int64(at)) }
            switch head.id {
            case MatroskaElement.tags, MatroskaElement.void, MatroskaElement.crc32, MatroskaElement.cues: break
            default: throw .unknownElement(id: head.id, offset: offset + Int64(at))
            }
            at = head.bodyStart + Int(size)
        }
    }
}
