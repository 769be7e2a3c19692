/// Audio of a session that is gone: what a crash or the disk had damaged when recovery closed the file.
public struct SessionLoss: Sendable, Hashable {
    /// The first byte in the file.
    public var offset: Int64
    /// So many bytes: passed over as a Void, or cut off the end.
    public var bytes: Int64
    /// Whether the bytes were cut off; otherwise all but the first few are still in the file.
    public var isCut = false
    /// The first fragment that is hurt, where its number is known.
    public var fragment: FragmentNumber?
    /// The last one.
    public var lastFragment: FragmentNumber?
    /// The counters of the first and the last fragment hurt; `nil` where even these can only be guessed.
    public var counters: ClosedRange<UInt64>?
    /// Whether a part of the first fragment is still there.
    public var isPart = false
    /// Where it begins on the session's line, milliseconds from sample 0.
    public var atMilliseconds: Double?
    /// How long it is there; `nil` where nothing tells.
    public var milliseconds: Double?
    /// The bytes that were written over with the Void's head (at most nine), so that everything can be put back.
    public var head: [UInt8] = []

    /// How many fragments are hurt, as far as that is known.
    public var fragmentCount: Int? { counters.map { Int(min($0.upperBound - $0.lowerBound, 1 << 40)) + 1 } }

    /// In a few words.
    public var description: String {
        var text = "\(bytes) bytes from byte \(offset) on"
        if let counters {
            text +=
                counters.lowerBound == counters.upperBound
                ? (isPart ? ", a part of fragment \(counters.lowerBound)" : ", fragment \(counters.lowerBound)")
                : ", fragments \(counters.lowerBound) to \(counters.upperBound)"
        }
        if let milliseconds { text += ", \(Int64(milliseconds.rounded())) ms of audio" }
        if let at = atMilliseconds { text += " at \(Int64(at.rounded())) ms" }
        return text
    }
}

extension SessionLoss {
    var json: JSONValue {
        var members: [JSONValue.Member] = [.init("offset", .integer(offset)), .init("bytes", .integer(bytes))]
        func add(_ name: String, _ value: JSONValue?) {
            if let value { members.append(.init(name, value)) }
        }
        if isCut { add("cut", .bool(true)) }
        if isPart { add("part", .bool(true)) }
        add("fragmentNumber", fragment.map { .string($0.description) })
        add("lastFragmentNumber", lastFragment.map { .string($0.description) })
        add("firstCounter", counters.map { .integer(Int64(clamping: $0.lowerBound)) })
        add("lastCounter", counters.map { .integer(Int64(clamping: $0.upperBound)) })
        add("atMilliseconds", atMilliseconds.map(JSONValue.decimal))
        add("milliseconds", milliseconds.map(JSONValue.decimal))
        if !head.isEmpty {
            let digits = head.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
            add("head", .string(digits.joined()))
        }
        return .object(members)
    }

    /// `nil` when it is none.
    init?(json: JSONValue) {
        guard let offset = json["offset"]?.integerValue, let bytes = json["bytes"]?.integerValue, offset >= 0,
            bytes >= 0, offset.addingReportingOverflow(bytes).overflow == false
        else { return nil }
        self.offset = offset
        self.bytes = bytes
        isCut = json["cut"]?.boolValue ?? false
        isPart = json["part"]?.boolValue ?? false
        fragment = json["fragmentNumber"]?.stringValue.flatMap { FragmentNumber($0) }
        lastFragment = json["lastFragmentNumber"]?.stringValue.flatMap { FragmentNumber($0) }
        if let first = json["firstCounter"]?.integerValue.flatMap(UInt64.init(exactly:)),
            let last = json["lastCounter"]?.integerValue.flatMap(UInt64.init(exactly:)), first <= last
        {
            counters = first...last
        }
        atMilliseconds = json["atMilliseconds"]?.decimalValue
        milliseconds = json["milliseconds"]?.decimalValue
        let digits = Array((json["head"]?.stringValue ?? "").utf8.prefix(32))
        head = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)
        }
    }
}

/// What is known to be lost of one session: the content of `<session>.lost` beside `<session>.mkv`.
///
/// Recovery writes it before it changes the file, so that no crash in between makes a loss be forgotten. It goes with the
/// session, or when somebody deletes it.
struct SessionLosses: Sendable, Equatable {
    /// More are told as one that reaches to the last.
    static let limit = 1000

