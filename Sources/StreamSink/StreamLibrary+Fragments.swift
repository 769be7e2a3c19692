extension StreamLibrary {
    /// The complete fragments of a stream, in the order of their numbers.
    ///
    /// - Parameters:
    ///   - range: which ones, by the time of their start.
    ///   - after: the last number of the page before.
    ///   - limit: at most so many.
    public func fragments(
        _ reference: StreamReference, range: FragmentRange = .all, after: FragmentNumber? = nil, limit: Int = .max
    ) throws(StreamLibraryError) -> [StoredFragment] {
        let stream = try shelf.description(reference)
        let oldest = oldestVisible(stream)
        var found: [StoredFragment] = []
        for session in sessions(stream.name, after: after) {
            guard found.count < limit else { break }
            if let overview = indexes.overview(path(stream.name, session)), !overview.mayHave(range, after, oldest) {
                continue
            }
            guard let index = try index(stream.name, session) else { continue }
            let first = after.map { index.firstIndex(after: $0) } ?? 0
            for entry in index.entries[first...] where range.contains(entry) && entry.isVisible(since: oldest) {
                guard found.count < limit else { break }
                found.append(StoredFragment(streamName: stream.name, session: session, entry: entry))
            }
        }
        return found
    }

    /// One fragment; `nil` when there is none of that number, or not any more.
    public func fragment(
        _ reference: StreamReference, number: FragmentNumber
    ) throws(StreamLibraryError) -> StoredFragment? {
        let stream = try shelf.description(reference)
        guard let session = sessions(stream.name).last(where: { $0.mayHave(number) }),
            let entry = try index(stream.name, session)?.entry(number),
            entry.isVisible(since: oldestVisible(stream))
        else { return nil }
        return StoredFragment(streamName: stream.name, session: session, entry: entry)
    }

    /// The bytes of a fragment, checked against its checksum.
    public func bytes(of fragment: StoredFragment) throws(StreamLibraryError) -> FragmentBytes {
        let (stream, session) = (fragment.streamName, fragment.session)
        guard let index = try index(stream, session), let entry = index.entry(fragment.number) else {
            throw .noSuchFragment(fragment.number)
        }
        let path = path(stream, session)
        let body: [UInt8]?
        do throws(FileError) {
            body = try entry.checkedBytes(try SessionBytes(path: path), header: index.header)
        } catch {
            if error.code == Int32(FileCode.missing) { throw .noSuchFragment(fragment.number) }
            throw .disk(error)
        }
        guard let body else {
            // The next one to ask gets what can be found in the file.
            indexes.remove(path)
            throw .damaged("the fragment \(entry.number) in \(path) is not what was written")
        }
        return FragmentBytes(
            fragment: StoredFragment(streamName: stream, session: session, entry: entry), header: index.header.bytes,
            body: body)
    }

    /// Follows a stream: every fragment from the start on, also those that are still being written.
    public func follow(
        _ reference: StreamReference, from start: FollowStart
    ) throws(StreamLibraryError) -> StreamFollower {
        let stream = try shelf.description(reference)
        return try StreamFollower(library: self, stream: stream, start: start)
    }

    /// Nothing that ended before is shown. The wall clock may have been set back: then more is shown, never less.
    func oldestVisible(_ stream: StreamDescription) -> Int64 {
        guard let hours = stream.retentionHours else { return .min }
        return wallClock() &- (hours == 0 ? Self.unretainedMilliseconds : Int64(hours) * 3_600_000)
    }

    /// The sessions that may have fragments above a number.
    private func sessions(_ stream: String, after: FragmentNumber?) -> ArraySlice<SessionFileName> {
        let sessions = sessions(stream)
        guard let after, let first = sessions.lastIndex(where: { $0.mayHave(after) }) else { return sessions[...] }
        return sessions[first...]
    }
}

extension SessionFileName {
    /// Whether the session begins at or before the fragment. The last such session has it, if any has.
    func mayHave(_ number: FragmentNumber) -> Bool { UInt64(clamping: session) * 1000 + 1 <= number.counter }
}

extension IndexEntry {
    /// Whether some of it is younger than a time (milliseconds since 1970).
    func isVisible(since oldest: Int64) -> Bool { serverMilliseconds &+ Int64(durationMilliseconds) >= oldest }
}

extension IndexCache.Overview {
    func mayHave(_ range: FragmentRange, _ after: FragmentNumber?, _ oldest: Int64) -> Bool {
        if let after, last <= after { return false }
        guard server.upperBound >= oldest else { return false }
        switch range {
        case .all: return true
        case .server(let times): return times.overlaps(server)
        case .producer(let times): return times.overlaps(producer)
        }
    }
}
