/// Finds the fragments in a session's file, element by element, as far as the file is whole.
///
/// Owned by one reader. Reads through a window of its own, so that the size of a file or a fragment does not matter.
/// Blocks are not looked into beyond what their time needs: other producers' fragments may hold anything.
struct FragmentWalker {
    /// What a step has come past.
    enum Step: Equatable {
        /// A fragment with at least one whole block.
        case began
        /// The fragment has more whole blocks.
        case grew
        /// The fragment is complete; nothing will be added to it.
        case ended
    }

    /// The fragment the walker is in, or was in last.
    struct Draft: Equatable {
        var number: FragmentNumber
        var producerMilliseconds: Int64
        /// The first byte of its tags.
        var offset: Int64
        var cluster: Int64
        /// The end of a cluster that has its size.
        var clusterEnd: Int64?
        /// The end of the last whole block, or of what follows the cluster.
        var end: Int64
        /// The end of the cluster's last whole child.
        var blockEnd: Int64 = 0
        var timecode: Int64 = 0
        /// The end of the last block on the session's line, in milliseconds.
        var endMilliseconds: Double = 0

        /// The length is cut to whole milliseconds as the writer does, so that an index made anew says the same.
        var entry: IndexEntry {
            IndexEntry(
                number: number, producerMilliseconds: producerMilliseconds,
                durationMilliseconds: UInt32(
                    clamping: Int64(max(0, endMilliseconds - Double(timecode)).rounded(.down))),
                place: FragmentPlace(
                    offset: offset, tagsLength: UInt32(clamping: cluster - offset),
                    length: UInt32(clamping: end - offset)), checksum: 0)
        }
    }

    /// The largest fragment that is taken, and the largest block.
    static let maximumFragment: Int64 = 64 << 20

    /// The next byte that is not part of a step yet.
    private(set) var position: Int64
    private(set) var draft: Draft?
    /// The fragment that is open, with what is whole of it.
    var begun: Draft? { hasBegun ? draft : nil }
    var window: ByteWindow
    private let track: MatroskaScanner.TrackDescription
    private var isIn = false
    private var hasBegun = false

    /// - Parameter position: where a fragment's tags begin.
    init(_ bytes: SessionBytes, header: SessionHeader, position: Int64) {
        window = ByteWindow(bytes)
        track = header.track
        self.position = position
    }

    /// The bytes of the fragment's cluster after its head, so far.
    var clusterLength: Int? {
        guard let draft, draft.cluster > 0, draft.blockEnd > draft.cluster else { return nil }
        return Int(draft.blockEnd - draft.cluster - ClusterPlaces.headLength)
    }

    /// The next step; `nil` when more bytes are needed.
    ///
    /// - Parameters:
    ///   - limit: the end of what is whole.
    ///   - isFinal: nothing will come after it; an open fragment ends there.
    mutating func next(limit: Int64, isFinal: Bool) throws(WalkError) -> Step? {
        window.limit = limit
        let step = try walk(limit: limit, isFinal: isFinal)
        // Half an element may be another one when it is whole.
        if step == nil { window.forget(from: position) }
        return step
    }

    private mutating func walk(limit: Int64, isFinal: Bool) throws(WalkError) -> Step? {
        while true {
            if isIn, let end = draft?.clusterEnd, position >= end { leaveCluster() }
            guard let head = try window.element(at: position) else {
                // What is left may be half an element that nobody will complete.
                return isFinal && limit > 0 ? finish() : nil
            }
            if isIn {
                if draft?.clusterEnd == nil, Self.isLevelOne(head.id) {
                    leaveCluster()
                } else if let step = try child(head, limit: limit, isFinal: isFinal) {
                    return step
                } else if position <= head.start {
                    return isFinal ? finish() : nil
                }
                continue
            }
            switch head.id {
            case MatroskaElement.tags:
                guard let values = try tags(head, limit: limit) else { return isFinal ? finish() : nil }
                let fragment = Fragment(timecodeMilliseconds: 0, tags: values)
                guard let number = fragment.number else {
                    // Tags without a number belong to the fragment before them.
                    draft?.end = head.end ?? position
                    position = head.end ?? position
                    if draft != nil, hasBegun { return .grew }
                    continue
                }
                if let step = finish() { return step }
                draft = Draft(
                    number: number,
                    producerMilliseconds: fragment.producerMilliseconds ?? Int64(clamping: number.epochMilliseconds),
                    offset: head.start, cluster: 0, end: head.start)
                position = head.end ?? position
            case MatroskaElement.cluster:
                if let step = finish() { return step }
                guard draft != nil, draft?.cluster == 0 else {
                    throw .damaged(.unknownElement(id: head.id, offset: head.start))
                }
                if let end = head.end, end - head.start > Self.maximumFragment {
                    throw .damaged(.tooLarge(id: head.id, size: end - head.start, offset: head.start))
                }
                draft?.cluster = head.start
                draft?.clusterEnd = head.end
                isIn = true
                position = head.body
            case MatroskaElement.void, MatroskaElement.crc32, MatroskaElement.cues:
                guard let end = head.end else { throw .damaged(.unknownSize(id: head.id, offset: head.start)) }
                guard end <= limit else { return isFinal ? finish() : nil }
                // A Void between fragments is what recovery has made of damage; it is nobody's.
                if hasBegun, head.id != MatroskaElement.void { draft?.end = end }
                position = end
            default:
                if let step = finish() { return step }
                throw .damaged(.unknownElement(id: head.id, offset: head.start))
            }
        }
    }