    var losses: [SessionLoss] = []
    /// When somebody said that it is known, milliseconds since 1970.
    var acknowledgedAtMilliseconds: Int64?

    /// The file of a session's file.
    static func path(of session: String) -> String {
        (session.hasSuffix(".mkv") ? String(session.dropLast(4)) : session) + ".lost"
    }

    /// What is lost of a session; `nil` when nothing is known to be.
    static func load(session path: String) throws(FileError) -> SessionLosses? {
        let file = Self.path(of: path)
        guard FileContents.status(file) != nil else { return nil }
        let bytes = try FileContents.read(file, limit: 4 << 20)
        // Unreadable, it still says that something is lost.
        guard let json = try? JSONValue(parsing: bytes) else { return SessionLosses() }
        return SessionLosses(
            losses: (json["losses"]?.arrayValue ?? []).prefix(limit).compactMap { SessionLoss(json: $0) },
            acknowledgedAtMilliseconds: json["acknowledgedAt"]?.integerValue)
    }

    func save(session path: String, operations: FileOperations) throws(FileError) {
        var members: [JSONValue.Member] = [.init("losses", .array(losses.map(\.json)))]
        if let time = acknowledgedAtMilliseconds { members.append(.init("acknowledgedAt", .integer(time))) }
        try operations.replaceFile(at: Self.path(of: path), with: JSONValue.object(members).bytes, sync: true)
    }

    /// Adds what is not known yet. False when there is nothing new.
    mutating func add(_ found: [SessionLoss]) -> Bool {
        let new = found.filter { loss in
            !losses.contains { $0.offset == loss.offset && $0.bytes == loss.bytes }
        }
        guard !new.isEmpty else { return false }
        acknowledgedAtMilliseconds = nil
        losses = (losses + new).sorted { $0.offset < $1.offset }
        while losses.count > Self.limit {
            let last = losses.removeLast()
            let index = losses.count - 1
            losses[index].bytes = max(losses[index].bytes, last.offset + last.bytes - losses[index].offset)
            losses[index].lastFragment = last.lastFragment ?? last.fragment ?? losses[index].lastFragment
            if let counters = losses[index].counters, let others = last.counters {
                losses[index].counters = counters.lowerBound...max(counters.upperBound, others.upperBound)
            }
            losses[index].milliseconds = (losses[index].milliseconds ?? 0) + (last.milliseconds ?? 0)
        }
        return true
    }

    /// The audio that is lost, in milliseconds, as far as that is known.
    var milliseconds: Int64 {
        Int64(min(1e15, losses.reduce(0) { $0 + max(0, $1.milliseconds ?? 0) }).rounded())
    }

    /// Whether a stretch of the line without audio is one of these.
    func explains(gapFrom start: Double, to end: Double) -> Bool {
        losses.contains { loss in
            guard let at = loss.atMilliseconds else { return false }
            return start >= at - 1 && end <= at + (loss.milliseconds ?? 0) + 1
        }
    }

    /// How many of the fragments with these counters are wholly lost, as far as that is known.
    func lostFragments(from first: UInt64, to last: UInt64) -> Int {
        losses.reduce(0) { sum, loss in
            guard let counters = loss.counters else { return sum }
            // A fragment of which a part is there is among those that are.
            let low = max(first, loss.isPart ? counters.lowerBound &+ 1 : counters.lowerBound)
            let high = min(last, counters.upperBound)
            return low <= high ? sum + Int(min(high - low, 1 << 40)) + 1 : sum
        }
    }
}

extension SessionFileName {
    /// What lies beside a session's file and goes with it.
    static func besides(_ path: String) -> [String] { [IndexFile.path(of: path), SessionLosses.path(of: path)] }

    /// The session's file beside which a file belongs; `nil` for any other.
    static func session(ofBeside file: String) -> String? {
        for ending in [".idx", ".lost"] where file.hasSuffix(ending) {
            let session = String(file.dropLast(ending.count)) + ".mkv"
            return SessionFileName(session) == nil ? nil : session
        }
        return nil
    }
}
