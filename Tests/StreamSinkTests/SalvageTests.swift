import Foundation
import Testing

@testable import StreamSink

/// Thirty fragments of a call that was killed: no end, no sizes, and the index as far as it had been written.
struct KilledCall {
    static let fragments = 30

    let folder: TemporaryFolder
    let path: String
    let bytes: [UInt8]
    /// All fragments, as the writer's index would have them.
    let entries: [IndexEntry]
    let headerLength: Int64

    init(format: FormatCase = .pcm8) throws {
        folder = try TemporaryFolder()
        path = "\(folder.path)/000000_T1_0.mkv"
        var written: [UInt8] = []
        var muxer = makeMuxer(format: format.format)
        muxer.appendHeader(to: &written)
        let perBlock = format.format.samplesPerBlock
        for index in 0..<Self.fragments * 50 {
            let time = callStart + Int64(index) * 20
            switch format.format {
            case .pcm:
                let content = (index * perBlock..<(index + 1) * perBlock).map(sample)
                muxer.appendBlock(content.span, serverMilliseconds: time, to: &written)
            case .opus:
                muxer.appendBlock(
                    encoded: format.block(index % 1000), samples: perBlock, serverMilliseconds: time, to: &written)
            case .payload:
                muxer.appendPayload(
                    format.block(index).span.bytes, at: Int64(index * perBlock), length: Int64(perBlock),
                    serverMilliseconds: time, to: &written)
            }
        }
        bytes = written
        try write(written, to: path)
        let index = try #require(try loadIndex(path))
        entries = index.entries
        headerLength = index.header.length
        try #require(entries.count == Self.fragments)
    }

    /// Puts the file as it is after the crash, and the index with so many entries.
    func put(_ bytes: [UInt8], indexed: Int = 0) throws {
        for name in FileContents.names(in: folder.path) {
            try FileManager.default.removeItem(atPath: "\(folder.path)/\(name)")
        }
        try write(bytes, to: path)
        guard indexed > 0 else { return }
        var index = IndexFile.head(headerLength: headerLength)
        for (place, entry) in entries.prefix(indexed).enumerated() { IndexFile.append(entry, index: place, to: &index) }
        try write(index, to: IndexFile.path(of: path))
    }

    /// A fragment's bytes without the cluster's head, whose size is written in at the end.
    static func content(_ bytes: [UInt8], _ entry: IndexEntry) -> [UInt8] {
        let head = Int(entry.place.cluster)
        return Array(bytes[Int(entry.place.offset)..<head] + bytes[head + 12..<Int(entry.place.end)])
    }

    func verify() -> SessionVerifier.Outcome? {
        guard let source = try? SessionBytes(path: path) else { return nil }
        return SessionVerifier.verify(source, streamName: "s", path: path, mayBeLive: false, goOn: { _ in true })
    }
}

/// Where a crash's damage lies.
enum DamagePlace: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case tagsHead, tagsNumber, tagsAll, clusterID, clusterSize, clusterTime, blockHead, blockSize, blockTime
    case manyBlocks, acrossFragments, wholeFragment, twoPages, zeroPage

    var testDescription: String { rawValue }

    /// The bytes that are hurt of the fragment.
    func range(_ entry: IndexEntry, next: IndexEntry, block: Int) -> [Range<Int64>] {
        let place = entry.place
        let first = place.cluster + 22
        let head = first + Int64(block)
        func range(_ start: Int64, _ count: Int64) -> [Range<Int64>] { [start..<start + count] }
        switch self {
        case .tagsHead: return range(place.offset, 5)
        case .tagsNumber: return range(place.offset + 60, 40)
        case .tagsAll: return range(place.offset, place.cluster - place.offset)
        case .clusterID: return range(place.cluster, 4)
        case .clusterSize: return range(place.cluster + 4, 8)
        case .clusterTime: return range(place.cluster + 12, 10)
        case .blockHead: return range(head, 7)
        case .blockSize: return range(head + 1, 2)
        case .blockTime: return range(head + 4, 2)
        case .manyBlocks: return range(first + 300, 3000)
        case .acrossFragments: return range(place.end - 900, 2000)
        case .wholeFragment: return range(place.offset, place.end - place.offset)
        case .twoPages: return range(first + 500, 700) + range(first + 6000, 900)
        case .zeroPage:
            let page = (place.offset + 4095) & ~4095
            return range(page, 4096)
        }
    }
}

@Suite("What is saved of a file that was damaged in a crash")
struct SalvageTests {
    private func damage(_ bytes: inout [UInt8], _ range: Range<Int64>, with value: UInt8?, seed: UInt64) {
        var random = Seeded(seed)
        for at in Int(range.lowerBound)..<min(Int(range.upperBound), bytes.count) {
            bytes[at] = value ?? UInt8.random(in: 0...255, using: &random)
        }
    }

