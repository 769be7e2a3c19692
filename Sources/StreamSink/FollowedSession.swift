/// One session's file as a follower reads it. Holds the file against deletion while it lives.
final class FollowedSession {
    let path: String
    /// Everything has been given and nothing more will come.
    private(set) var isRead = false
    private let library: StreamLibrary
    private let stream: String
    private let name: SessionFileName
    private let live: LiveSession?
    private let source: SessionBytes
    private var header: SessionHeader?
    private var walker: FragmentWalker?
    /// Where to begin; `nil` = at the first fragment.
    private let start: Int64?
    /// Fragments up to this number are passed over.
    private let after: FragmentNumber?
    /// Where the next byte to be given lies; `nil` between fragments.
    private var sent: Int64?
    /// The fragment is complete (or cut), and ends when all its bytes have been given.
    private var ending: StoredFragment?

    /// `nil` when the file is not there.
    init?(library: StreamLibrary, stream: String, name: SessionFileName, offset: Int64?, after: FragmentNumber? = nil) {
        let path = library.path(stream, name)
        guard library.shelf.hold(path) else { return nil }
        // Before the file: when the session ends in between, the file is read as a finished one.
        let live = library.live(stream, name)
        guard let source = try? SessionBytes(path: path) else {
            library.shelf.release(path)
            return nil
        }
        self.path = path
        self.library = library
        self.stream = stream
        self.name = name
        self.source = source
        self.live = live
        start = offset
        self.after = after
        live?.watch.beginLive()
    }

    deinit {
        live?.watch.endLive()
        library.shelf.release(path)
    }

    /// How much of the open fragment has been read, in milliseconds.
    var wholeMilliseconds: Int64? { walker?.begun.map { Int64($0.entry.durationMilliseconds) } }

    func next(maximumBytes: Int) throws(WalkError) -> StreamFollower.Part? {
        // The end before the length: what is whole then is all there is.
        var isFinal = !library.mayGrow(live)
        let limit = live?.committed ?? source.length
        guard try open(limit: limit) else {
            isRead = isFinal
            return nil
        }
        while true {
            // Small blocks are given together.
            if let part = try give(maximumBytes: maximumBytes, atLeast: maximumBytes) { return part }
            if let step = try step(limit: limit, isFinal: isFinal) {
                switch step {
                case .began:
                    guard let draft = walker?.draft, let header else { return nil }
                    if let after, draft.number <= after { break }
                    sent = draft.offset
                    return .begin(header: header.bytes, stored(draft, isComplete: false))
                case .grew: break
                case .ended: if sent != nil, let draft = walker?.draft { ending = stored(draft, isComplete: true) }
                }
            } else if let part = try give(maximumBytes: maximumBytes, atLeast: 1) {
                return part
            } else if !isFinal, try isClosedElsewhere(limit: limit) {
                isFinal = true
            } else {
                isRead = isFinal
                return nil
            }
        }
    }

    /// Reads the header, where that has not been done. False while it is not whole.
    private func open(limit: Int64) throws(WalkError) -> Bool {
        guard walker == nil else { return true }
        guard let header = try SessionHeader(source, limit: limit) else { return false }
        self.header = header
        walker = FragmentWalker(source, header: header, position: start ?? header.length)
        return true
    }

    /// One step of the walk; past what is damaged, of which the beginning of a fragment is given as an incomplete one.
    private func step(limit: Int64, isFinal: Bool) throws(WalkError) -> FragmentWalker.Step? {
        do throws(WalkError) {
            return try walker?.next(limit: limit, isFinal: isFinal)
        } catch .damaged(let damage) {
            if sent != nil, ending == nil, let draft = walker?.begun {
                ending = stored(draft, isComplete: false)
                return .grew
            }
            guard isFinal || live == nil else { throw .damaged(damage) }
            return try walker?.skipDamage(limit: limit) == true ? .grew : nil
        } catch {
            throw error
        }
    }

    /// The next bytes of the fragment when there are so many of them, or its end.
    private func give(maximumBytes: Int, atLeast: Int) throws(WalkError) -> StreamFollower.Part? {
        guard let from = sent else { return nil }
        let whole = ending?.place.end ?? walker?.begun?.end ?? from
        if whole > from, ending != nil || whole - from >= Int64(atLeast) {
            let range = from..<min(whole, from + Int64(maximumBytes))
            let bytes: [UInt8]
            if let held = walker?.window.held(range) {
                bytes = Array(held)
            } else {
                do throws(FileError) { bytes = try source.bytes(range) } catch { throw .file(error) }
            }
            guard bytes.count == range.count else { throw .damaged(.overrun(offset: from)) }
            sent = range.upperBound
            return .bytes(bytes)
        }
        guard let ending, whole <= from else { return nil }
        sent = nil
        self.ending = nil
        return .end(ending)
    }

    /// Whether another process has closed the file.
    private func isClosedElsewhere(limit: Int64) throws(WalkError) -> Bool {
        guard live == nil, let header = try SessionHeader(source, limit: limit) else { return false }
        return header.finishedLength == limit
    }

    private func stored(_ draft: FragmentWalker.Draft, isComplete: Bool) -> StoredFragment {
        StoredFragment(streamName: stream, session: name, entry: draft.entry, isComplete: isComplete)
    }
}
