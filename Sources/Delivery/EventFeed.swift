import Logging
import StreamSink

/// Follows the event log, through rotation and truncation.
final class EventFeed: DeliveryFeed {
    /// What to make of an event.
    struct Rules: Sendable {
        /// Whether the target wants it.
        var isWanted: @Sendable (EventSummary) -> Bool
        /// The lane: messages of one lane go in order.
        var lane: @Sendable (EventSummary) -> String = { $0.transactionID }
        /// How long a message is held back.
        var delay: Duration = .zero
    }

    private let path: String
    private let rules: Rules
    private let logger: Logger
    /// Oldest first; the last is the one that grows.
    private var segments: [LogSegment] = []
    private var places: [Int64: (segment: LogSegment, range: Range<Int64>)] = [:]
    private var nextSequence: Int64 = 1
    private var isDirty = false
    private var isUnreadable = false
    private(set) var troubles = FeedTroubles()

    /// - Parameters:
    ///   - cursor: what ``cursor()`` gave last time; nil for the first start.
    ///   - isNewOnly: whether a first start leaves out what is in the log already.
    init(path: String, cursor: [UInt8]?, isNewOnly: Bool, rules: Rules, logger: Logger) {
        self.path = path
        self.rules = rules
        self.logger = logger
        do throws(FileError) {
            if let cursor {
                try restore(cursor)
            } else if let segment = try LogSegment(path: path) {
                if isNewOnly { try segment.skipToEnd() }
                segments = [segment]
            }
        } catch {
            logger.error("the event log cannot be read", metadata: ["error": "\(error)"])
        }
        isDirty = true
    }

    nonisolated(nonsending) func poll(limit: Int) async -> [FeedItem] {
        do throws(FileError) {
            try followFiles()
            var items: [FeedItem] = []
            for segment in segments {
                while items.count < limit {
                    let before = segment.readOffset
                    let (lines, skipped) = try segment.lines(limit: limit - items.count)
                    troubles.damagedLines += Int64(skipped)
                    for line in lines { take(line, of: segment, into: &items) }
                    if lines.isEmpty, segment.readOffset == before { break }
                }
            }
            dropSettledSegments()
            isUnreadable = false
            return items
        } catch {
            // Tried again each tick, told once.
            if !isUnreadable { logger.error("the event log cannot be read", metadata: ["error": "\(error)"]) }
            isUnreadable = true
            return []
        }
    }

    func content(of sequence: Int64) -> DeliveryMessage.Content? {
        guard let place = places[sequence], let bytes = try? place.segment.bytes(in: place.range),
            let event = try? EventSummary(line: bytes)
        else {
            troubles.lostMessages += 1
            return nil
        }
        return .event(event)
    }

    func id(of sequence: Int64, _ content: DeliveryMessage.Content) -> String {
        switch content {
        case .event(let event): event.id
        case .object(let key, _): key
        }
    }

    func settle(_ sequence: Int64) {
        guard let place = places.removeValue(forKey: sequence) else { return }
        place.segment.settled.settle(place.range)
        place.segment.unsettled = max(0, place.segment.unsettled - 1)
        isDirty = true
        if segments.count > 1 { dropSettledSegments() }
    }

    func cursor() -> CursorChange? {
        isDirty ? .replace(EventCursor(segments: segments.map(EventCursor.Segment.init)).bytes) : nil
    }

    func cursorWasSaved() { isDirty = false }

    private func take(_ line: LogSegment.Line, of segment: LogSegment, into items: inout [FeedItem]) {
        guard !segment.settled.contains(line.range) else { return }
        let event: EventSummary
        do throws(EventLineError) {
            event = try EventSummary(line: line.bytes)
        } catch {
            // An empty line is what a repaired tear leaves.
            if !line.bytes.isEmpty {
                troubles.damagedLines += 1
                logger.warning(
                    "a line of the event log is not sent",
                    metadata: ["reason": "\(error)", "log": "\(path)", "offset": "\(line.range.lowerBound)"])
            }
            return pass(line, of: segment)
        }
        guard rules.isWanted(event) else { return pass(line, of: segment) }
        let sequence = nextSequence
        nextSequence += 1
        places[sequence] = (segment, line.range)
        segment.unsettled += 1
        let delay = rules.delay
        items.append(
            FeedItem(
                sequence: sequence, lane: rules.lane(event),
                notBefore: delay > .zero ? ContinuousClock.now + delay : nil))
    }

    private func pass(_ line: LogSegment.Line, of segment: LogSegment) {
        segment.settled.settle(line.range)
        isDirty = true
    }

    private func followFiles() throws(FileError) {
        guard let current = segments.last else {
            if let segment = try LogSegment(path: path) { segments.append(segment) }
            return
        }
        if current.size < current.readOffset {
            tellLoss("the event log was cut; what was not sent from the cut part is lost, the rest is read anew")
            // Whatever is still queued finds its place gone and is counted then.
            places = places.filter { $0.value.segment !== current }
            current.restart()
            isDirty = true
        }
        guard let status = DiskFile.status(path), status.inode != current.inode, status.size > 0 else { return }
        // Rotated: the old file is read to its end (in `poll`), the new one from its start.
        if let segment = try LogSegment(path: path) {
            logger.notice("the event log was rotated", metadata: ["log": "\(path)"])
            segments.append(segment)
            isDirty = true
        }
    }

    private func dropSettledSegments() {
        while segments.count > 1, segments[0].isSettled, segments[0].readOffset >= segments[0].size {
            segments.removeFirst()
            isDirty = true
        }
    }

    private func restore(_ bytes: [UInt8]) throws(FileError) {
        guard let cursor = EventCursor(parsing: bytes) else {
            tellLoss("the cursor is damaged; the whole event log is sent again")
            if let segment = try LogSegment(path: path) { segments = [segment] }
            return
        }
        let folder = path[..<(path.lastIndex(of: "/") ?? path.startIndex)]
        let name = path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...]
        var files: [UInt64: String] = [:]
        for file in DiskFile.names(in: String(folder)) where file.hasPrefix(name) {
            if let status = DiskFile.status("\(folder)/\(file)") { files[status.inode] = "\(folder)/\(file)" }
        }
        for saved in cursor.segments {
            guard let file = files[saved.inode], let segment = try LogSegment(path: file, settled: saved.settled) else {
                tellLoss("a rotated part of the event log is gone; what was not sent from it is lost")
                continue
            }
            guard segment.mark(before: saved.settled.end) == saved.mark else {
                tellLoss("the event log was cut or replaced; it is read anew")
                segment.restart()
                segments.append(segment)
                continue
            }
            segments.append(segment)
        }
        // What was rotated while the service was down is newer than what is known; the newest is the log's own path.
        let known = Set(segments.map(\.inode))
        let newest = segments.compactMap { DiskFile.status($0.path)?.changed }.max()
        let later = files.filter { !known.contains($0.key) && !Self.isPacked($0.value) }
            .compactMap { file in DiskFile.status(file.value).map { (path: file.value, changed: $0.changed) } }
            .filter { $0.path == path || ($0.changed >= newest ?? .max) }
        for file in later.sorted(by: { ($0.path == path ? 1 : 0, $0.changed) < ($1.path == path ? 1 : 0, $1.changed) })
        {
            if let segment = try LogSegment(path: file.path) { segments.append(segment) }
        }
    }

    private static func isPacked(_ path: String) -> Bool {
        [".gz", ".xz", ".bz2", ".zst"].contains(where: path.hasSuffix)
    }

    private func tellLoss(_ message: Logger.Message) {
        troubles.lostLogs += 1
        logger.error(message, metadata: ["log": "\(path)"])
    }
}
