extension SessionSalvage {
    /// Bytes of a cluster's head and its time, in the writer's form.
    static let preludeLength: Int64 = 22

    /// A cluster's head and its time as the writer makes them.
    static func prelude(timecode: Int64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendElementID(MatroskaElement.cluster)
        bytes.appendUnknownSize()
        bytes += [0xE7, 0x88]
        bytes.appendBigEndian(UInt64(bitPattern: timecode), count: 8)
        return bytes
    }

    /// The time in a cluster's head of that form; its size may be any. `nil` for another form.
    static func timecode(_ bytes: ArraySlice<UInt8>) -> Int64? {
        let time = bytes.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard time < 1 << 50, isPrelude(bytes, timecode: Int64(time)) else { return nil }
        return Int64(time)
    }

    /// Whether the bytes are such a head; its size may be any.
    static func isPrelude(_ bytes: ArraySlice<UInt8>, timecode: Int64) -> Bool {
        let wanted = prelude(timecode: timecode)
        return bytes.count == wanted.count && bytes.prefix(4).elementsEqual(wanted.prefix(4))
            && bytes.dropFirst(12).elementsEqual(wanted.dropFirst(12))
    }

    /// A block in this service's own form.
    private struct OwnBlock {
        var end: Int64
        var relative: Int64
        var samples: Int64
        var milliseconds: Double
    }

    private enum Child {
        case block(OwnBlock)
        case void(end: Int64)
        case other
    }

    /// One fragment of our own form. Its clusters' sizes are never believed: they end where something else begins.
    /// - Returns: where the next thing lies; `nil` when no block of it can be found.
    mutating func ownFragment(_ tags: Tags, rewrites: [SessionPatch] = []) throws(WalkError) -> Int64? {
        guard let number = tags.number, let producer = tags.producerMilliseconds,
            let start = header.startedAtMilliseconds, producer >= start
        else { return nil }
        let first = tags.end + Self.preludeLength
        guard first < limit, let head = try window.bytes(tags.end..<first) else { return nil }
        let timecode = producer - start
        var rewrites = rewrites
        var piece = Piece(
            number: number, producerMilliseconds: producer, offset: tags.offset, cluster: tags.end, blockEnd: first,
            end: first, timecode: timecode, endMilliseconds: Double(timecode), isRebuilt: !rewrites.isEmpty)
        if Self.isPrelude(head, timecode: timecode) {
            piece.size = Self.size(head)
        } else {
            // The tags say what must stand there.
            rewrites.append(SessionPatch(offset: tags.end, bytes: Self.prelude(timecode: timecode)))
            piece.isRebuilt = true
        }
        var found: [Hole] = []
        var at = first
        var relative: Int64 = -1
        var samples: Int64 = 0
        /// Where the next fragment begins, once it had to be looked for.
        var next: Int64??
        while at < limit {
            switch try child(at: at, after: relative) {
            case .block(let block):
                at = block.end
                relative = block.relative
                samples += block.samples
                piece.blockEnd = at
                piece.endMilliseconds = max(
                    piece.endMilliseconds, Double(timecode + block.relative) + block.milliseconds)
                continue
            case .void(let end):
                // An earlier recovery's.
                at = end
                piece.hasHoles = true
                continue
            case .other: break
            }
            if try self.tags(at: at) != nil { break }
            let bound: Int64?
            if let next { bound = next } else { bound = try nextFragment(from: at) }
            next = .some(bound)
            guard let again = try nextBlock(from: at, upTo: bound, after: relative, of: number) else { break }
            found.append(
                Hole(
                    range: at..<again.offset, pieces: pieces.count + 1,
                    inner: (piece.endMilliseconds, Double(timecode + again.relative))))
            piece.hasHoles = true
            at = again.offset
        }
        guard relative >= 0 else { return nil }
        piece.end = piece.blockEnd
        keep(piece, holes: found, rewrites: rewrites, samples: samples)
        return piece.end
    }

