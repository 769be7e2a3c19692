import Foundation
import Testing

@testable import StreamSink

@Suite("The stream library", .timeLimit(.minutes(2)))
struct StreamLibraryTests {
    private let folder: TemporaryFolder
    private let store: FragmentStore
    private let library: StreamLibrary

    init() throws {
        folder = try TemporaryFolder()
        store = try makeStore("\(folder.path)/data")
        library = StreamLibrary(store: store)
    }

    @Test("A stream that somebody makes is described, listed, changed and deleted, and survives a restart")
    func life() async throws {
        let folder = try TemporaryFolder()
        let made = try await makeAndChange("\(folder.path)/data")
        let again = StreamLibrary(store: try makeStore("\(folder.path)/data"))
        let found = try again.stream(.name(made.name))
        #expect(found.tags == ["site": "south"])
        #expect(found.retentionHours == 48 && found.deviceName == "gate" && found.kmsKeyID == "k")
        #expect(found.arn == made.arn)
        try again.delete(.arn(made.arn), currentVersion: found.version)
        #expect(throws: StreamLibraryError.noSuchStream(made.name)) { try again.stream(.name(made.name)) }
        #expect(FileContents.names(in: "\(folder.path)/data/streams") == [])
    }

    private func makeAndChange(_ path: String) async throws -> StreamInformation {
        let store = try makeStore(path)
        let library = StreamLibrary(store: store)
        let made = try library.create(
            NewStream(
                name: "door.camera_1", deviceName: "door", mediaType: "video/h264,audio/aac", kmsKeyID: "k",
                retentionHours: 24, tags: ["site": "north"]))
        #expect(made.arn.hasPrefix("arn:aws:kinesisvideo:us-east-1:111122223333:stream/door.camera_1/"))
        #expect(made.connectorID == nil)
        #expect(try library.stream(.arn(made.arn)) == made)
        #expect(throws: StreamLibraryError.streamExists("door.camera_1")) {
            try library.create(NewStream(name: "door.camera_1"))
        }
        #expect(throws: StreamLibraryError.versionMismatch(current: made.version)) {
            try library.update(.name(made.name), currentVersion: "old", deviceName: "x", mediaType: nil)
        }
        let changed = try library.update(
            .name(made.name), currentVersion: made.version, deviceName: "gate", mediaType: nil)
        #expect(changed.deviceName == "gate" && changed.mediaType == made.mediaType)
        #expect(changed.version != made.version)
        let longer = try library.changeRetention(.name(made.name), currentVersion: changed.version, byHours: 24)
        #expect(longer.retentionHours == 48)
        #expect(throws: StreamLibraryError.self) {
            try library.changeRetention(.name(made.name), currentVersion: longer.version, byHours: -49)
        }
        try library.tag(.name(made.name), ["a": "1", "site": "south"])
        try library.untag(.name(made.name), ["a", "nothing"])
        await store.shutDown()
        return made
    }

    @Test(
        "Impossible requests are refused with a reason",
        arguments: [
            NewStream(name: ""), NewStream(name: ".."), NewStream(name: "../x"), NewStream(name: "a/b"),
            NewStream(name: "ü"), NewStream(name: String(repeating: "a", count: 251)),
            NewStream(name: "a", mediaType: "audio"), NewStream(name: "a", mediaType: "a/b,"),
            NewStream(name: "a", deviceName: "a b"), NewStream(name: "a", retentionHours: -1),
            NewStream(name: "a", retentionHours: 90_000), NewStream(name: "a", tags: ["": "x"]),
            NewStream(name: "a", tags: ["x": String(repeating: "v", count: 257)]),
            NewStream(name: "a", tags: Dictionary(uniqueKeysWithValues: (0...50).map { ("\($0)", "") })),
        ])
    func refused(_ request: NewStream) {
        #expect(throws: StreamLibraryError.self) { try library.create(request) }
    }

    @Test("Streams are listed by name, by prefix and in pages")
    func listing() throws {
        for name in ["b2", "a1", "b1", "c", "b3"] { _ = try library.create(NewStream(name: name)) }
        #expect(library.streams().map(\.name) == ["a1", "b1", "b2", "b3", "c"])
        #expect(library.streams(namePrefix: "b", limit: 2).map(\.name) == ["b1", "b2"])
        #expect(library.streams(namePrefix: "b", after: "b2", limit: 2).map(\.name) == ["b3"])
    }

    @Test("A connector's streams take its retention, until one is given its own")
    func connectorRetention() async throws {
        let (first, _) = try await record(store, transaction: "t1", seconds: 1, retentionHours: 24)
        let reference = StreamReference.name(first.streamName)
        #expect(try library.stream(reference).retentionHours == 24)
        _ = try await record(store, transaction: "t2", seconds: 1, retentionHours: 48)
        #expect(try library.stream(reference).retentionHours == 48)
        try library.setRetention(connectorID: connector, hours: 12)
        let now = try library.stream(reference)
        #expect(now.retentionHours == 12)
        _ = try library.changeRetention(reference, currentVersion: now.version, byHours: 1)
        try library.setRetention(connectorID: connector, hours: 99)
        _ = try await record(store, transaction: "t3", seconds: 1, retentionHours: 48)
        #expect(try library.stream(reference).retentionHours == 13)
        #expect(try library.stream(reference).connectorID == connector)
        await store.shutDown()
    }

    @Test("Fragments are selected by time and number, in pages, and their bytes are a document of their own")
    func fragments() async throws {
        let start = SystemClock.wallMilliseconds()
        let (session, _) = try await record(store, transaction: "t1", seconds: 6, start: start)
        let stream = StreamReference.name(session.streamName)
        let all = try library.fragments(stream)
        #expect(all.map(\.producerMilliseconds) == (0..<6).map { start + $0 * 1000 })
        #expect(try library.fragments(stream, range: .producer(start + 1000...start + 3000)) == Array(all[1...3]))
        #expect(try library.fragments(stream, range: .producer(start + 1001...start + 1999)) == [])
        let servers = try library.fragments(stream, range: .server(all[2].serverMilliseconds...(.max)))
        #expect(servers.last == all.last)
        #expect(try library.fragments(stream, after: all[1].number, limit: 2) == Array(all[2...3]))
        #expect(try library.fragments(stream, after: all[5].number) == [])
        #expect(try library.fragment(stream, number: all[3].number) == all[3])
        let unknown = FragmentNumber(counter: 4, epochMilliseconds: 1, random: 1)
        #expect(try library.fragment(stream, number: unknown) == nil)
        var heard: [Int16] = []
        for fragment in all {
            let bytes = try library.bytes(of: fragment)
            #expect(bytes.body.count == fragment.bytes)
            let scanned = try Scanned(bytes.header + bytes.body)
            #expect(scanned.fragments.map(\.number) == [fragment.number])
            heard += scanned.blocks.flatMap(\.samples)
        }
        #expect(heard == samples(0..<48_000))
        await store.shutDown()
    }

    @Test("While a session is recorded its complete fragments are there, with the size of their cluster")
    func liveFragments() async throws {
        let session = try store.openSession(
            connectorID: connector, transactionID: "t1", callID: "c", mediaIndex: 0,
            startedAtMilliseconds: SystemClock.wallMilliseconds())
        session.append(samples(0..<28_000).span)
        try await Task.sleep(for: .milliseconds(200))
        let fragments = try library.fragments(.name(session.streamName))
        #expect(fragments.count == 3)
        let bytes = try library.bytes(of: try #require(fragments.first))
        let head = Int(fragments[0].place.tagsLength)
        #expect(Array(bytes.body[head + 4..<head + 12]) != [1] + [UInt8](repeating: 0xFF, count: 7))
        #expect(throws: StreamLibraryError.streamBusy(session.streamName)) {
            try library.delete(.name(session.streamName))
        }
        _ = await session.finish()
        try library.delete(.name(session.streamName))
        #expect(throws: StreamLibraryError.self) { try library.bytes(of: fragments[0]) }
        await store.shutDown()
    }

    @Test("With no retention only the last five minutes are shown; with hours, those")
    func visibility() async throws {
        let now = SystemClock.wallMilliseconds()
        let (session, _) = try await record(store, transaction: "t1", seconds: 2, start: now, retentionHours: 0)
        let stream = StreamReference.name(session.streamName)
        for (minutes, count) in [(0, 2), (4, 2), (6, 0)] as [(Int64, Int)] {
            let later = StreamLibrary(store: store) { now + minutes * 60_000 }
            #expect(try later.fragments(stream).count == count)
        }
        try library.setRetention(connectorID: connector, hours: 1)
        for (minutes, count) in [(6, 2), (59, 2), (62, 0), (-600, 2)] as [(Int64, Int)] {
            let later = StreamLibrary(store: store) { now + minutes * 60_000 }
            #expect(try later.fragments(stream).count == count)
        }
        await store.shutDown()
    }

    @Test("A start time before the clock was set back does not disturb the order of sessions")
    func clockSetBackBetweenCalls() async throws {
        let now = SystemClock.wallMilliseconds()
        let (first, _) = try await record(store, transaction: "t1", seconds: 2, start: now + 3_600_000)
        let (second, _) = try await record(store, transaction: "t2", seconds: 2, start: now)
        #expect(first.streamName == second.streamName)
        #expect(first.startFragmentNumber.description < second.startFragmentNumber.description)
        let stream = StreamReference.name(first.streamName)
        let all = try library.fragments(stream)
        #expect(all.map(\.session.transactionID) == ["t1", "t1", "t2", "t2"])
        #expect(all.map(\.number) == all.map(\.number).sorted())
        #expect(try library.fragments(stream, range: .producer(now...now + 2000)).count == 2)
        var followed = Followed()
        try followed.drain(try library.follow(stream, from: .after(all[1].number)))
        #expect(followed.ended == Array(all[2...]))
        await store.shutDown()
    }

    @Test("After a crash the index is made from the repaired file", arguments: [true, false])
    func afterCrash(_ whileRecording: Bool) async throws {
        let session = try store.openSession(
            connectorID: connector, transactionID: "t1", callID: "c", mediaIndex: 0,
            startedAtMilliseconds: SystemClock.wallMilliseconds())
        let path = "\(folder.path)/data/\(session.relativePath)"
        session.append(samples(0..<36_000).span)
        try await Task.sleep(for: .milliseconds(200))
        let growing = try readFile(path)
        _ = await session.finish()
        await store.shutDown()
        // The second: killed between the close of the file and the sizes' way to the disk.
        let whole = whileRecording ? growing : try readFile(path)
        var random = Seeded(3)
        for _ in 0..<12 {
            // As kill -9 leaves it: cut anywhere, no size in the Segment.
            var bytes = Array(whole[..<Int.random(in: 2000..<whole.count, using: &random)])
            for at in FragmentMuxer.segmentSizeOffset + 1..<FragmentMuxer.segmentSizeOffset + 8 { bytes[at] = 0xFF }
            try write(bytes, to: path)
            let (report, _) = try SessionFileReport.repair(path)
            let reopened = try StreamLibrary(dataDirectory: "\(folder.path)/data")
            let found = try reopened.fragments(.name(session.streamName))
            #expect(found.count == report.fragments)
            #expect(found.last?.number == report.lastFragmentNumber)
            for fragment in found.dropLast() { _ = try reopened.bytes(of: fragment) }
        }
    }
}
