/// Reads a session's file that a crash has left, past every damage in it, and says what stays and what must be written
/// over so that every reader steps over the rest.
///
/// Nothing that is whole is given up: behind damage it goes on at the next block of the same fragment, or the next fragment
/// of the session, whichever comes first. What lies between becomes a Void (RFC 8794 §11.3.3), of which only the first
/// bytes change. Only a torn end is cut off.
///
/// A pure reader: it asks `source` for bytes and changes nothing. Owned by one thread; memory grows by about 150 bytes a
/// fragment.
struct SessionSalvage {
    /// A fragment that stays, or a part of one.
    struct Piece {
        var number: FragmentNumber
        var producerMilliseconds: Int64
        var offset: Int64
        var cluster: Int64
        /// The cluster's own size, where its head has one.
        var size: Int64?
        /// Bytes of the cluster's head.
        var headLength: Int64 = ClusterPlaces.headLength
        /// The end of the cluster's last block.
        var blockEnd: Int64
        /// The end of what belongs to it.
        var end: Int64
        var timecode: Int64 = 0
        var endMilliseconds: Double = 0
        /// Whether some of it is missing or passed over.
        var hasHoles = false
        /// Whether its head is made anew, as the writer had made it.
        var isRebuilt = false
    }

    /// Bytes that make no sense.
    struct Hole {
        var range: Range<Int64>
        /// The number of pieces before it; an inner hole lies in the last of them.
        var pieces: Int
        /// Where it lies in a fragment: the audio's end before it and its beginning behind it, in milliseconds.
        var inner: (from: Double, to: Double)?
        /// The fragment whose tags begin it.
        var number: FragmentNumber?
    }

    /// What lies behind the last thing that is whole.
    enum Tail: Equatable {
        case none
        /// Half of what was being written.
        case torn
        /// Bytes that never reached the disk.
        case zeros
        /// Something else; it is not cut off.
        case damage
    }

    let header: SessionHeader
    /// The file's length.
    let limit: Int64
    /// The number of the first fragment's counter, as the file's name says it.
    let firstCounter: UInt64?
    /// Whether the fragments have exactly the form that this service's writer gives them; then more can be found.
    var isStrict = false
    /// What the index names, by offset.
    var known: [Int64: IndexEntry]
    var window: ByteWindow

    private(set) var pieces: [Piece] = []
    private(set) var holes: [Hole] = []
    private(set) var rewrites: [SessionPatch] = []
    private(set) var samples: Int64 = 0
    /// The end of what is kept.
    private(set) var end: Int64
    private(set) var tail = Tail.none
    /// The call that the fragments' tags name.
    private var transaction: String?

    /// Reads the whole file.
    /// - Parameters:
    ///   - index: the right entries of the index file, in any order.
    ///   - firstCounter: the counter of the session's first fragment, where it is known.
    init(
        _ source: SessionBytes, header: SessionHeader, index: [IndexEntry] = [], firstCounter: UInt64? = nil
    ) throws(WalkError) {
        self.header = header
        self.firstCounter = firstCounter
        limit = source.length
        end = header.length
        known = [:]
        for entry in index { known[entry.place.offset] = entry }
        window = ByteWindow(source)
        window.limit = limit
        if header.isOwn, header.startedAtMilliseconds != nil { isStrict = try looksOwn() }
        try run()
    }

    private mutating func run() throws(WalkError) {
        var position = header.length
        while position < limit {
            if let next = try step(at: position) {
                position = next
                continue
            }
            // Something is wrong there.
            let tags = try self.tags(at: position)
            let next = try nextFragment(from: position + 1)
            if isStrict, let end = try rebuildTags(at: position, upTo: next) {
                position = end
            } else if isStrict, let tags, isLater(tags), let end = try ownFragment(tags) {
                position = end
            } else if let next {
                lose(position..<next, tags?.number)
                position = next
            } else {
                tail = try kind(ofTail: position)
                if tail == .damage || tail == .zeros && limit - position > Self.zerosThatAreNews {
                    lose(position..<limit, tags?.number)
                }
                // A single byte is no room for a Void.
                if tail == .damage, limit - position < 2 { tail = .torn }
                end = tail == .damage ? limit : position
                return
            }
        }
        end = limit
    }

    /// More zeros than that were audio.
    static let zerosThatAreNews: Int64 = 327

