/// Reads one session and its index back, from the first byte to the last, and says what is not as it was written.
///
/// Where the index has an entry it says where a fragment lies: damage costs exactly the fragment it lies in. The rest
/// is found by a walk. Holds one fragment (at most ``FragmentWalker/maximumFragment``) and at most ``findingLimit``
/// findings. Owned by one thread.
final class SessionVerifier {
    /// More findings of one session are only counted.
    static let findingLimit = 1000

    /// What is told of a session.
    struct Outcome: Sendable {
        var findings: [VerificationFinding] = []
        var unlisted = 0
        var fragments = 0
        var checkedFragments = 0
        var bytes: Int64 = 0
        var milliseconds: Double = 0
        var first: FragmentNumber?
        var last: FragmentNumber?
        var wasLive = false
        var isBrokenOff = false

        var hasFaults: Bool { findings.contains { $0.level != .note } }
    }

    let source: SessionBytes
    let streamName: String
    let path: String
    /// Whether a running service may still be writing the file, as long as it has no end.
    let mayBeLive: Bool
    /// Told how many bytes were read; false breaks off.
    let goOn: (Int64) -> Bool

    var outcome = Outcome()
    var header: SessionHeader?
    var isOwn = false
    var isLive = false
    var limit: Int64 = 0
    /// The end of the audio so far on the session's line; `nil` behind damage.
    var lineEnd: Double?
    var lastTimecode: Int64 = -1
    /// The end of the last fragment's audio by its producer's clock.
    var producerEnd: Int64?
    /// Fragments found without an entry of the index.
    var unindexed = 0
    /// Where the last whole block ends.
    var wholeEnd: Int64 = 0
    var buffer: [UInt8] = []
    /// What recovery had to give up.
    var losses = SessionLosses()

    init(
        source: SessionBytes, streamName: String, path: String, mayBeLive: Bool, goOn: @escaping (Int64) -> Bool
    ) {
        self.source = source
        self.streamName = streamName
        self.path = path
        self.mayBeLive = mayBeLive
        self.goOn = goOn
    }

    /// Does it all.
    static func verify(
        _ source: SessionBytes, streamName: String, path: String, mayBeLive: Bool, goOn: @escaping (Int64) -> Bool
    ) -> Outcome {
        let verifier = SessionVerifier(
            source: source, streamName: streamName, path: path, mayBeLive: mayBeLive, goOn: goOn)
        do throws(FileError) { try verifier.run() } catch {
            verifier.add(.unreadableFile, detail: "\(error)") { _ in }
        }
        return verifier.outcome
    }

    private func readHeader(limit: Int64, endsAtLimit: Bool, _ damage: inout MatroskaError?) throws(FileError) {
        do throws(WalkError) {
            header = try SessionHeader(source, limit: limit, endsAtLimit: endsAtLimit)
            damage = nil
        } catch {
            header = nil
            switch error {
            case .damaged(let error): damage = error
            case .file(let error): throw error
            }
        }
    }

    func add(
        _ kind: VerificationFinding.Kind, level: VerificationFinding.Level? = nil, detail: String,
        _ fill: (inout VerificationFinding) -> Void
    ) {
        guard outcome.findings.count < Self.findingLimit else { return outcome.unlisted += 1 }
        var finding = VerificationFinding(kind, level: level, streamName: streamName, path: path, detail: detail)
        fill(&finding)
        outcome.findings.append(finding)
    }

