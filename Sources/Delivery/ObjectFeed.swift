import Logging
import NIOPosix
import StreamSink

/// Finds the objects of the object folder that a target does not have yet.
///
/// Objects are linked into their folder whole, so the folder's time of change tells, by being another one, that there is
/// news; clocks that are set back do no harm. Folders of days long past are not looked at.
final class ObjectFeed: DeliveryFeed {
    /// How often it looks where, and how far back.
    struct Pace: Sendable {
        /// Between looks at folders known to be in use.
        var quick: Duration = .seconds(1)
        /// Between walks through everything.
        var full: Duration = .seconds(5)
        /// Folders are closed this long after their last change.
        var closeAfter: Duration = .seconds(24 * 3600)
        /// Days this long past are left out; a longer call's records stay in the folder alone.
        var window: Duration = .seconds(31 * 24 * 3600)
    }

    private static let settledNanoseconds: Int64 = 2_000_000_000

    private let root: String
    private let prefixes: [String]
    private let pace: Pace
    private let logger: Logger
    private var ledger: ObjectLedger
    private var pending: [Int64: (folder: String, name: String)] = [:]
    private var pendingNames: [String: Set<String>] = [:]
    private var seen: [String: Int64] = [:]
    private var found: [(folder: String, name: String)] = []
    private var nextSequence: Int64 = 1
    private var lastQuick: ContinuousClock.Instant?
    private var lastFull: ContinuousClock.Instant?
    private(set) var troubles = FeedTroubles()

    /// - Parameters:
    ///   - root: the object folder.
    ///   - prefixes: the top folders that are of interest; empty for all.
    init(root: String, prefixes: [String], ledger: [UInt8]?, pace: Pace = Pace(), logger: Logger) {
        self.root = root
        self.prefixes = prefixes
        self.pace = pace
        self.logger = logger
        self.ledger = ledger.map { ObjectLedger(parsing: $0) } ?? ObjectLedger()
    }

    nonisolated(nonsending) func poll(limit: Int) async -> [FeedItem] {
        if found.isEmpty { await look() }
        var items: [FeedItem] = []
        while items.count < limit, let object = found.popLast() {
            let sequence = nextSequence
            nextSequence += 1
            pending[sequence] = object
            // Every object is a lane of its own: nothing has to be in order.
            items.append(FeedItem(sequence: sequence, lane: "\(object.folder)/\(object.name)"))
        }
        return items
    }

    func content(of sequence: Int64) -> DeliveryMessage.Content? {
        guard let object = pending[sequence] else { return nil }
        let key = "\(object.folder)/\(object.name)"
        return .object(key: key, path: "\(root)/\(key)")
    }

    func id(of sequence: Int64, _ content: DeliveryMessage.Content) -> String {
        pending[sequence].map { "\($0.folder)/\($0.name)" } ?? ""
    }

    func settle(_ sequence: Int64) {
        guard let object = pending.removeValue(forKey: sequence) else { return }
        pendingNames[object.folder]?.remove(object.name)
        if pendingNames[object.folder]?.isEmpty ?? false { pendingNames[object.folder] = nil }
        ledger.settle(object.name, in: object.folder)
    }

    func cursor() -> CursorChange? { ledger.change }
    func cursorWasSaved() { ledger.wasSaved() }

    private nonisolated(nonsending) func look() async {
        let now = ContinuousClock.now
        if let lastQuick, now < lastQuick + pace.quick { return }
        lastQuick = now
        let isFull = lastFull.map { now >= $0 + pace.full } ?? true
        let oldest = UTCTime(milliseconds: DiskFile.wallMilliseconds() - pace.window.inMilliseconds).dateFolder
        let (root, prefixes, seen, closed) = (root, prefixes, seen, ledger.folders.compactMapValues(\.closedAtChange))
        let news = try? await NIOThreadPool.singleton.runIfActive {
            if isFull {
                return ObjectWalk(root: root, oldest: oldest).changed(under: prefixes, seen: seen, closed: closed)
            }
            return ObjectWalk(root: root, oldest: oldest).changed(of: Array(seen.keys), seen: seen)
        }
        guard let news else { return }
        if isFull { lastFull = now }
        let settled = DiskFile.wallMilliseconds() &* 1_000_000 - Self.settledNanoseconds
        for (folder, listing) in news {
            // Within a tick of the file system's clock a folder changes without its time changing: one that has changed
            // just now (or later than now, where the clock was set back) is looked at again.
            self.seen[folder] = listing.change < settled ? listing.change : 0
            for name in listing.names where !ledger.has(name, in: folder) {
                guard pendingNames[folder, default: []].insert(name).inserted else { continue }
                found.append((folder, name))
            }
        }
        if isFull { closeOldFolders(oldest: oldest) }
    }

