extension SessionVerifier {
    /// Reads everything behind the header, entry by entry, and by walking where there is none.
    func checkAll(
        from start: Int64, _ index: inout IndexCursor, usesIndex: Bool
    ) throws(FileError) {
        var position = start
        var wrong = 0
        var entry = usesIndex ? try index.next() : nil
        reading: while position < limit {
            guard goOn(position) else { return outcome.isBrokenOff = true }
            while let known = entry, known.place.offset < position {
                wrong += 1
                entry = try index.next()
            }
            guard let known = entry, known.place.offset <= limit, known.place.end <= limit else { break }
            position = try endOfVoids(from: position, upTo: known.place.offset)
            if known.place.offset > position {
                try walk(from: position, upTo: known.place.offset, isFinal: true)
                position = known.place.offset
            }
            if try !check(known) { wrong += 1 }
            position = known.place.end
            entry = try index.next()
        }
        position = try endOfVoids(from: position, upTo: limit)
        if position < limit {
            let end = entry.map { min(limit, max(position, $0.place.offset)) } ?? limit
            if end > position { try walk(from: position, upTo: end, isFinal: end < limit || !isLive) }
        }
        if let entry { try countMissing(from: entry, &index) }
        if isLive, wrong + index.damaged == 0 { return }
        if usesIndex, wrong + index.damaged > 0 {
            add(.damagedIndex, detail: "\(wrong + index.damaged) entries of the index file are not right") {
                $0.fragmentCount = wrong + index.damaged
            }
        } else if usesIndex, unindexed > 0, !isLive {
            add(
                .incompleteIndex,
                detail:
                    "the index file lacks fragments; they were found in the session's file and compared with nothing"
            ) {
                $0.fragmentCount = unindexed
            }
        }
    }

    /// What the index names and the file does not hold.
    private func countMissing(from first: IndexEntry, _ index: inout IndexCursor) throws(FileError) {
        var last = first
        var count = 1
        while let next = try index.next() {
            last = next
            count += 1
        }
        add(.missingFragments, detail: "the index names \(count) fragments that are not whole in the file") {
            $0.fragment = first.number
            $0.lastFragment = last.number
            $0.fragmentCount = count
            $0.offset = first.place.offset
            $0.bytes = last.place.end - max(first.place.offset, limit)
        }
    }

    /// Checks one fragment against its entry. False when the entry itself is wrong.
    private func check(_ entry: IndexEntry) throws(FileError) -> Bool {
        let place = entry.place
        guard Int64(place.length) <= FragmentWalker.maximumFragment else { return false }
        try read(place.offset..<place.end)
        var sum = CRC32C()
        let head = Int(place.tagsLength)
        sum.add(buffer, 0..<head)
        sum.add(buffer, min(buffer.count, head + Int(ClusterPlaces.headLength))..<buffer.count)
        var problem: String?
        if buffer.count < Int(place.length) {
            problem = "\(Int(place.length) - buffer.count) bytes cannot be read"
        } else if sum.value != entry.checksum {
            problem = "its bytes are not those that were written"
        }
        var isRight = true
        note(entry.number, at: place)
        outcome.checkedFragments += 1
        var anatomy: FragmentAnatomy?
        if let header {
            do throws(MatroskaError) {
                let found = try FragmentAnatomy(buffer, offset: place.offset, track: header.track)
                if problem == nil {
                    anatomy = found
                    // The bytes are right and say something else.
                    isRight = found.number == entry.number && isTrue(entry, found)
                }
            } catch {
                problem = problem.map { "\($0): \(error)" } ?? "\(error)"
            }
        }
        if let problem {
            add(.damagedFragment, detail: problem) {
                $0.fragment = entry.number
                $0.fragmentCount = 1
                $0.offset = place.offset
                $0.bytes = Int64(place.length)
                $0.milliseconds = Double(entry.durationMilliseconds)
                if let start = header?.startedAtMilliseconds, isOwn {
                    $0.atMilliseconds = Double(entry.producerMilliseconds - start)
                }
            }
        }
        if let anatomy {
            checkTimes(anatomy, entry.number)
        } else {
            skipTimes(entry)
        }
        return isRight
    }

    /// Whether an entry's times are the fragment's. Other producers' durations are theirs to say.
    private func isTrue(_ entry: IndexEntry, _ found: FragmentAnatomy) -> Bool {
        guard let producer = found.producerMilliseconds else { return true }
        guard producer == entry.producerMilliseconds else { return false }
        guard isOwn, header?.track.isPCM ?? false else { return true }
        return abs(found.endMilliseconds - Double(found.timecode) - Double(entry.durationMilliseconds)) <= 1
    }

    /// Fills the buffer; it is as long as what could be read.
    func read(_ range: Range<Int64>) throws(FileError) {
        let count = Int(range.count)
        if buffer.count < count { buffer += [UInt8](repeating: 0, count: count - buffer.count) }
        if buffer.count > count { buffer.removeLast(buffer.count - count) }
        let read = try source.read(at: range.lowerBound, into: &buffer)
        if read < count { buffer.removeLast(count - read) }
    }

    /// A fragment was found.
    func note(_ number: FragmentNumber, at place: FragmentPlace) {
        outcome.fragments += 1
        outcome.first = outcome.first ?? number
        if let last = outcome.last, number <= last {
            add(.fragmentOrder, detail: "the fragment's number is not above \(last)") {
                $0.fragment = number
                $0.offset = place.offset
            }
        }
        outcome.last = max(outcome.last ?? number, number)
        wholeEnd = max(wholeEnd, place.end)
    }
}