    private func run() throws(FileError) {
        try tellLosses()
        // Its length before the file's: what its entries name then lies in the file.
        var index: IndexCursor?
        do throws(FileError) { index = try IndexCursor(path: IndexFile.path(of: source.path)) } catch {
            add(.unreadableFile, detail: "the index: \(error)") { _ in }
        }
        limit = source.length
        var damage: MatroskaError?
        try readHeader(limit: limit, endsAtLimit: false, &damage)
        if let index, index.isUsable, index.headerLength < limit, header?.length != index.headerLength {
            // The damage may lie in the first fragment, by which the header's end is found.
            let (found, problem) = (header, damage)
            try readHeader(limit: index.headerLength, endsAtLimit: true, &damage)
            if header == nil { (header, damage) = (found, problem) }
        }
        if header == nil, damage == nil {
            // A call that a crash ended before its first sample: closed, and nothing but a header.
            try readHeader(limit: limit, endsAtLimit: true, &damage)
            if header?.finishedLength != limit { (header, damage) = (nil, nil) }
        }
        isOwn = header?.isOwn ?? false
        isLive = mayBeLive && damage == nil && header?.finishedLength == nil
        outcome.wasLive = isLive
        if var cursor = index {
            let isForeign = try isForeign(&cursor)
            let start = isForeign ? header?.length ?? limit : try checkHeader(cursor, damage)
            if isForeign {
                add(.foreignIndex, detail: "the index is another session's; nothing could be checked against it") { _ in
                }
            } else if !cursor.isUsable {
                add(.damagedIndex, detail: "the index file's head is damaged; nothing could be checked against it") {
                    _ in
                }
            }
            try checkAll(from: start, &cursor, usesIndex: cursor.isUsable && !isForeign)
        } else {
            guard header != nil || !isLive else { return }
            if let damage {
                add(.damagedHeader, detail: "the header cannot be read: \(damage); without an index nothing else can") {
                    _ in
                }
            }
            if let header {
                try walk(from: header.length, upTo: limit, isFinal: !isLive)
                if !isLive, unindexed > 0 {
                    add(
                        .missingIndex,
                        detail:
                            "no index file; fragments were found in the session's file and compared with nothing"
                    ) {
                        $0.fragmentCount = unindexed
                    }
                }
            }
        }
        try checkEnd(isDamaged: damage != nil)
        if outcome.unlisted > 0 {
            let kinds = outcome.findings.last?.level
            outcome.findings.append(
                VerificationFinding(
                    .more, level: kinds, streamName: streamName, path: path,
                    detail: "\(outcome.unlisted) more findings in this file"))
        }
        outcome.bytes = limit
    }

    /// Compares the header with the index. Returns where the first fragment begins.
    private func checkHeader(
        _ index: IndexCursor, _ damage: MatroskaError?
    ) throws(FileError) -> Int64 {
        guard let header else {
            if let damage {
                add(.damagedHeader, detail: "the header cannot be read: \(damage)") { $0.offset = 0 }
            } else if index.isUsable, !isLive {
                add(.damagedHeader, detail: "the header is not whole") { $0.offset = 0 }
            }
            return index.isUsable ? index.headerLength : limit
        }
        guard index.isUsable else { return header.length }
        let isSame =
            header.length == index.headerLength
            && (index.headerChecksum == 0 || index.headerChecksum == CRC32C.checksum(header.bytes))
        if isSame { return header.length }
        // An index that begins elsewhere and finds no fragment there is not this file's; that is told of it then.
        let place = FragmentPlace(offset: index.headerLength, tagsLength: 0, length: 0)
        let isThere = try source.bytes(place.offset..<place.offset + 4).elementsEqual([0x12, 0x54, 0xC3, 0x67])
        if header.length != index.headerLength, !isThere { return header.length }
        add(.damagedHeader, detail: "the header is not the one that was written") {
            $0.offset = 0
            $0.bytes = index.headerLength
        }
        return index.headerLength
    }

    /// Whether the index is another session's: where its fragments should lie there are ones with quite other numbers.
    private func isForeign(_ index: inout IndexCursor) throws(FileError) -> Bool {
        var others = 0
        for place in Set([0, index.count / 2, index.count - 1]) {
            guard let entry = try index.entry(place), entry.place.end <= limit,
                let number = try number(at: entry.place)
            else { continue }
            if number == entry.number { return false }
            // One damaged digit is not another session.
            let differing = zip(number.description.utf8, entry.number.description.utf8).count { $0 != $1 }
            if differing > 4 { others += 1 }
        }
        return others > 0
    }

    private func number(at place: FragmentPlace) throws(FileError) -> FragmentNumber? {
        guard place.tagsLength <= UInt32(MatroskaScanner.maximumMaster) else { return nil }
        var scanner = MatroskaScanner(offset: place.offset)
        scanner.append(try source.bytes(place.offset..<place.cluster))
        guard case .tags(let values)? = try? scanner.next() else { return nil }
        return Fragment(timecodeMilliseconds: 0, tags: values).number
    }
}

extension SessionHeader {
    /// Whether this service wrote it, and not another producer.
    var isOwn: Bool {
        let name = Array("Earshot".utf8)
        return bytes.indices.dropLast(name.count - 1).contains { bytes[$0..<$0 + name.count].elementsEqual(name) }
    }
}