    /// The eight-byte size in a cluster's head; `nil` when it has none.
    private static func size(_ head: ArraySlice<UInt8>) -> Int64? {
        let bytes = head.dropFirst(4).prefix(8)
        guard bytes.first == 1 else { return nil }
        let value = bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } & 0x00FF_FFFF_FFFF_FFFF
        return value == 0x00FF_FFFF_FFFF_FFFF ? nil : Int64(value)
    }

    private mutating func child(at offset: Int64, after relative: Int64) throws(WalkError) -> Child {
        guard let head = try element(at: offset), let end = head.end, end <= limit else { return .other }
        if head.id == MatroskaElement.void { return Self.isOwnVoid(head, end: end) ? .void(end: end) : .other }
        guard head.id == MatroskaElement.simpleBlock, let block = try block(head, end: end, after: relative) else {
            return .other
        }
        return .block(block)
    }

    /// A block as the writer makes them: our track, a key frame, no lacing, at most a second after its cluster and never
    /// before the block before it; PCM in pieces of 20 ms on their grid.
    private mutating func block(
        _ head: ByteWindow.Head, end: Int64, after relative: Int64
    ) throws(WalkError) -> OwnBlock? {
        let length = end - head.body
        let isPCM = header.track.isPCM
        guard length >= 4, length <= (isPCM ? header.track.rate / 50 * 2 + 4 : 64 << 10),
            let bytes = try window.bytes(head.body..<end)
        else { return nil }
        let first = bytes.startIndex
        guard bytes[first] == 0x81, bytes[first + 3] == 0x80 else { return nil }
        let time = Int64(bytes[first + 1]) << 8 | Int64(bytes[first + 2])
        guard time >= relative, time < FragmentMuxer.fragmentMilliseconds else { return nil }
        if isPCM {
            guard time > relative, time % FragmentMuxer.blockMilliseconds == 0, length > 4, length % 2 == 0 else {
                return nil
            }
        }
        // A size that is wrong may reach over the next fragment.
        if !isPCM, length > 1500, try hidesFragment(head.body, end) { return nil }
        let payload = bytes.dropFirst(4)
        return OwnBlock(
            end: end, relative: time, samples: header.track.samples(of: payload),
            milliseconds: header.track.milliseconds(of: payload))
    }

    private mutating func hidesFragment(_ start: Int64, _ end: Int64) throws(WalkError) -> Bool {
        guard let found = try window.find([0x12, 0x54, 0xC3, 0x67], from: start), found < end else { return false }
        return try tags(at: found)?.number != nil
    }

    /// The next place at which blocks of this fragment begin.
    ///
    /// Blocks do not say which fragment they are of, and the next one's tags may be among what is damaged. PCM's are all of
    /// one length, so place and time must agree; others count only where no other fragment can lie between.
    /// - Parameter bound: where the next fragment begins that can be found.
    private mutating func nextBlock(
        from offset: Int64, upTo bound: Int64?, after relative: Int64, of number: FragmentNumber
    ) throws(WalkError) -> (offset: Int64, relative: Int64)? {
        let length = 7 + header.track.rate / 50 * 2
        if !header.track.isPCM {
            guard let bound, try tags(at: bound)?.number?.counter == number.counter + 1 else { return nil }
        }
        let end = bound ?? limit
        // A Void takes two bytes.
        var from = offset + 2
        while from < end {
            guard let found = try find(0xA3, from: from, upTo: end) else { return nil }
            from = found + 1
            guard case .block(let block) = try child(at: found, after: relative), block.end <= end else { continue }
            if header.track.isPCM {
                let expected = relative < 0 ? 0 : relative + FragmentMuxer.blockMilliseconds
                guard (found - offset) % length == 0,
                    block.relative == expected + (found - offset) / length * FragmentMuxer.blockMilliseconds
                else { continue }
                return (found, block.relative)
            }
            if try isChain(block, upTo: end) { return (found, block.relative) }
        }
        return nil
    }

    /// Whether what looks like a block is one: others follow it.
    private mutating func isChain(_ block: OwnBlock, upTo bound: Int64) throws(WalkError) -> Bool {
        var block = block
        for _ in 0..<3 {
            if block.end == bound { return true }
            if try tags(at: block.end) != nil { return true }
            guard case .block(let next) = try child(at: block.end, after: block.relative), next.end <= bound else {
                return false
            }
            block = next
        }
        return true
    }

    private mutating func find(_ byte: UInt8, from offset: Int64, upTo bound: Int64) throws(WalkError) -> Int64? {
        var at = offset
        while at < bound {
            guard let bytes = try window.bytes(at..<min(bound, at + (16 << 10))), !bytes.isEmpty else { return nil }
            if let found = bytes.firstIndex(of: byte) { return at + Int64(found - bytes.startIndex) }
            at += Int64(bytes.count)
        }
        return nil
    }

    /// One fragment of any producer's: sizes are believed, blocks are not looked into.
    mutating func anyFragment(_ tags: Tags) throws(WalkError) -> Int64? {
        guard let number = tags.number, let head = try element(at: tags.end), head.id == MatroskaElement.cluster else {
            return nil
        }
        if let end = head.end, end > limit || end - head.start > FragmentWalker.maximumFragment { return nil }
        var piece = Piece(
            number: number,
            producerMilliseconds: tags.producerMilliseconds ?? Int64(clamping: number.epochMilliseconds),
            offset: tags.offset, cluster: head.start, size: head.end.map { $0 - head.body },
            headLength: head.body - head.start, blockEnd: head.body, end: head.body)
        var at = head.body
        var samples: Int64 = 0
        var hasBlocks = false
        while at < head.end ?? limit {
            guard let child = try element(at: at), let end = child.end, end <= head.end ?? limit,
                FragmentWalker.isClusterChild(child.id), end - piece.offset <= FragmentWalker.maximumFragment
            else {
                if head.end != nil {
                    // The cluster's own size still says where the next fragment begins.
                    guard let size = head.end, try isFollowed(size) else { return nil }
                    lose(piece.offset..<size, number)
                    return size
                }
                if try self.tags(at: at) != nil || at == limit { break }
                guard let next = try nextFragment(from: at) else { break }
                guard hasBlocks else { return nil }
                piece.hasHoles = true
                piece.end = piece.blockEnd
                keep(piece, holes: [], rewrites: [], samples: samples)
                lose(at..<next, nil)
                return next
            }
            try look(child, end: end, &piece, &samples)
            if child.id != MatroskaElement.timecode {
                hasBlocks = true
                piece.blockEnd = end
            }
            at = end
        }
        guard hasBlocks else { return nil }
        piece.blockEnd = head.end ?? piece.blockEnd
        piece.end = piece.blockEnd
        keep(piece, holes: [], rewrites: [], samples: samples)
        return piece.end
    }

    private mutating func isFollowed(_ end: Int64) throws(WalkError) -> Bool {
        if end == limit { return true }
        return try tags(at: end) != nil
    }

    private mutating func look(
        _ child: ByteWindow.Head, end: Int64, _ piece: inout Piece, _ samples: inout Int64
    ) throws(WalkError) {
        switch child.id {
        case MatroskaElement.timecode:
            guard end - child.body <= 8, let bytes = try window.bytes(child.body..<end) else { return }
            piece.timecode = Int64(clamping: min(1 << 50, bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }))
            piece.endMilliseconds = Double(piece.timecode)
        case MatroskaElement.simpleBlock:
            // As FragmentWalker does: a block as long as that is a picture.
            guard end - child.body >= 4, let bytes = try window.bytes(child.body..<min(end, child.body + (64 << 10)))
            else { return }
            let first = bytes.startIndex
            let relative = Int16(bitPattern: UInt16(bytes[first + 1]) << 8 | UInt16(bytes[first + 2]))
            let payload = bytes.dropFirst(4)
            let length = bytes.count == Int(end - child.body) ? header.track.milliseconds(of: payload) : 0
            samples += length > 0 ? header.track.samples(of: payload) : 0
            piece.endMilliseconds = max(
                piece.endMilliseconds, Double(piece.timecode) + Double(relative) + length)
        default: break
        }
    }
}