    /// Comes past one element, or one fragment. `nil` when it makes no sense there.
    private mutating func step(at position: Int64) throws(WalkError) -> Int64? {
        guard let head = try element(at: position) else { return nil }
        switch head.id {
        case MatroskaElement.void, MatroskaElement.crc32, MatroskaElement.cues:
            guard let next = head.end, next <= limit, !isStrict || Self.isOwnVoid(head, end: next) else { return nil }
            return next
        case MatroskaElement.tags:
            guard let tags = try self.tags(at: position) else { return nil }
            transaction = transaction ?? (tags.number == nil ? nil : tags.value("TransactionId"))
            if isStrict {
                guard try isSound(tags) else { return nil }
                if tags.number != nil { return try ownFragment(tags) }
            } else if tags.number != nil {
                return try anyFragment(tags)
            }
            // Tags without a number belong to the fragment before them.
            if !pieces.isEmpty, pieces[pieces.count - 1].end == position { pieces[pieces.count - 1].end = tags.end }
            return tags.end
        default: return nil
        }
    }

    /// Whether a Void has the form that recovery gives it; our writer makes none, and damage may look like any other.
    static func isOwnVoid(_ head: ByteWindow.Head, end: Int64) -> Bool {
        head.id == MatroskaElement.void && (head.body - head.start == 9 || end - head.start < 9)
    }

    private func isLater(_ tags: Tags) -> Bool {
        guard let number = tags.number else { return false }
        return pieces.last.map { $0.number.counter < number.counter } ?? true
    }

    /// Whether tags of our own form say what their place and the cluster behind them say.
    private mutating func isSound(_ tags: Tags) throws(WalkError) -> Bool {
        let head = try window.bytes(tags.end..<min(limit, tags.end + Self.preludeLength))
        guard let number = tags.number else {
            // The last digits; a cluster cannot follow them.
            return head?.starts(with: [0x1F, 0x43, 0xB6, 0x75]) != true
        }
        guard let producer = tags.producerMilliseconds, isLater(tags) else { return false }
        if let last = pieces.last, last.end == tags.offset, number.counter != last.number.counter + 1 { return false }
        guard let head, let time = Self.timecode(head) else { return true }
        return time == producer &- (header.startedAtMilliseconds ?? 0)
            || Double(time) < (pieces.last?.endMilliseconds ?? 0) - 0.5
    }

    mutating func keep(_ piece: Piece, holes: [Hole], rewrites: [SessionPatch], samples: Int64) {
        pieces.append(piece)
        self.holes += holes
        self.rewrites += rewrites
        self.samples += samples
    }

    mutating func lose(_ range: Range<Int64>, _ number: FragmentNumber?) {
        if let last = holes.last, last.inner == nil, last.pieces == pieces.count {
            holes[holes.count - 1].range = last.range.lowerBound..<range.upperBound
        } else {
            holes.append(Hole(range: range, pieces: pieces.count, number: number))
        }
    }

    // Looking

    /// Tags that can be read.
    struct Tags {
        var offset: Int64
        var end: Int64
        var number: FragmentNumber?
        var producerMilliseconds: Int64?
        var values: [MatroskaScanner.TagValue]

        func value(_ name: String) -> String? { values.first { $0.name == name }?.value }
    }

    /// The element there; `nil` when none can begin there, or its head is not whole.
    mutating func element(at offset: Int64) throws(WalkError) -> ByteWindow.Head? {
        do throws(WalkError) {
            return try window.element(at: offset)
        } catch .damaged {
            return nil
        } catch {
            throw error
        }
    }

    /// The tags there; `nil` when these are none, or none that are whole.
    mutating func tags(at offset: Int64) throws(WalkError) -> Tags? {
        guard let head = try element(at: offset), head.id == MatroskaElement.tags, let end = head.end, end <= limit,
            end - offset <= Int64(MatroskaScanner.maximumMaster), let bytes = try window.bytes(offset..<end)
        else { return nil }
        var scanner = MatroskaScanner(offset: offset)
        scanner.append(bytes)
        guard case .tags(let values)? = try? scanner.next(), !values.isEmpty else { return nil }
        let fragment = Fragment(timecodeMilliseconds: 0, tags: values)
        return Tags(
            offset: offset, end: end, number: fragment.number,
            producerMilliseconds: fragment.producerMilliseconds, values: values)
    }

