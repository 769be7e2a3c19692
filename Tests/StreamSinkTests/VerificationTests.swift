import Foundation
import Testing

@testable import StreamSink

@Suite("Reading sessions back")
struct VerificationTests {
    @Test("What was written and closed is clean, and everything in it is counted")
    func clean() throws {
        let data = try KeptData()
        let session = data.session(5)
        data.session(3, number: 1)
        let (summary, findings) = try data.verify()
        #expect(findings == [])
        #expect(summary.isClean)
        #expect(summary.streams == 1 && summary.sessions == 2 && summary.liveSessions == 0)
        #expect(summary.fragments == 8 && summary.checkedFragments == 8)
        #expect(summary.milliseconds == 8000)
        #expect(summary.bytes > Int64(try readFile(session.path).count))
        #expect(try data.verify(stream: "s").findings == [])
    }

    @Test("A flipped bit in a fragment names exactly that fragment, wherever it is")
    func flippedFragment() throws {
        let data = try KeptData()
        let filed = data.session(4)
        let entries = try #require(try loadIndex(filed.path)).entries
        let bytes = try readFile(filed.path)
        for (index, entry) in entries.enumerated() where index != 2 {
            let range = Int(entry.place.offset)..<Int(entry.place.end)
            // All of what tells where things are, and samples of the audio.
            let heads = Int(entry.place.tagsLength) + 12 + 10 + 8
            for at in range
            where at - range.lowerBound < heads && at % (index == 0 ? 2 : 7) == 0 || at % 503 == 0
                || at == range.upperBound - 1
            {
                var damaged = bytes
                damaged[at] ^= 1 << UInt8(at % 8)
                try write(damaged, to: filed.path)
                let (summary, findings) = try data.verify()
                #expect(findings.map(\.kind) == [.damagedFragment], "byte \(at)")
                #expect(findings.first?.fragment == entry.number, "byte \(at)")
                #expect(findings.first?.offset == entry.place.offset)
                #expect(!summary.isClean)
            }
        }
    }

    @Test("A flipped bit in the header is found, and no fragment is blamed")
    func flippedHeader() throws {
        let data = try KeptData()
        let filed = data.session(3)
        let length = try #require(try loadIndex(filed.path)).header.length
        let bytes = try readFile(filed.path)
        for at in 0..<Int(length) {
            for bit in [at * 5 % 8] {
                var damaged = bytes
                damaged[at] ^= 1 << UInt8(bit)
                try write(damaged, to: filed.path)
                let (summary, findings) = try data.verify()
                #expect(!summary.isClean, "byte \(at) bit \(bit)")
                #expect(!findings.contains { $0.kind == .damagedFragment || $0.kind == .foreignIndex }, "byte \(at)")
                #expect(summary.checkedFragments == 3, "byte \(at)")
            }
        }
    }

    @Test("A flipped bit in the index file is told of the index alone")
    func flippedIndex() throws {
        let data = try KeptData()
        let filed = data.session(4)
        let path = IndexFile.path(of: filed.path)
        let bytes = try readFile(path)
        for at in bytes.indices {
            var damaged = bytes
            damaged[at] ^= 1 << UInt8(at % 8)
            try write(damaged, to: path)
            let (summary, findings) = try data.verify()
            #expect(findings.map(\.kind) == [.damagedIndex], "byte \(at)")
            #expect(summary.fragments == 4)
        }
    }

    @Test("With a damaged entry the fragments behind it are still compared with theirs")
    func damagedEntry() throws {
        let data = try KeptData()
        let filed = data.session(6)
        let entries = try #require(try loadIndex(filed.path)).entries
        var index = try readFile(IndexFile.path(of: filed.path))
        index[24 + 56 + 5] ^= 1
        try write(index, to: IndexFile.path(of: filed.path))
        var bytes = try readFile(filed.path)
        bytes[Int(entries[4].place.end) - 3] ^= 4
        try write(bytes, to: filed.path)
        let (summary, findings) = try data.verify()
        #expect(findings.map(\.kind) == [.damagedFragment, .damagedIndex])
        #expect(findings.first?.fragment == entries[4].number)
        #expect(summary.fragments == 6 && summary.checkedFragments == 5)
    }