    /// Gives the fragment up and goes on at the next one whose tags can be read. False when there is none.
    mutating func skipDamage(limit: Int64) throws(WalkError) -> Bool {
        window.limit = limit
        draft = nil
        isIn = false
        hasBegun = false
        while let found = try window.find([0x12, 0x54, 0xC3, 0x67], from: position + 1) {
            position = found
            if let head = try? window.element(at: found), let values = try? tags(head, limit: limit),
                let end = head.end, Fragment(timecodeMilliseconds: 0, tags: values).number != nil,
                let next = try? window.element(at: end), next.id == MatroskaElement.cluster
            {
                return true
            }
        }
        position = max(position, limit)
        return false
    }

    private mutating func leaveCluster() {
        isIn = false
        if let end = draft?.clusterEnd, hasBegun { draft?.end = end }
    }

    private mutating func finish() -> Step? {
        defer {
            isIn = false
            hasBegun = false
        }
        return hasBegun ? .ended : nil
    }

    private mutating func tags(_ head: ByteWindow.Head, limit: Int64) throws(WalkError) -> [MatroskaScanner.TagValue]? {
        guard let end = head.end, end - head.start <= Int64(MatroskaScanner.maximumMaster) else {
            throw .damaged(.tooLarge(id: head.id, size: head.end ?? 0, offset: head.start))
        }
        guard end <= limit, let bytes = try window.bytes(head.start..<end) else { return nil }
        var scanner = MatroskaScanner(offset: head.start)
        scanner.append(bytes)
        let token: MatroskaScanner.Token?
        do throws(MatroskaError) { token = try scanner.next() } catch { throw .damaged(error) }
        guard case .tags(let values) = token else { return nil }
        return values
    }

    /// One child of the open cluster. Nothing when it is not whole; the position then stays.
    private mutating func child(_ head: ByteWindow.Head, limit: Int64, isFinal: Bool) throws(WalkError) -> Step? {
        guard let end = head.end else { throw .damaged(.unknownSize(id: head.id, offset: head.start)) }
        guard let fragment = draft, end - fragment.offset <= Self.maximumFragment, end <= fragment.clusterEnd ?? .max
        else {
            throw .damaged(.overrun(offset: head.start))
        }
        guard Self.isClusterChild(head.id) else { throw .damaged(.unknownElement(id: head.id, offset: head.start)) }
        guard end <= limit else { return nil }
        switch head.id {
        case MatroskaElement.timecode:
            guard end - head.body <= 8, let bytes = try window.bytes(head.body..<end) else { return nil }
            let time = bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            guard time < 1 << 50 else { throw .damaged(.impossibleTime(offset: head.start)) }
            draft?.timecode = Int64(time)
            draft?.endMilliseconds = Double(time)
            position = end
            return nil
        case MatroskaElement.simpleBlock:
            guard end - head.body >= 4 else { throw .damaged(.unsupportedBlock(offset: head.start)) }
            // A block as long as that is a picture, whose end is the next one's start.
            let shown = min(end, head.body + (64 << 10))
            guard let bytes = try window.bytes(head.body..<shown) else { return nil }
            let first = bytes.startIndex
            let relative = Int16(bitPattern: UInt16(bytes[first + 1]) << 8 | UInt16(bytes[first + 2]))
            let length = shown == end ? track.milliseconds(of: bytes.dropFirst(4)) : 0
            draft?.endMilliseconds = max(
                fragment.endMilliseconds, Double(fragment.timecode) + Double(relative) + length)
        default: break
        }
        position = end
        draft?.end = end
        draft?.blockEnd = end
        defer { hasBegun = true }
        return hasBegun ? .grew : .began
    }

    private static func isLevelOne(_ id: UInt32) -> Bool { id > 0x0FFF_FFFF }

    /// What may lie in a cluster.
    static func isClusterChild(_ id: UInt32) -> Bool {
        switch id {
        case MatroskaElement.timecode, MatroskaElement.simpleBlock, MatroskaElement.position,
            MatroskaElement.previousSize, MatroskaElement.void, MatroskaElement.crc32, MatroskaElement.blockGroup,
            MatroskaElement.silentTracks:
            true
        default: false
        }
    }
}

/// Why a walk cannot go on.
enum WalkError: Error, Equatable, CustomStringConvertible {
    /// The bytes are not a recording.
    case damaged(MatroskaError)
    /// A file call failed.
    case file(FileError)

    var description: String {
        switch self {
        case .damaged(let error): error.description
        case .file(let error): error.description
        }
    }
}
