import Foundation
import Glibc
import Synchronization
import Testing

@testable import StreamSink

@Suite("The fragment index")
struct SessionIndexTests {
    @Test("What the writer noted is what a walk through the file finds, checksums too")
    func writerAndWalkAgree() throws {
        let folder = try TemporaryFolder()
        let filed = FiledSession.make(folder: folder.path, seconds: 130)
        let noted = try #require(try loadIndex(filed.path))
        let walked = try #require(try loadIndex(filed.path, trustsFile: false))
        #expect(noted.isFromFile)
        #expect(!walked.isFromFile)
        #expect(noted.entries.count == 130)
        #expect(noted.entries == walked.entries)
        #expect(noted.entries.map(\.durationMilliseconds) == [UInt32](repeating: 1000, count: 130))
        #expect(noted.entries.first?.producerMilliseconds == callStart)
        #expect(noted.entries.last?.producerMilliseconds == callStart + 129_000)
        #expect(noted.entries.last?.place.end == Int64(try readFile(filed.path).count))
    }

    @Test("The index of a growing session is there at once, before and after its file is written")
    func growing() throws {
        let folder = try TemporaryFolder()
        let filed = FiledSession(folder: folder.path)
        for second in 1...150 {
            filed.write(8000)
            let index = try loadIndex(filed.path, live: filed.live, isFinal: false)
            // A fragment is complete when the next one begins.
            #expect(index?.entries.count ?? 0 == second - 1)
            #expect(index?.entries.last?.place.end == (second > 1 ? filed.live.openFragment : nil))
        }
        #expect(try readFile(IndexFile.path(of: filed.path)).count == 24 + 120 * 56)
        filed.close()
        #expect(try loadIndex(filed.path)?.entries.count == 150)
    }

    @Test("Digits at the very end belong to the last fragment")
    func trailingDigits() throws {
        let folder = try TemporaryFolder()
        let filed = FiledSession(folder: folder.path)
        filed.write(12_000)
        filed.session.note(digit: "5", at: 11_000, milliseconds: 80)
        filed.close()
        let noted = try #require(try loadIndex(filed.path))
        #expect(noted.entries == (try loadIndex(filed.path, trustsFile: false))?.entries)
        #expect(noted.entries.last?.place.end == Int64(try readFile(filed.path).count))
        for entry in noted.entries {
            let body = try #require(try entry.checkedBytes(SessionBytes(path: filed.path), header: noted.header))
            let scanned = try Scanned(noted.header.bytes + body)
            #expect(scanned.fragments.first?.number == entry.number)
        }
    }

    @Test("An index file that is cut at any byte gives the whole index all the same", arguments: [3, 70])
    func cut(_ seconds: Int) throws {
        let folder = try TemporaryFolder()
        let filed = FiledSession.make(folder: folder.path, seconds: seconds)
        let whole = try #require(try loadIndex(filed.path))
        let bytes = try readFile(IndexFile.path(of: filed.path))
        let step = seconds > 10 ? 131 : 1
        for length in stride(from: 0, to: bytes.count, by: step) {
            try write(Array(bytes[..<length]), to: IndexFile.path(of: filed.path))
            let index = try #require(try loadIndex(filed.path))
            #expect(index.entries == whole.entries, "cut at \(length)")
            #expect(!index.isFromFile)
        }
        try FileManager.default.removeItem(atPath: IndexFile.path(of: filed.path))
        #expect(try loadIndex(filed.path)?.entries == whole.entries)
    }

    @Test("A flipped bit anywhere in the index file changes nothing that is read")
    func flipped() throws {
        let folder = try TemporaryFolder()
        let filed = FiledSession.make(folder: folder.path, seconds: 6)
        let whole = try #require(try loadIndex(filed.path))
        let bytes = try readFile(IndexFile.path(of: filed.path))
        for at in bytes.indices {
            var damaged = bytes
            damaged[at] ^= 1 << UInt8(at % 8)
            try write(damaged, to: IndexFile.path(of: filed.path))
            #expect(try loadIndex(filed.path)?.entries == whole.entries, "byte \(at)")
        }
    }

    @Test("Another session's index, and one that is longer than the file, are not believed")
    func foreign() throws {
        let folder = try TemporaryFolder()
        let first = FiledSession.make(folder: folder.path, seconds: 5)
        let second = FiledSession.make(folder: folder.path, seconds: 5, number: 1, start: callStart + 60_000)
        let own = try #require(try loadIndex(second.path))
        try write(try readFile(IndexFile.path(of: first.path)), to: IndexFile.path(of: second.path))
        #expect(try loadIndex(second.path)?.entries == own.entries)

        let long = try loadIndex(first.path)
        let content = try readFile(first.path)
        let third = try #require(long?.entries[2])
        try write(Array(content[..<Int(third.place.end)]), to: first.path)
        #expect(try loadIndex(first.path)?.entries.map(\.number) == long?.entries[..<3].map(\.number))
    }

