extension SessionSalvage {
    /// What must be written over, in this order; then the file is as long as ``end`` says.
    mutating func patches() throws(WalkError) -> [SessionPatch] {
        var patches = rewrites
        for hole in holes where hole.range.upperBound <= end {
            patches.append(SessionPatch(offset: hole.range.lowerBound, bytes: Self.void(hole.range.count)))
        }
        // With a Void in it a cluster needs its size, else it would end there for some.
        for piece in pieces where piece.hasHoles || piece.size != nil && piece.size != Self.size(of: piece) {
            guard piece.headLength == ClusterPlaces.headLength else { continue }
            var bytes: [UInt8] = []
            bytes.appendElementSize(Int(Self.size(of: piece)), length: 8)
            patches.append(SessionPatch(offset: piece.cluster + 4, bytes: bytes))
        }
        return patches
    }

    /// The clusters without a size, in which one can be written when the file is closed.
    var openClusters: ClusterPlaces {
        var places = ClusterPlaces()
        for piece in pieces where piece.headLength == ClusterPlaces.headLength && (piece.size == nil || isStrict) {
            places.add(head: piece.cluster, end: piece.blockEnd)
        }
        return places
    }

    private static func size(of piece: Piece) -> Int64 { piece.blockEnd - piece.cluster - piece.headLength }

    /// The head of a Void that takes so many bytes, at least two.
    static func void(_ count: Int) -> [UInt8] {
        var bytes = [UInt8(truncatingIfNeeded: MatroskaElement.void)]
        bytes.appendElementSize(count >= 9 ? count - 9 : count - 2, length: count >= 9 ? 8 : 1)
        return bytes
    }

    /// Where the audio ends, in milliseconds from sample 0.
    var endMilliseconds: Double { pieces.reduce(0) { max($0, $1.endMilliseconds) } }

    /// What is lost.
    mutating func losses() throws(WalkError) -> [SessionLoss] {
        if isForeignIndex { known = [:] }
        var losses: [SessionLoss] = []
        for hole in holes {
            var loss = SessionLoss(offset: hole.range.lowerBound, bytes: Int64(hole.range.count))
            loss.isCut = hole.range.upperBound > end
            let count = loss.isCut ? min(64, hole.range.count) : Self.void(hole.range.count).count
            loss.head = Array(
                try window.bytes(hole.range.lowerBound..<hole.range.lowerBound + Int64(count)) ?? [])
            describe(hole, &loss)
            losses.append(loss)
        }
        // What the index names behind the end of the file, or in what was cut off.
        let gone = known.values.filter { entry in
            entry.place.end > end && entry.place.offset >= pieces.last?.end ?? 0
                && !holes.contains { $0.range.contains(entry.place.offset) }
        }.sorted { $0.place.offset < $1.place.offset }
        if let first = gone.first, let last = gone.last, last.number.counter >= first.number.counter {
            var loss = SessionLoss(offset: first.place.offset, bytes: last.place.end - first.place.offset)
            loss.isCut = true
            loss.fragment = first.number
            loss.lastFragment = last.number
            loss.counters = first.number.counter...last.number.counter
            if isStrict, let start = header.startedAtMilliseconds {
                loss.atMilliseconds = Double(first.producerMilliseconds &- start)
                loss.milliseconds =
                    Double(last.producerMilliseconds &- first.producerMilliseconds) + Double(last.durationMilliseconds)
            }
            losses.append(loss)
        }
        return losses
    }