    @Test("A file that is cut anywhere names exactly the fragments that are not whole")
    func cut() throws {
        let data = try KeptData()
        let filed = data.session(4)
        let index = try #require(try loadIndex(filed.path))
        let bytes = try readFile(filed.path)
        for length in stride(from: Int(index.header.length) + 5, to: bytes.count, by: 997) {
            try write(Array(bytes[..<length]), to: filed.path)
            let findings = try data.verify().findings
            let gone = index.entries.filter { $0.place.end > Int64(length) }
            let missing = try #require(findings.first { $0.kind == .missingFragments }, "cut at \(length)")
            #expect(missing.fragment == gone.first?.number && missing.lastFragment == gone.last?.number)
            #expect(missing.fragmentCount == gone.count)
            #expect(Set(findings.map(\.kind)) == [.missingFragments, .cutFile], "cut at \(length)")
            #expect(findings.first { $0.kind == .cutFile }?.bytes == Int64(bytes.count - length))
        }
        for length in stride(from: 0, to: Int(index.header.length), by: 3) {
            try write(Array(bytes[..<length]), to: filed.path)
            #expect(try !data.verify().summary.isClean, "cut at \(length)")
        }
    }

    @Test("Without an index everything is found in the file, and damage that can be seen is told by how many it costs")
    func missingIndex() throws {
        let data = try KeptData()
        let filed = data.session(5)
        let entries = try #require(try loadIndex(filed.path)).entries
        try data.remove(IndexFile.path(of: filed.path))
        let (summary, findings) = try data.verify()
        #expect(findings.map(\.kind) == [.missingIndex])
        #expect(summary.isClean && summary.notes == 1 && summary.fragments == 5 && summary.checkedFragments == 0)

        var bytes = try readFile(filed.path)
        bytes[Int(entries[2].place.offset)] ^= 0x40
        try write(bytes, to: filed.path)
        let damaged = try data.verify().findings
        #expect(damaged.map(\.kind) == [.damagedFragment, .missingIndex])
        #expect(damaged.first?.fragmentCount == 1)
        #expect(damaged.first?.offset == entries[2].place.offset)
        #expect(damaged.first?.bytes == Int64(entries[2].place.length))
    }

    @Test("An index that ends early, is another session's, or has no session is told")
    func wrongIndexes() throws {
        let data = try KeptData()
        let filed = data.session(5)
        let other = data.session(5, number: 1)
        let index = try readFile(IndexFile.path(of: filed.path))
        try write(Array(index[..<(24 + 2 * 56 + 9)]), to: IndexFile.path(of: filed.path))
        let short = try data.verify()
        #expect(short.findings.map(\.kind) == [.incompleteIndex])
        #expect(short.findings.first?.fragmentCount == 3 && short.summary.checkedFragments == 7)
        try write(try readFile(IndexFile.path(of: other.path)), to: IndexFile.path(of: filed.path))
        #expect(try data.kinds() == [.foreignIndex])
        try data.remove(filed.path)
        #expect(try data.kinds() == [.orphanIndex])
    }

    @Test("What is being recorded is clean at every moment, and torn when nobody records it")
    func live() throws {
        let data = try KeptData()
        let filed = FiledSession(folder: data.stream)
        do {
            let lock = try DataDirectory(data.path)
            for second in 1...130 {
                filed.write(second % 3 == 0 ? 4000 : 8000)
                guard second % 13 == 0 else { continue }
                let (summary, findings) = try data.verify()
                #expect(findings == [], "second \(second)")
                #expect(summary.liveSessions == 1)
            }
            withExtendedLifetime(lock) {}
        }
        let bytes = try readFile(filed.path)
        try write(bytes + [0xA3, 0x41, 0x44, 0x81], to: filed.path)
        let findings = try data.verify().findings
        #expect(findings.map(\.kind) == [.incompleteIndex, .notClosed])
        #expect(findings.last?.bytes == 4 && findings.last?.offset == Int64(bytes.count))
    }