    /// Where the next fragment of this session begins.
    mutating func nextFragment(from offset: Int64) throws(WalkError) -> Int64? {
        var from = offset
        while let found = try window.find([0x12, 0x54, 0xC3, 0x67], from: from) {
            from = found + 1
            guard let tags = try self.tags(at: found), let number = tags.number else { continue }
            // What an earlier use of the disk has left there is another call's, or older.
            if let last = pieces.last, number.counter <= last.number.counter { continue }
            if let transaction, let other = tags.value("TransactionId"), other != transaction { continue }
            guard !isStrict else { return found }
            if try element(at: tags.end)?.id == MatroskaElement.cluster { return found }
        }
        return nil
    }

    /// Whether the first fragments that can be found are of this service's own form.
    private mutating func looksOwn() throws(WalkError) -> Bool {
        var from = header.length
        var isAnother = false
        for _ in 0..<8 {
            guard let found = try window.find([0x12, 0x54, 0xC3, 0x67], from: from) else { return !isAnother }
            from = found + 1
            guard let tags = try self.tags(at: found), tags.number != nil, let producer = tags.producerMilliseconds
            else {
                continue
            }
            guard let bytes = try window.bytes(tags.end..<min(limit, tags.end + Self.preludeLength)),
                bytes.count == Int(Self.preludeLength)
            else { return true }
            if Self.isPrelude(bytes, timecode: producer &- (header.startedAtMilliseconds ?? 0)) { return true }
            // Damaged, or a cluster that its producer has put together in a form of its own?
            if let cluster = try element(at: tags.end), cluster.id == MatroskaElement.cluster,
                let first = try element(at: cluster.body), let end = first.end, end <= limit,
                FragmentWalker.isClusterChild(first.id)
            {
                isAnother =
                    isAnother || end != tags.end + Self.preludeLength || first.id != MatroskaElement.timecode
            }
        }
        return false
    }

    // Judging

    /// Whether a cluster that goes on behind the end may be the half of a producer's fragment, which is written with its
    /// size; clusters of calls have none before the file is closed.
    private func isProducers(_ length: Int64) -> Bool {
        header.finishedLength == nil && length <= 64 << 20 && pieces.allSatisfy { $0.size != nil }
    }

    /// Why nothing more was found from there on.
    private mutating func kind(ofTail position: Int64) throws(WalkError) -> Tail {
        guard position < limit else { return .none }
        var at = position
        // All zeros?
        var isZero = true
        while at < limit, isZero {
            guard let bytes = try window.bytes(at..<min(limit, at + (64 << 10))) else { break }
            isZero = bytes.allSatisfy { $0 == 0 }
            at += Int64(bytes.count)
        }
        // Of an encrypted file zeros are what was damaged.
        if isZero { return SealedLayout.isSealed(window.source.path) ? .damage : .zeros }
        at = position
        // Tags, the cluster's head, its time, and then half of something: what one write would have added.
        for _ in 0..<6 {
            guard at < limit else { return .torn }
            guard let head = try element(at: at) else {
                guard limit - at < 12, let bytes = try window.bytes(at..<limit), let first = bytes.first else {
                    return .damage
                }
                return [0x12, 0x1F, 0xE7, 0xA3, 0xA0, 0xEC].contains(first) ? .torn : .damage
            }
            switch head.id {
            case MatroskaElement.cluster:
                if let end = head.end, end > limit { return isStrict && !isProducers(end - at) ? .damage : .torn }
                at = head.body
            case MatroskaElement.tags, MatroskaElement.timecode:
                guard let end = head.end, end - at <= Int64(MatroskaScanner.maximumMaster) else { return .damage }
                if end > limit { return .torn }
                at = end
            case MatroskaElement.simpleBlock, MatroskaElement.blockGroup:
                guard let end = head.end, end > limit else { return .damage }
                return end - at <= maximumBlock ? .torn : .damage
            default: return .damage
            }
        }
        return .damage
    }

    private var maximumBlock: Int64 {
        guard isStrict else { return Int64(MatroskaScanner.maximumBlock) }
        return header.track.isPCM ? Int64(header.track.rate / 50 * 2 + 8) : 64 << 10
    }
}