    @Test("After a failed write the index has what is in the file, and its checksums hold")
    func failedWrites() throws {
        let folder = try TemporaryFolder()
        let budget = Budget()
        var operations = FileOperations.system
        operations.write = { file, bytes, offset in
            let count = budget.take(bytes.count)
            if count == 0 { return -Int(ENOSPC) }
            return pwrite(file, bytes.baseAddress, count, Int(offset))
        }
        let filed = FiledSession(folder: folder.path, operations: operations)
        var random = Seeded(7)
        for _ in 0..<200 {
            budget.set(Bool.random(using: &random) ? .max : Int.random(in: 0..<6000, using: &random))
            filed.write(1600)
            filed.now += 1200
        }
        budget.set(.max)
        filed.close()
        let noted = try #require(try loadIndex(filed.path))
        let walked = try #require(try loadIndex(filed.path, trustsFile: false))
        #expect(walked.damage.isEmpty)
        #expect(noted.entries.map(\.place) == walked.entries.map(\.place))
        #expect(noted.entries.map(\.checksum) == walked.entries.map(\.checksum))
        #expect(noted.entries.map(\.number) == walked.entries.map(\.number))
    }

    @Test(
        "A session file with flipped bytes is read as far as it is whole, and never further than the damage",
        arguments: 0..<6)
    func damagedFile(_ seed: Int) throws {
        let folder = try TemporaryFolder()
        let filed = FiledSession.make(folder: folder.path, seconds: 8)
        let whole = try #require(try loadIndex(filed.path))
        let bytes = try readFile(filed.path)
        var random = Seeded(UInt64(seed))
        for _ in 0..<60 {
            var damaged = bytes
            let at = Int.random(in: Int(whole.header.length)..<bytes.count, using: &random)
            let count = min(Int.random(in: 1...64, using: &random), bytes.count - at)
            for index in at..<at + count { damaged[index] = UInt8.random(in: 0...255, using: &random) }
            try write(damaged, to: filed.path)
            let index = try #require(try loadIndex(filed.path, trustsFile: false))
            // Every fragment that was not touched is found; only the one before may have lost its end.
            for entry in whole.entries where entry.place.end <= Int64(at) || entry.place.offset >= Int64(at + count) {
                let found = index.entry(entry.number)
                let touchesNext =
                    entry.place.end == Int64(at)
                    || damaged[Int(entry.place.offset)..<Int(entry.place.end)]
                        != bytes[Int(entry.place.offset)..<Int(entry.place.end)]
                if !touchesNext { #expect(found?.place.offset == entry.place.offset, "damage at \(at)") }
            }
            // The noted checksums tell what was damaged.
            let source = try SessionBytes(path: filed.path)
            for entry in whole.entries {
                let touched = entry.place.offset < Int64(at + count) && entry.place.end > Int64(at)
                let range = Int(entry.place.offset)..<Int(entry.place.end)
                if !touched { #expect(try entry.checkedBytes(source, header: whole.header) != nil) }
                if touched, damaged[range] != bytes[range] {
                    let head = Int(entry.place.cluster)..<Int(entry.place.cluster) + 12
                    let onlyHead = zip(range, zip(damaged[range], bytes[range])).allSatisfy {
                        $0.1.0 == $0.1.1 || head.contains($0.0)
                    }
                    if !onlyHead { #expect(try entry.checkedBytes(source, header: whole.header) == nil) }
                }
            }
        }
    }

    @Test("A session file cut at any byte has every fragment that is whole")
    func cutFile() throws {
        let folder = try TemporaryFolder()
        let filed = FiledSession.make(folder: folder.path, seconds: 3)
        let whole = try #require(try loadIndex(filed.path))
        let bytes = try readFile(filed.path)
        for length in stride(from: 0, to: bytes.count, by: 97) {
            try write(Array(bytes[..<length]), to: filed.path)
            let index = try? loadIndex(filed.path, trustsFile: false)
            let expected = whole.entries.filter { $0.place.end <= Int64(length) }
            #expect((index?.entries.count ?? 0) >= expected.count, "cut at \(length)")
            #expect(index?.entries.prefix(expected.count).map(\.number) ?? [] == expected.map(\.number))
        }
    }

    @Test("A wall clock that is set back in mid-call leaves numbers, server times and order right")
    func clockSetBack() throws {
        let folder = try TemporaryFolder()
        let filed = FiledSession(folder: folder.path)
        for _ in 0..<5 { filed.write(8000) }
        filed.now -= 3_600_000
        for _ in 0..<5 { filed.write(8000) }
        filed.close()
        let entries = try #require(try loadIndex(filed.path)).entries
        #expect(entries.count == 10)
        for (before, after) in zip(entries, entries.dropFirst()) {
            #expect(before.number < after.number)
            #expect(before.number.description < after.number.description)
            #expect(before.serverMilliseconds <= after.serverMilliseconds)
            #expect(before.producerMilliseconds + 1000 == after.producerMilliseconds)
        }
    }
}

/// How many bytes a disk still takes.
final class Budget: Sendable {
    private let left = Mutex(Int.max)

    func set(_ value: Int) { left.withLock { $0 = value } }

    func take(_ count: Int) -> Int {
        left.withLock { left in
            let taken = min(count, left)
            left -= taken
            return taken
        }
    }
}
