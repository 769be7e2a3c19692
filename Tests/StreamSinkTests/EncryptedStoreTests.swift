import Foundation
import Glibc
import Logging
import Testing

@testable import StreamSink

@Suite("Encrypted streams", .timeLimit(.minutes(3)))
struct EncryptedStoreTests {
    private let folder: TemporaryFolder
    private let data: String
    private let keys: MasterKeys

    init() throws {
        folder = try TemporaryFolder()
        data = "\(folder.path)/data"
        keys = try masterKeys(["2026"])
    }

    private func contains(_ bytes: [UInt8], _ text: [UInt8]) -> Bool { Data(bytes).range(of: Data(text)) != nil }

    private func bytes(_ samples: [Int16]) -> [UInt8] { samples.withUnsafeBytes { Array($0) } }

    @Test(
        "A call is recorded, followed live, closed, indexed and verified, and nothing of it is on the disk in the clear"
    )
    func call() async throws {
        let store = try makeSealedStore(data, keys: keys)
        let library = StreamLibrary(store: store)
        let session = try store.openSession(
            connectorID: connector, transactionID: "t1", callID: "c@h", mediaIndex: 0, startedAtMilliseconds: callStart)
        let path = "\(data)/\(session.relativePath)"
        session.append(samples(0..<800).span)
        try await Task.sleep(for: .milliseconds(150))
        let follower = try library.follow(.name(session.streamName), from: .earliest)
        // Beside the service, as a command does; and by the file alone.
        let elsewhere = try StreamLibrary(dataDirectory: data, keys: keys)
            .follow(.name(session.streamName), from: .earliest)
        let reader = try StreamReader(path: path)
        var (one, two) = (Followed(), Followed())
        var read: [Int16] = []
        for index in 1..<40 {
            session.append(samples(index * 800..<(index + 1) * 800).span)
            try await Task.sleep(for: .milliseconds(25))
            try one.drain(follower)
            try two.drain(elsewhere)
            read += try reader.everything().samples
        }
        try await Task.sleep(for: .milliseconds(100))
        try one.drain(follower)
        read += try reader.everything().samples
        #expect(one.begun.count == 4)
        #expect(try one.samples() == samples(0..<32_000))
        #expect(read == samples(0..<32_000))
        let summary = await session.finish()
        try one.drain(follower)
        try two.drain(elsewhere)
        #expect(one == two && one.ended.count == 4 && one.ended.allSatisfy(\.isComplete))
        #expect(try reader.everything().duration == 4000)
        await store.shutDown()

        let onDisk = try readFile(path)
        #expect(Int64(onDisk.count) > summary.bytes)
        for text in ["AWS_KINESISVIDEO", "TransactionId", "Earshot", "matroska", connector, "c@h"] {
            #expect(!contains(onDisk, Array(text.utf8)), "\(text)")
        }
        for start in stride(from: 0, to: 31_000, by: 777) {
            #expect(!contains(onDisk, bytes(samples(start..<start + 6))))
        }
        let listed = try library.fragments(.name(session.streamName))
        #expect(listed.count == 4)
        let found = try listed.map { try library.bytes(of: $0) }
        #expect(try found.flatMap { try Scanned($0.header + $0.body).blocks.flatMap(\.samples) } == samples(0..<32_000))
        #expect(!SessionFileState.isOpen(path))
        let report = try SessionFileReport(scanning: path)
        #expect(report.isFinished && report.fileLength == summary.bytes && report.samples == 32_000)
        #expect(StreamCatalog.list(dataDirectory: data).first?.sessions.first?.durationMilliseconds == 4000)
        let verified = try DataVerifier(dataDirectory: data, keys: keys).findings()
        #expect(verified.findings.isEmpty && verified.summary.checkedFragments == 4)
        // The index made anew from the file is the one that was written.
        let index = try #require(try loadIndex(path))
        try FileManager.default.removeItem(atPath: IndexFile.path(of: path))
        let again = try #require(try loadIndex(path))
        #expect(again.entries == index.entries && index.isFromFile && !again.isFromFile)
    }

    /// A call of two seconds, and nothing left open.
    private func recorded(_ keys: MasterKeys, _ transaction: String) async throws -> (stream: String, path: String) {
        let store = try makeSealedStore(data, keys: keys)
        let (session, summary) = try await record(store, transaction: transaction, seconds: 2)
        #expect(summary.failure == nil)
        await store.shutDown()
        return (session.streamName, "\(data)/\(session.relativePath)")
    }