    private func closeOldFolders(oldest: String) {
        let limit = (DiskFile.wallMilliseconds() - pace.closeAfter.inMilliseconds) &* 1_000_000
        for (folder, change) in seen where change != 0 && change < limit && pendingNames[folder] == nil {
            ledger.close(folder, change: change)
            seen[folder] = nil
        }
        for folder in ledger.folders.keys where ObjectWalk.day(of: folder).map({ $0 < oldest }) ?? false {
            if pendingNames[folder] == nil { ledger.forget(folder) }
        }
    }
}

/// Walks through the object folder; blocks.
struct ObjectWalk: Sendable {
    struct Listing: Sendable {
        var change: Int64
        var names: [String]
    }

    /// No deeper folders.
    static let deepest = 12

    var root: String
    /// `yyyy/mm/dd`: days before it are left out.
    var oldest: String

    /// Folders with files that have changed, from the top; `closed` folders count as seen.
    func changed(under prefixes: [String], seen: [String: Int64], closed: [String: Int64]) -> [String: Listing] {
        var changed: [String: Listing] = [:]
        var stack = prefixes.isEmpty ? DiskFile.names(in: root) : prefixes
        while let folder = stack.popLast() {
            guard folder.split(separator: "/").count <= Self.deepest else { continue }
            if let day = Self.day(of: folder) {
                guard day >= oldest else { continue }
                if let listing = listing(folder, known: seen[folder] ?? closed[folder]) { changed[folder] = listing }
            } else if !isPast(folder) {
                // Only a day's folder holds objects; the folders above it hold folders.
                stack += DiskFile.names(in: "\(root)/\(folder)").map { "\(folder)/\($0)" }
            }
        }
        return changed
    }

    /// Those of the given folders that have changed.
    func changed(of folders: [String], seen: [String: Int64]) -> [String: Listing] {
        var changed: [String: Listing] = [:]
        for folder in folders { changed[folder] = listing(folder, known: seen[folder]) }
        return changed
    }

    private func listing(_ folder: String, known: Int64?) -> Listing? {
        let path = "\(root)/\(folder)"
        // The time is read before the names: what is added in between changes it again.
        guard let status = DiskFile.status(path), status.changed != known else { return nil }
        return Listing(change: status.changed, names: DiskFile.names(in: path))
    }

    /// Whether a year's or a month's folder lies wholly before the oldest day.
    private func isPast(_ folder: String) -> Bool {
        let parts = folder.split(separator: "/").suffix(2).map(String.init)
        let isNumber = parts.map { $0.utf8.allSatisfy { 0x30...0x39 ~= $0 } }
        if parts.count == 2, isNumber == [true, true], parts.map(\.utf8.count) == [4, 2] {
            return parts.joined(separator: "/") < oldest.prefix(7)
        }
        guard let year = parts.last, isNumber.last == true, year.utf8.count == 4 else { return false }
        return year < oldest.prefix(4)
    }

    /// `yyyy/mm/dd` at the end of a folder's name.
    static func day(of folder: String) -> String? {
        let parts = folder.split(separator: "/").suffix(3)
        guard parts.map(\.utf8.count) == [4, 2, 2], parts.allSatisfy({ $0.utf8.allSatisfy { 0x30...0x39 ~= $0 } })
        else {
            return nil
        }
        return parts.joined(separator: "/")
    }
}

extension Duration {
    /// Whole milliseconds, cut, within the range of the number.
    var inMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        return overflow ? (seconds < 0 ? .min : .max) : product &+ attoseconds / 1_000_000_000_000_000
    }
}