    private func describe(_ hole: Hole, _ loss: inout SessionLoss) {
        let before = hole.pieces > 0 ? pieces[hole.pieces - 1] : nil
        if let inner = hole.inner, let before {
            loss.fragment = before.number
            loss.counters = before.number.counter...before.number.counter
            loss.isPart = true
            loss.atMilliseconds = inner.from
            loss.milliseconds = max(0, inner.to - inner.from)
            return
        }
        let after = hole.pieces < pieces.count ? pieces[hole.pieces] : nil
        let inside = known.values.filter { hole.range.contains($0.place.offset) }.sorted { $0.number < $1.number }
        // The fragment before it was cut short, unless the hole begins with another's tags.
        let isPart = hole.number == nil && before.map { isCutShort($0, by: hole, after) } ?? false
        loss.isPart = isPart
        loss.fragment = isPart ? before?.number : hole.number ?? inside.first?.number
        loss.lastFragment = inside.last?.number ?? (isPart ? before?.number : hole.number)
        let first = (isPart ? before?.number.counter : before.map { $0.number.counter + 1 }) ?? firstCounter
        // Behind the last one it is told by the room: all fragments take about the same.
        let room = pieces.map { $0.end - $0.offset }.max().map { max(1, $0) }
        let start = isPart ? before?.offset ?? hole.range.lowerBound : hole.range.lowerBound
        let guess = room.flatMap { room in first.map { $0 &+ UInt64((limit - 1 - start) / room) } }
        let last =
            after.map { $0.number.counter &- 1 } ?? inside.last?.number.counter ?? hole.number?.counter ?? guess
        if let first, let last, last >= first { loss.counters = first...last }
        if after != nil, loss.lastFragment?.counter != loss.counters?.upperBound { loss.lastFragment = nil }
        guard isStrict else { return }
        let at = before?.endMilliseconds ?? 0
        loss.atMilliseconds = at
        if let after {
            loss.milliseconds = max(0, Double(after.timecode) - at)
        } else if let last = inside.last, let start = header.startedAtMilliseconds {
            loss.milliseconds = max(
                0, Double(last.producerMilliseconds &- start) + Double(last.durationMilliseconds) - at)
        } else if header.track.isPCM, let room {
            // So much would fit there.
            loss.milliseconds = Double(hole.range.count) * 1000 / Double(room)
        }
    }

    /// Whether some of a fragment lay in the hole behind it.
    private func isCutShort(_ piece: Piece, by hole: Hole, _ after: Piece?) -> Bool {
        if let entry = known[piece.offset], entry.number == piece.number { return entry.place.end > piece.end }
        if let after, after.number.counter == piece.number.counter + 1 { return true }
        // A fragment lasts a second, as a rule.
        return piece.endMilliseconds - Double(piece.timecode) < Double(FragmentMuxer.fragmentMilliseconds)
    }

    /// Whether the index tells of quite other fragments at these places.
    private var isForeignIndex: Bool {
        var others = 0
        for piece in pieces {
            guard let entry = known[piece.offset] else { continue }
            if entry.number == piece.number { return false }
            others += 1
        }
        return others > 0
    }

    /// The entries of the index: the writer's, whose checksums tell of later damage and of damage that shows nowhere else,
    /// and for what has changed or is not there new ones of what is in the file now.
    /// - Parameter source: the file as it is after everything was written over.
    func entries(_ source: SessionBytes) throws(FileError) -> [IndexEntry] {
        var entries: [IndexEntry] = []
        entries.reserveCapacity(pieces.count)
        for piece in pieces {
            if let last = entries.last, piece.number <= last.number { continue }
            if !piece.hasHoles, let entry = known[piece.offset], entry.number == piece.number,
                entry.place.end == piece.end, entry.place.cluster == piece.cluster
            {
                entries.append(entry)
                continue
            }
            var entry = IndexEntry(
                number: piece.number, producerMilliseconds: piece.producerMilliseconds,
                durationMilliseconds: UInt32(
                    clamping: Int64(max(0, piece.endMilliseconds - Double(piece.timecode)).rounded())),
                place: FragmentPlace(
                    offset: piece.offset, tagsLength: UInt32(clamping: piece.cluster - piece.offset),
                    length: UInt32(clamping: piece.end - piece.offset)), checksum: 0)
            entry.checksum = try entry.place.computeChecksum(source)
            entries.append(entry)
        }
        return entries
    }
}
