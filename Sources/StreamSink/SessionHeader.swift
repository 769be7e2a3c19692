/// What stands before a session's first fragment.
struct SessionHeader: Sendable {
    /// A header longer than this is none.
    static let limit: Int64 = 1 << 20

    /// EBML header to `Tracks`, as it was before the file was closed: the Segment has no size, `Info` no duration.
    let bytes: [UInt8]
    let track: MatroskaScanner.TrackDescription
    /// Wall clock of sample 0, milliseconds since 1970.
    let startedAtMilliseconds: Int64?
    /// The file's length as it says itself, when it has been closed.
    let finishedLength: Int64?

    var length: Int64 { Int64(bytes.count) }

    /// Reads the header; `nil` when it is not whole yet: that shows when the first fragment begins.
    /// - Parameters:
    ///   - limit: the end of what is whole.
    ///   - endsAtLimit: whether the header is known to end there, so that no fragment is looked for behind it.
    init?(_ source: SessionBytes, limit: Int64, endsAtLimit: Bool = false) throws(WalkError) {
        var content: [UInt8]
        var scanner = MatroskaScanner()
        var track: MatroskaScanner.TrackDescription?
        var startedAt: Int64?
        var segment: (dataOffset: Int64, size: Int64?)?
        var length: Int64?
        do throws(FileError) { content = try source.bytes(0..<min(limit, 4096)) } catch { throw .file(error) }
        scanner.append(content)
        // Where what comes next begins, a Void before it included.
        var before: Int64 = 0
        reading: while true {
            let token: MatroskaScanner.Token?
            do throws(MatroskaError) { token = try scanner.next() } catch { throw .damaged(error) }
            switch token {
            case nil:
                let next = Int64(content.count)
                if endsAtLimit, next == limit, scanner.offset == limit {
                    length = limit
                    break reading
                }
                guard next < min(limit, Self.limit) else { return nil }
                let more: [UInt8]
                do throws(FileError) {
                    more = try source.bytes(next..<min(limit, Self.limit, next + (64 << 10)))
                } catch {
                    throw .file(error)
                }
                guard !more.isEmpty else { return nil }
                scanner.append(more)
                content += more
            case .document: break
            case .segment(let dataOffset, let size): segment = (dataOffset, size)
            case .info(let info): startedAt = info.startedAtMilliseconds
            case .track(let first): track = track ?? first
            case .tags(let values):
                guard Fragment(timecodeMilliseconds: 0, tags: values).number != nil else { break }
                length = before
                break reading
            case .cluster:
                length = before
                break reading
            case .timecode, .block: throw .damaged(.overrun(offset: before))
            }
            if token != nil { before = scanner.offset }
        }
        guard let length, let track, let segment, segment.dataOffset <= length else { return nil }
        self.track = track
        startedAtMilliseconds = startedAt
        finishedLength = segment.size.map { segment.dataOffset &+ $0 }
        content.removeLast(max(0, content.count - Int(length)))
        Self.reopen(&content, segmentData: Int(segment.dataOffset))
        bytes = content
    }

    /// Takes back what was written in when the file was closed, so that every reader gets the same header.
    private static func reopen(_ bytes: inout [UInt8], segmentData: Int) {
        guard segmentData >= 8, segmentData <= bytes.count, bytes[segmentData - 8] == 1 else { return }
        for index in segmentData - 7..<segmentData { bytes[index] = 0xFF }
        let duration = MatroskaHeader.durationOffset
        guard bytes.count >= duration + 11, bytes[duration..<duration + 3].elementsEqual([0x44, 0x89, 0x88]) else {
            return
        }
        let void: [UInt8] = [UInt8(truncatingIfNeeded: MatroskaElement.void), 0x89]
        bytes.replaceSubrange(duration..<duration + 11, with: void + [UInt8](repeating: 0, count: 9))
    }
}