    /// Everything that must hold after a recovery, whatever was hurt.
    private func check(
        _ call: KilledCall, hurt: [Range<Int64>], isWhole: Bool = false, comment: String
    ) throws {
        let (report, repair) = try SessionFileReport.repair(call.path)
        guard case .repaired(let removed) = repair else {
            Issue.record("\(comment): \(repair)")
            return
        }
        #expect(removed == 0, "\(comment)")
        let after = try readFile(call.path)
        let index = try #require(try loadIndex(call.path), "\(comment)")
        #expect(index.isFromFile && index.damage.isEmpty, "\(comment)")
        let hurtEntries = call.entries.filter { entry in
            hurt.contains { $0.overlaps(entry.place.offset..<entry.place.end) }
        }
        // Undamaged fragments are there bit for bit, in the file, in the index, and for who asks for their bytes.
        for entry in call.entries where !hurtEntries.contains(entry) {
            let found = try #require(index.entry(entry.number), "\(comment): \(entry.number.counter)")
            try #require(
                KilledCall.content(after, found) == KilledCall.content(call.bytes, entry),
                "\(comment): \(entry.number.counter)")
            try #require(try found.checkedBytes(SessionBytes(path: call.path), header: index.header) != nil)
        }
        // A reader comes to the end, past everything.
        let reader = try StreamReader(path: call.path)
        var seen: Set<UInt64> = []
        while let event = try reader.read() {
            if case .fragment(let fragment) = event, let number = fragment.number { seen.insert(number.counter) }
        }
        #expect(reader.hasEnded, "\(comment)")
        #expect(seen.isSuperset(of: call.entries.filter { !hurtEntries.contains($0) }.map(\.number.counter)))
        // It is told, exactly.
        let outcome = try #require(call.verify())
        var named: Set<UInt64> = []
        for finding in outcome.findings where finding.level != .note {
            #expect(
                [.lostInRecovery, .damagedFragment].contains(finding.kind),
                "\(comment): \(finding.kind) \(finding.detail)")
            if let first = finding.fragment?.counter {
                named.formUnion(first...max(first, finding.lastFragment?.counter ?? first))
            }
        }
        for loss in report.losses { named.formUnion(loss.counters.map { Array($0) } ?? []) }
        let expected = Set(hurtEntries.map(\.number.counter))
        #expect(isWhole ? named.isEmpty : named == expected, "\(comment): \(named.sorted()) \(expected.sorted())")
        // Again: nothing to do.
        #expect(try SessionFileReport.repair(call.path).repair == .notNeeded)
        #expect(try readFile(call.path) == after)
    }

    @Test(
        "Wherever the damage lies, all other fragments stay bit for bit, and exactly the damaged ones are told",
        arguments: DamagePlace.allCases, [true, false])
    func everywhere(_ place: DamagePlace, hasIndex: Bool) throws {
        let call = try KilledCall()
        for fragment in [0, 1, 14, 28] {
            for value: UInt8? in [0, 0xFF, nil] {
                var bytes = call.bytes
                let ranges = place.range(
                    call.entries[fragment], next: call.entries[fragment + 1], block: 7 * 327)
                for range in ranges { damage(&bytes, range, with: value, seed: UInt64(fragment)) }
                guard bytes != call.bytes else { continue }
                try call.put(bytes, indexed: hasIndex ? 30 : 0)
                // What the tags or the index still tell is made anew.
                let isWhole = [.clusterID, .clusterSize, .clusterTime, .tagsHead, .tagsNumber, .tagsAll].contains(place)
                let comment = "\(place) in \(fragment) with \(value.map(String.init) ?? "noise"), index \(hasIndex)"
                try check(call, hurt: ranges, isWhole: isWhole, comment: comment)
            }
        }
    }

    @Test("Where only the number of a fragment is gone, its audio stays")
    func rebuiltTags() throws {
        let call = try KilledCall()
        var bytes = call.bytes
        let entry = call.entries[9]
        damage(&bytes, entry.place.offset..<entry.place.cluster, with: 0, seed: 1)
        try call.put(bytes)
        let (report, _) = try SessionFileReport.repair(call.path)
        #expect(report.losses == [])
        #expect(report.fragments == 30 && report.samples == 240_000)
        let index = try #require(try loadIndex(call.path))
        #expect(index.entries.map(\.number.counter) == Array(1...30))
        #expect(index.entries[9].producerMilliseconds == entry.producerMilliseconds)
        try call.put(bytes, indexed: 30)
        _ = try SessionFileReport.repair(call.path)
        #expect(try #require(try loadIndex(call.path)).entries.map(\.number) == call.entries.map(\.number))
    }

    @Test("Of a fragment with a hole the blocks on both sides stay, and the hole's length is told")
    func innerHole() throws {
        let call = try KilledCall()
        var bytes = call.bytes
        let entry = call.entries[5]
        let first = entry.place.cluster + 22
        // Blocks 10 to 14 are touched.
        damage(&bytes, first + 10 * 327 + 100..<first + 14 * 327 + 20, with: 0, seed: 1)
        // Of the first the head is whole: it keeps its place, its samples are wrong.
        try call.put(bytes)
        let (report, _) = try SessionFileReport.repair(call.path)
        let loss = try #require(report.losses.first)
        #expect(report.losses.count == 1)
        #expect(loss.isPart && loss.fragment == entry.number && loss.counters == 6...6)
        #expect(loss.atMilliseconds == 5220 && loss.milliseconds == 80)
        let scanned = try Scanned(try readFile(call.path))
        #expect(scanned.blocks.count == 1500 - 4)
        #expect(scanned.fragments.count == 30)
        // Its head can be put back.
        #expect(loss.head == Array(bytes[Int(loss.offset)..<Int(loss.offset) + 9]))
        #expect(loss.bytes == 4 * 327)
    }

    @Test("Samples that were changed and show nowhere else are found by the writer's checksum, which recovery keeps")
    func changedSamples() throws {
        let call = try KilledCall()
        var bytes = call.bytes
        bytes[Int(call.entries[3].place.end) - 5] ^= 0x10
        try call.put(bytes, indexed: 25)
        try check(
            call, hurt: [call.entries[3].place.end - 5..<call.entries[3].place.end - 4], comment: "changed sample")
    }

    @Test("Torn anywhere in its last three fragments, everything whole stays and nothing is called damage")
    func tornTail() throws {
        let call = try KilledCall()
        let start = Int(call.entries[27].place.offset)
        var ends: [Int] = []
        for entry in call.entries[26...] {
            for block in 0..<50 { ends.append(Int(entry.place.cluster) + 22 + (block + 1) * 327) }
        }
        // Bytes of the fragments' beginnings, one on either side of some blocks' ends, and some within.
        var places = Set(stride(from: start, through: call.bytes.count, by: 397))
        for (index, entry) in call.entries[27...].enumerated() {
            let first = Int(entry.place.offset)
            places.formUnion(stride(from: first + index, to: min(first + 260, call.bytes.count + 1), by: 3))
        }
        for end in ends where end >= start && end % 5 == 0 {
            places.formUnion(max(start, end - 1)...min(call.bytes.count, end + 1))
        }
        for length in places.sorted() {
            // Each place once with cheap checks, some with all.
            try call.put(Array(call.bytes[..<length]))
            let (report, repair) = try SessionFileReport.repair(call.path)
            let whole = try #require(ends.last { $0 <= length })
            try #require(repair == .repaired(removedBytes: Int64(length - whole)), "\(length)")
            try #require(report.losses == [], "\(length)")
            guard length % 31 == 0 else { continue }
            let outcome = try #require(call.verify())
            try #require(outcome.findings == [], "\(length): \(outcome.findings)")
            #expect(outcome.checkedFragments == outcome.fragments)
            #expect(try Scanned(try readFile(call.path)).isTrue)
        }
    }

    @Test("A call killed before its first sample: its file is closed, with nothing in it, and nothing is wrong")
    func headerOnly() throws {
        let call = try KilledCall()
        try call.put(Array(call.bytes[..<Int(call.entries[0].place.offset)]))
        let (report, repair) = try SessionFileReport.repair(call.path)
        #expect(repair == .repaired(removedBytes: 0) && report.fragments == 0)
        let outcome = try #require(call.verify())
        #expect(outcome.findings == [] && outcome.fragments == 0)
        #expect(try SessionFileReport.repair(call.path).repair == .notNeeded)
    }

    @Test("What is missing at the end is told when the index knows of it")
    func cutBehindIndex() throws {
        let call = try KilledCall()
        let length = Int(call.entries[20].place.offset) + 400
        try call.put(Array(call.bytes[..<length]), indexed: 28)
        let (report, _) = try SessionFileReport.repair(call.path)
        let loss = try #require(report.losses.first)
        #expect(loss.isCut && loss.counters == 21...28)
        #expect(loss.fragment == call.entries[20].number && loss.lastFragment == call.entries[27].number)
        let findings = try #require(call.verify()).findings
        #expect(findings.map(\.kind) == [.lostInRecovery])
        #expect(findings.first?.fragmentCount == 8)
    }

    @Test("Zeros and other bytes at the end are told as what they have cost; only zeros are cut off")
    func badTail() throws {
        let call = try KilledCall()
        let whole = Int(call.entries[28].place.end)
        try call.put(call.bytes[..<whole] + [UInt8](repeating: 0, count: 8192))
        let zeros = try SessionFileReport.repair(call.path)
        #expect(zeros.repair == .repaired(removedBytes: 8192))
        #expect(zeros.report.losses.map(\.isCut) == [true])
        var random = Seeded(7)
        let noise = (0..<5000).map { _ in UInt8.random(in: 0...255, using: &random) }
        try call.put(call.bytes[..<whole] + noise)
        let (report, repair) = try SessionFileReport.repair(call.path)
        #expect(repair == .repaired(removedBytes: 0))
        #expect(report.losses.map(\.bytes) == [5000])
        let after = try readFile(call.path)
        // Not destroyed: nine bytes of it are in the list of losses.
        #expect(Array(after.suffix(4991)) == Array(noise.dropFirst(9)))
        #expect(report.losses.first?.head == Array(noise.prefix(9)))
        #expect(try #require(call.verify()).findings.map(\.kind) == [.lostInRecovery])
        let reader = try StreamReader(path: call.path)
        while try reader.read() != nil {}
        #expect(reader.hasEnded)
    }

    @Test(
        "Random damage in random places of every format never costs an undamaged fragment",
        arguments: FormatCase.allCases, 0..<4)
    func random(_ format: FormatCase, seed: Int) throws {
        let call = try KilledCall(format: format)
        var random = Seeded(UInt64(seed) &* 77 &+ 5)
        for round in 0..<4 {
            var bytes = call.bytes
            var hurt: [Range<Int64>] = []
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let start = Int64.random(in: call.headerLength..<Int64(bytes.count), using: &random)
                let count = Int64.random(in: 1...5000, using: &random)
                let range = start..<min(start + count, Int64(bytes.count))
                damage(&bytes, range, with: Bool.random(using: &random) ? 0 : nil, seed: random.next())
                hurt.append(range)
            }
            try call.put(bytes, indexed: Bool.random(using: &random) ? 30 : 0)
            _ = try SessionFileReport.repair(call.path)
            let after = try readFile(call.path)
            let index = try #require(try loadIndex(call.path))
            let last = hurt.map(\.upperBound).max() ?? 0
            for entry in call.entries {
                let isHurt = hurt.contains { $0.overlaps(entry.place.offset..<entry.place.end) }
                guard !isHurt else { continue }
                let found = index.entry(entry.number)
                try #require(found != nil, "\(format) \(seed).\(round): \(entry.number.counter), last hurt \(last)")
                if let found {
                    try #require(KilledCall.content(after, found) == KilledCall.content(call.bytes, entry))
                }
            }
            let reader = try StreamReader(path: call.path)
            while try reader.read() != nil {}
            try #require(reader.hasEnded, "\(format) \(seed).\(round)")
            let findings = try #require(call.verify()).findings
            try #require(
                findings.allSatisfy { $0.level == .note || [.lostInRecovery, .damagedFragment].contains($0.kind) },
                "\(format) \(seed).\(round): \(findings)")
        }
    }

    @Test(
        "ffprobe and ffmpeg read a file that was recovered around damage",
        arguments: [DamagePlace.zeroPage, .twoPages, .acrossFragments, .wholeFragment])
    func mediaTools(_ place: DamagePlace) throws {
        let call = try KilledCall()
        var bytes = call.bytes
        for range in place.range(call.entries[12], next: call.entries[13], block: 0) {
            damage(&bytes, range, with: 0, seed: 1)
        }
        try call.put(bytes)
        let report = try SessionFileReport.repair(call.path).report
        let arguments = [
            "-v", "warning", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0",
        ]
        guard let result = try run("ffprobe", arguments + [call.path]) else { return }
        #expect(result.status == 0)
        let packets = try Scanned(try readFile(call.path)).blocks.count
        #expect(packets < 1500 && Int64(packets * 160) == report.samples)
        #expect(result.output.trimmingCharacters(in: .whitespacesAndNewlines) == "\(packets)", "\(result.output)")
        let out = "\(call.folder.path)/out.raw"
        guard let decoded = try run("ffmpeg", ["-v", "error", "-y", "-i", call.path, "-f", "s16le", out]) else {
            return
        }
        #expect(decoded.status == 0 && decoded.output.isEmpty, "\(decoded.output)")
        if let checked = try run("mkvinfo", [call.path]) { #expect(checked.status == 0, "\(checked.output)") }
    }
}
