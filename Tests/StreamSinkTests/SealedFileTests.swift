import Foundation
import Synchronization
import Testing

@testable import StreamSink

@Suite("Encrypted files, part by part", .timeLimit(.minutes(3)))
struct SealedFileTests {
    @Test("What was sealed is read, from any place and in any order", arguments: [UInt64](1...6))
    func randomAccess(seed: UInt64) throws {
        let sealed = try SealedFile(seed)
        var generator = Seeded(seed &* 77)
        // Pieces like hand-ins, and some longer than frames.
        let sizes = (0..<60).map { index in
            index % 17 == 9
                ? Int.random(in: 60_000...200_000, using: &generator) : Int.random(in: 1...9000, using: &generator)
        }
        for size in sizes { #expect(sealed.write(size) == nil) }
        sealed.close(at: 40)
        let source = try SessionBytes(path: sealed.path)
        #expect(source.length == Int64(sealed.text.count))
        #expect(try source.bytes(0..<source.length + 100) == sealed.text)
        for _ in 0..<300 {
            let start = Int.random(in: 0..<sealed.text.count, using: &generator)
            let count = Int.random(in: 1...100_000, using: &generator)
            let expected = Array(sealed.text[start..<min(sealed.text.count, start + count)])
            let read = try source.bytes(Int64(start)..<Int64(start + count))
            if read != expected { Issue.record("\(start), \(count)") }
        }
        #expect(try source.bytes(source.length..<source.length + 5).isEmpty)
        #expect(try source.sealDamage().isEmpty)
        #expect(try Array(readFile(sealed.path).prefix(8)) == SealedLayout.magic)
    }

    @Test("Two readers see every write as soon as it has come through")
    func growing() throws {
        let sealed = try SealedFile(3)
        sealed.write(100)
        let (one, two) = (try SessionBytes(path: sealed.path), try SessionBytes(path: sealed.path))
        var seen: [UInt8] = []
        for index in 0..<300 {
            sealed.write(200 + index * 7 % 3000)
            #expect(one.length == Int64(sealed.text.count))
            seen += try one.bytes(Int64(seen.count)..<one.length)
            if index % 50 == 0 { #expect(try two.bytes(0..<two.length) == sealed.text) }
        }
        #expect(seen == sealed.text)
    }

    @Test("A file that has not got its head yet is an empty one, and is read when it has")
    func beginning() throws {
        let sealed = try SealedFile(4)
        sealed.write(500)
        let whole = try readFile(sealed.path)
        let path = "\(sealed.folder.path)/000001_T1_0.mkv"
        try write([], to: path)
        let source = try SessionBytes(path: path)
        for count in 0..<whole.count {
            try Data(whole[..<count]).write(to: URL(fileURLWithPath: path), options: [])
            #expect(source.length == 0)
            let fresh = try SessionBytes(path: path)
            #expect(try fresh.bytes(0..<10).isEmpty)
        }
        try Data(whole).write(to: URL(fileURLWithPath: path), options: [])
        #expect(try source.bytes(0..<1000) == sealed.text)
    }

    @Test("Every byte that is changed is found, and nothing wrong is ever given")
    func everyByte() throws {
        let sealed = try SealedFile(5)
        for size in [300, 17, 64_500, 60, 1200] { sealed.write(size) }
        sealed.close(at: 20)
        let whole = try readFile(sealed.path)
        #expect(whole.count > SealedLayout.frame)
        let parts = sealedParts(whole)
        #expect(parts.count >= 7)
        // All heads and ends, and some of what lies between.
        var places = Set(0..<SealedLayout.headLength)
        for (place, _) in parts { places.formUnion(Array(place.prefix(24)) + Array(place.suffix(4))) }
        places.formUnion(stride(from: 0, to: 3000, by: 23))
        places.formUnion(stride(from: 0, to: whole.count, by: 4001))
        places.formUnion(SealedLayout.frame - 12..<SealedLayout.frame + 12)
        for place in places.sorted() {
            var changed = whole
            changed[place] ^= UInt8(1 << (place % 8))
            try write(changed, to: sealed.path)
            try check(sealed.path, text: sealed.text, "byte \(place)")
        }
    }

    /// Something is found, and what is read without an error is what was written.
    private func check(_ path: String, text: [UInt8], _ what: String) throws {
        let source = try SessionBytes(path: path)
        let isOther = try !readFile(path).starts(with: SealedLayout.magic)
        let damage: [SealDamage]?
        do throws(FileError) { damage = try source.sealDamage() } catch {
            #expect(error.description.contains(path))
            damage = nil
        }
        // With its end broken off it is a file that a crash has left, and verify says that.
        if let damage, damage.isEmpty, !isOther, source.looksClosed { Issue.record("\(what): nothing was found") }
        if isOther { return }
        let zeros = try SessionBytes(path: path, givesZeros: true)
        var at: Int64 = 0
        while at < Int64(text.count) {
            let end = min(at + 9000, Int64(text.count))
            if let read = try? source.bytes(at..<end), !read.isEmpty {
                let expected = text[Int(at)..<Int(at) + read.count]
                // Without its end the file is an open one, without what was written over at the end.
                let isEarlier = at < 28 && (try? source.bytes(0..<20)) != nil
                if !read.elementsEqual(expected), !isEarlier { Issue.record("\(what): wrong bytes at \(at)") }
            }
            at = end
        }
        if let read = try? zeros.bytes(0..<Int64(text.count)) {
            let wrong = zip(read, text).enumerated().contains {
                $0.offset >= 28 && $0.element.0 != $0.element.1 && $0.element.0 != 0
            }
            if wrong { Issue.record("\(what): what is damaged is not read as zeros") }
        }
    }

    @Test("Parts that are exchanged, repeated or left out are found")
    func order() throws {
        let sealed = try SealedFile(6)
        for index in 0..<12 { sealed.write(index % 2 == 0 ? 400 : 300) }
        sealed.close(at: 20)
        let whole = try readFile(sealed.path)
        let parts = sealedParts(whole).map(\.place)
        func rebuilt(_ order: [Int]) -> [UInt8] {
            Array(whole[..<SealedLayout.headLength]) + order.flatMap { Array(whole[parts[$0]]) }
        }
        let all = Array(parts.indices)
        #expect(rebuilt(all) == whole)
        for first in all {
            for second in all where second > first {
                var order = all
                order.swapAt(first, second)
                try write(rebuilt(order), to: sealed.path)
                try check(sealed.path, text: sealed.text, "\(first) and \(second) exchanged")
            }
            var order = all
            order.insert(first, at: first)
            // The end twice says the same twice.
            if first < all.count - 1 {
                try write(rebuilt(order), to: sealed.path)
                try check(sealed.path, text: sealed.text, "\(first) repeated")
                order = all
                order.append(first)
                try write(rebuilt(order), to: sealed.path)
                try check(sealed.path, text: sealed.text, "\(first) repeated at the end")
            }
            order = all
            order.remove(at: first)
            guard first < all.count - 1 else { continue }
            try write(rebuilt(order), to: sealed.path)
            try check(sealed.path, text: sealed.text, "\(first) left out")
        }
    }

    @Test("A part of another file of the same stream is no part of this one")
    func otherFile() throws {
        let one = try SealedFile(7)
        one.write(500)
        one.write(500)
        let vault = try #require(KeyVault.find(one.path))
        var scratch: [UInt8] = []
        let path = "\(one.folder.path)/000001_T1_0.mkv"
        var other = GrowingFile(path: path, operations: .system, vault: vault, prepare: {})
        #expect(other.open() == nil)
        #expect(other.append(Array(one.text[..<500]), sealing: &scratch).error == nil)
        #expect(other.append(Array(one.text[500...]), sealing: &scratch).error == nil)
        let (first, second) = (try readFile(one.path), try readFile(path))
        #expect(first != second && first.count == second.count)
        let cut = SealedLayout.headLength + SealedLayout.partHead + 500
        try write(Array(first[..<cut] + second[cut...]), to: one.path)
        let source = try SessionBytes(path: one.path)
        #expect(try source.bytes(0..<500) == Array(one.text[..<500]))
        #expect(throws: FileError.self) { try source.bytes(500..<1000) }
    }

    @Test("A torn end costs only its part, at every length")
    func torn() throws {
        let sealed = try SealedFile(8)
        for _ in 0..<3 { sealed.write(130) }
        sealed.write(65_000)
        sealed.write(700)
        let whole = try readFile(sealed.path)
        let parts = sealedParts(whole)
        for count in SealedLayout.headLength...whole.count where count < 2000 || count > SealedLayout.frame - 100 {
            try write(Array(whole[..<count]), to: sealed.path)
            let end = parts.last { $0.place.upperBound <= count }?.part.end ?? 0
            let source = try SessionBytes(path: sealed.path)
            #expect(source.length == end, "\(count)")
            #expect(try source.bytes(0..<end) == Array(sealed.text[..<Int(end)]))
            #expect(try source.sealDamage().isEmpty, "\(count)")
            guard end > 0 else { continue }
            // Closed in the middle of a part, as a repair does.
            let kept = end - 5
            let patch = SessionPatch(offset: 30, bytes: [1, 2, 3])
            try SessionPatch.finish(sealed.path, length: kept, [patch], operations: .system)
            var expected = Array(sealed.text[..<Int(kept)])
            expected.replaceSubrange(30..<33, with: [1, 2, 3])
            let closed = try SessionBytes(path: sealed.path)
            #expect(closed.length == kept)
            #expect(try closed.bytes(0..<kept + 10) == expected)
            #expect(try closed.sealDamage().isEmpty)
            #expect(closed.looksClosed && !source.path.isEmpty)
        }
    }

    @Test("No number seals twice, whatever becomes of the writes")
    func numbers() throws {
        struct State {
            var seen: [UInt32: [UInt8]] = [:]
            var turn = 0
            var repeated = 0
            var isFailing = false
        }
        let state = Mutex(State())
        var operations = FileOperations.system
        operations.write = { file, bytes, offset in
            let isRest = state.withLock { state in
                defer { state.isFailing = false }
                return state.isFailing
            }
            if isRest { return -Int(ENOSPC) }
            let fails = state.withLock { state in
                state.turn += 1
                let start = offset == 0 ? SealedLayout.headLength : 0
                if bytes.count > start, bytes[start] == 1 {
                    let part = Array(bytes[start...].prefix(64))
                    let number = part[4..<8].reduce(0) { $0 << 8 | UInt32($1) }
                    if let known = state.seen[number], known != part { state.repeated += 1 }
                    state.seen[number] = part
                }
                state.isFailing = state.turn % 3 == 0
                return state.isFailing
            }
            guard fails else { return FileOperations.system.write(file, bytes, offset) }
            // Half of it comes through.
            let half = UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / 2)])
            return FileOperations.system.write(file, half, offset)
        }
        operations.truncate = { file, length in
            state.withLock { $0.turn % 2 == 0 } ? -Int(EIO) : FileOperations.system.truncate(file, length)
        }
        let sealed = try SealedFile(9, operations: operations)
        var failures = 0
        for _ in 0..<200 where sealed.write(600) != nil { failures += 1 }
        #expect(failures > 50 && failures < 199)
        #expect(state.withLock { $0.repeated } == 0)
        #expect(state.withLock { $0.seen.count } > sealed.text.count / 600)
        let source = try SessionBytes(path: sealed.path)
        #expect(try source.bytes(0..<Int64(sealed.text.count)) == sealed.text)
    }
}