    @Test("Clear and encrypted sessions lie side by side in one stream, also when encryption is switched off again")
    func sideBySide() async throws {
        var names: Set<String> = []
        for number in 0..<4 {
            let store = number % 2 == 0 ? try makeStore(data) : try makeSealedStore(data, keys: keys)
            let (session, summary) = try await record(store, transaction: "t\(number)", seconds: 3)
            names.insert(session.streamName)
            #expect(summary.failure == nil)
            let start = try Array(readFile("\(data)/\(session.relativePath)").prefix(4))
            #expect(start == (number % 2 == 0 ? [0x1A, 0x45, 0xDF, 0xA3] : Array("EARS".utf8)))
            await store.shutDown()
        }
        #expect(names.count == 1)
        let library = try StreamLibrary(dataDirectory: data, keys: keys)
        let fragments = try library.fragments(.name(try #require(names.first)))
        #expect(fragments.count == 12)
        for fragment in fragments { #expect(try !library.bytes(of: fragment).body.isEmpty) }
        var followed = Followed()
        try followed.drain(try library.follow(.name(try #require(names.first)), from: .earliest))
        #expect(followed.ended.count == 12)
        #expect(try DataVerifier(dataDirectory: data, keys: keys).findings().findings.isEmpty)
    }

    @Test("A producer's fragments are encrypted, too")
    func ingest() async throws {
        let store = try makeSealedStore(data, keys: keys)
        let library = StreamLibrary(store: store)
        _ = try library.create(NewStream(name: "camera", retentionHours: 24))
        let ingest = try library.openIngest(.name("camera"))
        var header: [UInt8] = []
        makeMuxer().appendHeader(to: &header)
        // Another's file: its times are its own to say.
        let own = Array("Earshot".utf8)
        for at in header.indices.dropLast(own.count) where header[at...].starts(with: own) {
            header.replaceSubrange(at..<at + own.count, with: Array("Camera1".utf8))
        }
        try ingest.append(header: header)
        let secret = Array("a secret of the producer, which nobody else may read".utf8)
        for index in 0..<20 {
            var body: [UInt8] = []
            body.appendElement(MatroskaElement.timecode, unsigned: UInt64(index * 2000))
            for _ in 0..<400 { body.appendElement(MatroskaElement.simpleBlock, body: [0x81, 0, 0, 0x80] + secret) }
            var cluster: [UInt8] = []
            cluster.appendElementID(MatroskaElement.cluster)
            cluster.appendElementSize(body.count)
            _ = try ingest.append(
                tags: [("room", "kitchen sink")], cluster: cluster + body,
                producerMilliseconds: callStart + Int64(index) * 2000, durationMilliseconds: 2000)
        }
        try ingest.sync()
        #expect(try library.fragments(.name("camera")).count == 20)
        ingest.close()
        let stored = try library.fragments(.name("camera"))
        for fragment in stored { #expect(try contains(library.bytes(of: fragment).body, secret)) }
        await store.shutDown()
        let folder = "\(data)/streams/camera"
        let file = try #require(FileContents.names(in: folder).first { $0.hasSuffix(".mkv") })
        let onDisk = try readFile("\(folder)/\(file)")
        #expect(onDisk.count > 400_000)
        #expect(!contains(onDisk, secret) && !contains(onDisk, Array("kitchen".utf8)))
        let findings = try DataVerifier(dataDirectory: data, keys: keys).findings().findings
        #expect(findings.allSatisfy { $0.level == .note }, "\(findings.map(\.detail))")
    }

    @Test(
        "What a crash leaves open is closed at the next start, cut within any part",
        arguments: [0, 1, 33, 200, 1500, 9000])
    func crash(cut: Int) async throws {
        let store = try makeSealedStore("\(folder.path)/running", keys: keys)
        let session = try store.openSession(
            connectorID: connector, transactionID: "t1", callID: "c", mediaIndex: 0, startedAtMilliseconds: callStart)
        for index in 0..<40 {
            session.append(samples(index * 400..<(index + 1) * 400).span)
            try await Task.sleep(for: .milliseconds(22))
        }
        try await Task.sleep(for: .milliseconds(100))
        try FileManager.default.copyItem(atPath: "\(folder.path)/running", toPath: data)
        await store.shutDown()
        let path = "\(data)/\(session.relativePath)"
        let whole = try readFile(path)
        try write(Array(whole[..<(whole.count - cut)]), to: path)
        keys.use(for: data)
        let kept = try StreamReader(path: path).everything().samples
        #expect(kept.count >= 14_400 - cut && kept == samples(0..<kept.count))
        let directory = try DataDirectory(data)
        let report = CrashRecovery(directory: directory, logger: Logger(label: "test"))
            .run(now: UTCTime(milliseconds: callStart))
        #expect(report.repairedFiles == 1 && report.problems.isEmpty)
        let after = try StreamReader(path: path).everything()
        #expect(after.samples == kept && after.duration == Double(kept.count) / 8)
        #expect(!SessionFileState.isOpen(path))
        let findings = try DataVerifier(dataDirectory: data, keys: keys).findings().findings
        #expect(findings.allSatisfy { $0.level == .note }, "\(findings.map(\.detail))")
    }

    @Test("Pages that never reached the disk are passed over by the repair of an encrypted file, and told once")
    func lostPages() async throws {
        let store = try makeSealedStore("\(folder.path)/running", keys: keys)
        let session = try store.openSession(
            connectorID: connector, transactionID: "t1", callID: "c", mediaIndex: 0, startedAtMilliseconds: callStart)
        for index in 0..<50 {
            session.append(samples(index * 1600..<(index + 1) * 1600).span)
            try await Task.sleep(for: .milliseconds(22))
        }
        try await Task.sleep(for: .milliseconds(100))
        let running = "\(folder.path)/running/\(session.relativePath)"
        var content = try readFile(running)
        let key = try readFile(StreamKeyFile.path(KeyVault.parent(running)))
        await store.shutDown()
        #expect(content.count > 150_000)
        content.replaceSubrange(81_920..<90_112, with: [UInt8](repeating: 0, count: 8192))
        let path = "\(folder.path)/\(SessionFileName(session: 0, transactionID: "t1", mediaIndex: 0).text)"
        try write(key, to: StreamKeyFile.path(folder.path))
        try write(content, to: path)
        keys.use(for: folder.path)
        #expect(try !SessionBytes(path: path).sealDamage().isEmpty)
        guard case .repaired = try SessionFileReport.repair(path).repair else {
            Issue.record("not repaired")
            return
        }
        #expect(!SessionFileState.isOpen(path))
        #expect(try SessionFileReport.repair(path).repair == .notNeeded)
        let source = try SessionBytes(path: path)
        #expect(try source.sealDamage().isEmpty)
        #expect(try source.bytes(0..<source.length).count == Int(source.length))
        let read = try StreamReader(path: path).everything()
        #expect(read.duration == 10_000)
        #expect(read.samples.count > 40_000 && read.samples.count < 80_000)
    }

    @Test("A damaged part costs the fragments it lies in, which are named; the others are served")
    func damage() async throws {
        let store = try makeSealedStore(data, keys: keys)
        let (session, _) = try await record(store, transaction: "t1", seconds: 12)
        await store.shutDown()
        let path = "\(data)/\(session.relativePath)"
        var content = try readFile(path)
        content[content.count / 2] ^= 4
        try write(content, to: path)
        let (summary, findings) = try DataVerifier(dataDirectory: data, keys: keys).findings()
        #expect(summary.damage >= 2)
        #expect(findings.contains { $0.kind == .damagedBytes && $0.detail.contains("encrypted") })
        let damaged = Set(findings.filter { $0.kind == .damagedFragment }.compactMap(\.fragment))
        #expect(!damaged.isEmpty && damaged.count < 6)
        for trustsIndex in [true, false] {
            if !trustsIndex { try FileManager.default.removeItem(atPath: IndexFile.path(of: path)) }
            let library = try StreamLibrary(dataDirectory: data, keys: keys)
            var good = 0
            for fragment in try library.fragments(.name(session.streamName)) {
                if (try? library.bytes(of: fragment)) != nil { good += 1 }
            }
            #expect(good >= 12 - damaged.count && good < 12)
            var followed = Followed()
            try followed.drain(try library.follow(.name(session.streamName), from: .earliest))
            // That the one before the damage is whole is seen by what follows it.
            #expect(followed.ended.filter(\.isComplete).count >= 11 - damaged.count)
            #expect(followed.ended.count <= 12)
        }
        let reader = try StreamReader(path: path)
        #expect(throws: StreamReaderError.self) { try reader.everything() }
    }

    @Test("Without the key, or with a wrong one, everything says which key is missing and where it belongs")
    func wrongKey() async throws {
        let (stream, path) = try await recorded(keys, "t1")
        for (other, words) in [
            (try masterKeys(["2027"]), "the master key “2026” is not there"),
            (try masterKeys(["2026"], salt: 99), "the master key “2026” is not the one"),
        ] {
            other.use(for: data)
            let error = #expect(throws: StreamReaderError.self) { try StreamReader(path: path).read() }
            let text = "\(try #require(error))"
            #expect(text.contains(words) && text.contains("keyFile") && text.contains(path))
            let library = try StreamLibrary(dataDirectory: data)
            #expect(throws: StreamLibraryError.self) { try library.fragments(.name(stream)) }
            let follower = try? library.follow(.name(stream), from: .earliest)
            if let follower { #expect(throws: StreamLibraryError.self) { try follower.next() } }
            let findings = try DataVerifier(dataDirectory: data).findings().findings
            #expect(findings.contains { $0.kind == .unreadableFile && $0.detail.contains(words) })
            // Nothing is done to a file whose key is not there.
            let before = try readFile(path)
            let report = CrashRecovery(directory: try DataDirectory(data), logger: Logger(label: "test"))
                .run(now: UTCTime(milliseconds: 0))
            #expect(report == CrashRecovery.Report())
            #expect(throws: FileError.self) { try SessionFileReport.repair(path) }
            #expect(try readFile(path) == before)
        }
        keys.use(for: data)
        #expect(try StreamReader(path: path).everything().samples.count == 16_000)
    }

    @Test("Master keys are rotated: old recordings open with both, with the new one alone once they are wrapped anew")
    func rotation() async throws {
        let old = try await recorded(keys, "t1")
        let both = try masterKeys(["2027", "2026"], salt: 0)
        let new = try await recorded(both, "t2")
        #expect(old.stream == new.stream)
        let paths = [old.path, new.path]
        let before = try paths.map { try readFile($0) }
        for path in paths { #expect(try StreamReader(path: path).everything().samples.count == 16_000) }

        let alone = try masterKeys(["2027"])
        var report = alone.rewrap(dataDirectory: data)
        #expect(report.missing == ["2026": 1] && !report.isComplete)
        report = both.rewrap(dataDirectory: data)
        #expect(report.streams == 1 && report.rewrapped == 1 && report.isComplete)
        #expect(both.rewrap(dataDirectory: data).rewrapped == 0)
        alone.use(for: data)
        for path in paths { #expect(try StreamReader(path: path).everything().samples.count == 16_000) }
        #expect(try paths.map { try readFile($0) } == before)
        keys.use(for: data)
        #expect(throws: StreamReaderError.self) { try StreamReader(path: paths[0]).read() }
    }

    @Test("A stream whose master key is gone gets another key of its own: recording goes on")
    func lostMaster() async throws {
        let old = try await recorded(keys, "t1")
        let new = try await recorded(try masterKeys(["2027"]), "t2")
        #expect(old.stream == new.stream)
        #expect(try StreamReader(path: new.path).everything().samples.count == 16_000)
        try masterKeys(["2027", "2026"]).use(for: data)
        for path in [old.path, new.path] {
            #expect(try StreamReader(path: path).everything().samples.count == 16_000)
        }
    }

    @Test("A key's file is its owner's alone, and nothing that is printed holds a key")
    func keyFile() throws {
        let path = "\(folder.path)/keys"
        let line = try MasterKeys.newLine(id: "2026-11")
        try write(
            Array("# first seals\n\n\(line)\r\nold:\(Base64.encode([UInt8](repeating: 7, count: 32)))\n".utf8), to: path
        )
        for mode: mode_t in [0o644, 0o640, 0o604] {
            chmod(path, mode)
            let error = #expect(throws: MasterKeysError.self) { try MasterKeys(file: path) }
            #expect("\(try #require(error))".contains("chmod 600"))
        }
        for mode: mode_t in [0o600, 0o400] {
            chmod(path, mode)
            #expect(try MasterKeys(file: path).ids == ["2026-11", "old"])
        }
        let secret = String(line.split(separator: ":")[1])
        let read = try MasterKeys(file: path)
        #expect(!"\(read)".contains(secret))
        #expect(throws: MasterKeysError.self) { try MasterKeys(file: "\(folder.path)/none") }
        #expect(throws: MasterKeysError.self) { try MasterKeys(file: folder.path) }
        setenv("EARSHOT_TEST_KEYS", "\(line), old:\(Base64.encode([UInt8](repeating: 7, count: 32)))", 1)
        #expect(try MasterKeys(environment: "EARSHOT_TEST_KEYS").ids == ["2026-11", "old"])
        #expect(throws: MasterKeysError.self) { try MasterKeys(environment: "EARSHOT_TEST_NONE") }
        for bad in [
            "", "#", "id", "id:", ":\(secret)", "i d:\(secret)", "id:\(secret)x", "a:\(secret)\na:\(secret)",
            "id:\(secret.dropLast(4))", "../x:\(secret)",
        ] {
            let error = #expect(throws: MasterKeysError.self) { try MasterKeys(lines: bad, place: "p") }
            #expect(!"\(String(describing: error))".contains(secret.dropLast(4)), "\(bad)")
        }
    }

    @Test("Base64 is read back, and nothing else is taken for it")
    func base64() {
        for count in 0..<70 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 37) }
            #expect(Base64.encode(bytes) == Data(bytes).base64EncodedString())
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
        }
        for bad in ["A", "AA", "AAA", "A===", "AA=A", "AA*=", "äAAA"] { #expect(Base64.decode(bad) == nil, "\(bad)") }
    }
}