    @Test("Beside a store that records and closes nothing is told that is not so")
    func besideStore() async throws {
        let folder = try TemporaryFolder()
        let store = try makeStore(folder.path)
        let verifier = try DataVerifier(dataDirectory: folder.path)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for leg in 0..<3 {
                group.addTask { _ = try await record(store, transaction: "T\(leg)", seconds: 30) }
            }
            group.addTask {
                for _ in 0..<20 {
                    let findings = verifier.findings().findings.filter { $0.level != .note }
                    #expect(findings == [])
                    try await Task.sleep(for: .milliseconds(10))
                }
            }
            try await group.waitForAll()
        }
        let (summary, findings) = verifier.findings()
        #expect(findings.allSatisfy { $0.level == .note })
        #expect(summary.sessions == 3 && summary.fragments == 90)
    }

    @Test("Bytes behind the end and a wrong length in time are told")
    func wrongHeader() throws {
        let data = try KeptData()
        let filed = data.session(3)
        let bytes = try readFile(filed.path)
        try write(bytes + [0, 0, 0], to: filed.path)
        #expect(try Set(data.kinds()).contains(.trailingBytes))
        var wrong = bytes
        wrong.replaceSubrange(
            MatroskaHeader.durationOffset..<MatroskaHeader.durationOffset + 11,
            with: MatroskaHeader.duration(milliseconds: 2990))
        try write(wrong, to: filed.path)
        #expect(try data.kinds() == [.wrongDuration])
    }

    @Test("Holes are told with their place and length")
    func gaps() throws {
        let data = try KeptData()
        let path = "\(data.stream)/000000_T1_0.mkv"
        try write(muxed([(75, 10), (20, 100), (30, 0)]), to: path)
        let gaps = try data.verify().findings.filter { $0.kind == .gap }
        #expect(gaps.map(\.atMilliseconds) == [1500, 2100])
        #expect(gaps.map(\.milliseconds) == [200, 2000])
        #expect(gaps.allSatisfy { $0.level == .loss && $0.fragment != nil })
    }

    @Test("Numbers and times that go back are told, within a session and between sessions")
    func order() throws {
        let data = try KeptData()
        let path = "\(data.stream)/000000_T1_0.mkv"
        try write(muxed(counter: 5, [(100, 0)]) + muxed(counter: 1, hasHeader: false, [(60, 0)]), to: path)
        let kinds = try data.kinds()
        #expect(kinds.contains(.fragmentOrder) && kinds.contains(.timeOrder))
        try write(muxed(counter: 2001, [(100, 0)]), to: path)
        try write(muxed(counter: 1001, [(100, 0)]), to: "\(data.stream)/000001_T1_0.mkv")
        #expect(try data.kinds().contains(.fragmentOrder))
    }

    @Test("Of very many findings in one file the rest is counted")
    func many() throws {
        let data = try KeptData()
        try write(
            muxed([(blocks: Int, hole: Int)](repeating: (1, 1), count: 1500)), to: "\(data.stream)/000000_T1_0.mkv")
        let findings = try data.verify().findings
        #expect(findings.count == SessionVerifier.findingLimit + 1)
        #expect(findings.last?.kind == .more)
    }

    @Test("A file that cannot be read, and a stream without description, are told")
    func unreadable() throws {
        let data = try KeptData()
        data.session(2)
        try FileManager.default.createDirectory(
            atPath: "\(data.stream)/000001_T1_0.mkv", withIntermediateDirectories: true)
        try data.remove("\(data.stream)/stream.json")
        #expect(try data.kinds() == [.missingDescription, .unreadableFile])
    }

    @Test(
        "Random bytes in a file, with and without its index, never go unseen and never stop the check", arguments: 0..<4
    )
    func garbage(_ seed: Int) throws {
        let data = try KeptData()
        let filed = data.session(4)
        let whole = try #require(try loadIndex(filed.path))
        let bytes = try readFile(filed.path)
        var random = Seeded(UInt64(seed))
        for round in 0..<20 {
            var damaged = bytes
            let at = Int.random(in: 0..<bytes.count, using: &random)
            let count = min(Int.random(in: 4...4000, using: &random), bytes.count - at)
            for index in at..<at + count { damaged[index] = UInt8.random(in: 0...255, using: &random) }
            try write(damaged, to: filed.path)
            let (summary, findings) = try data.verify()
            #expect(!summary.isClean, "round \(round) at \(at)")
            let touched = whole.entries.filter { $0.place.offset < Int64(at + count) && $0.place.end > Int64(at) }
            if at >= Int(whole.header.length) {
                #expect(findings.map(\.fragment) == touched.map(\.number), "round \(round) at \(at)")
            }
        }
        try data.remove(IndexFile.path(of: filed.path))
        for _ in 0..<20 {
            let junk = (0..<Int.random(in: 0...5000, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            try write(junk, to: filed.path)
            #expect(try !data.verify().summary.isClean)
        }
    }

    @Test("What cannot be checked says why")
    func errors() throws {
        let data = try KeptData()
        #expect(throws: VerificationError.noSuchStream("t")) { try DataVerifier(dataDirectory: data.path, stream: "t") }
        #expect(throws: VerificationError.noSuchStream("../s")) {
            try DataVerifier(dataDirectory: data.path, stream: "../s")
        }
        #expect(throws: VerificationError.noDataDirectory("/nowhere")) { try DataVerifier(dataDirectory: "/nowhere/") }
    }

    @Test("A check can be broken off")
    func brokenOff() throws {
        let data = try KeptData()
        for number in 0..<3 { data.session(3, number: number) }
        let summary = try DataVerifier(dataDirectory: data.path).run(progress: { _ in false }, found: { _ in })
        // Nothing is told of before some megabytes were read.
        #expect(!summary.isPartial)
        try write(muxed([(20_000, 0)]), to: "\(data.stream)/000003_T1_0.mkv")
        #expect(try DataVerifier(dataDirectory: data.path).run(progress: { _ in false }, found: { _ in }).isPartial)
    }
}
