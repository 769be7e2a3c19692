extension StreamLibrary {
    /// Where a follower begins.
    enum Place: Equatable {
        /// In a session, at a fragment's first byte; `nil` = at its first fragment.
        case at(SessionFileName, Int64?)
        /// At the first session with a greater number.
        case after(Int)
    }

    /// Finds a start in a stream.
    func place(of start: FollowStart, in stream: StreamDescription) throws(StreamLibraryError) -> Place {
        switch start {
        case .now: return try placeOfNow(stream)
        case .earliest:
            let oldest = oldestVisible(stream)
            return try first(in: stream) {
                $0.isVisible(since: oldest)
            } overview: {
                $0.server.upperBound >= oldest
            }
        case .after(let number): return try place(after: number, in: stream)
        case .server(let time):
            return try first(in: stream) { entry in
                entry.serverMilliseconds >= time || entry.serverMilliseconds &+ Int64(entry.durationMilliseconds) > time
            } overview: {
                $0.server.upperBound >= time
            }
        case .producer(let time):
            return try first(in: stream) { entry in
                entry.producerMilliseconds >= time
                    || entry.producerMilliseconds &+ Int64(entry.durationMilliseconds) > time
            } overview: {
                $0.producer.upperBound >= time
            }
        }
    }

    private func placeOfNow(_ stream: StreamDescription) throws(StreamLibraryError) -> Place {
        let last = sessions(stream.name).last
        guard let name = shelf.live(stream.name)?.name ?? last else { return .after(-1) }
        let live = live(stream.name, name)
        guard mayGrow(live) else { return .after(name.session) }
        if let offset = live?.openFragment { return .at(name, offset) }
        // Without an index it has just begun.
        guard let index = try index(stream.name, name) else { return .at(name, nil) }
        if isClosed(index, stream: stream.name, name) { return .after(name.session) }
        return .at(name, index.entries.last?.place.end)
    }

    /// Whether a session that another process may write is closed.
    private func isClosed(_ index: SessionIndex, stream: String, _ name: SessionFileName) -> Bool {
        guard let length = FileContents.status(path(stream, name))?.size else { return true }
        return live(stream, name) == nil && index.header.finishedLength == length
    }

    private func place(after number: FragmentNumber, in stream: StreamDescription) throws(StreamLibraryError) -> Place {
        let sessions = sessions(stream.name)
        // Without such a session the fragment is older than all there is.
        guard let at = sessions.lastIndex(where: { $0.mayHave(number) }) else { return .after(-1) }
        guard let index = try index(stream.name, sessions[at]) else {
            // Its file is being made, or is not one: whatever is there comes after the fragment, or never does.
            return .after(sessions[at].session - 1)
        }
        let next = index.firstIndex(after: number)
        if next < index.entries.count { return .at(sessions[at], index.entries[next].place.offset) }
        return .at(sessions[at], index.entries.last?.place.end)
    }

    /// The first complete fragment that fits, else the fragment that is being recorded.
    private func first(
        in stream: StreamDescription, where fits: (IndexEntry) -> Bool, overview: (IndexCache.Overview) -> Bool
    ) throws(StreamLibraryError) -> Place {
        for name in sessions(stream.name) {
            if let known = indexes.overview(path(stream.name, name)), !overview(known) { continue }
            guard let index = try index(stream.name, name) else { continue }
            if let entry = index.entries.first(where: fits) { return .at(name, entry.place.offset) }
        }
        return try placeOfNow(stream)
    }
}
