import Foundation
import Testing

@testable import StreamSink

@Suite("Streams of other producers", .timeLimit(.minutes(2)))
struct FragmentIngestTests {
    private let folder: TemporaryFolder
    private let store: FragmentStore
    private let library: StreamLibrary

    init() throws {
        folder = try TemporaryFolder()
        store = try makeStore("\(folder.path)/data")
        library = StreamLibrary(store: store)
        _ = try library.create(NewStream(name: "camera", retentionHours: 24))
    }

    /// A producer's header; the Segment's size is one byte.
    private func header() -> [UInt8] {
        var bytes: [UInt8] = []
        let muxer = makeMuxer()
        muxer.appendHeader(to: &bytes)
        bytes.replaceSubrange(0x2C..<0x34, with: [0xFF])
        return bytes
    }

    private func cluster(_ index: Int, unknownSize: Bool = false) -> [UInt8] {
        var body: [UInt8] = []
        body.appendElement(MatroskaElement.timecode, unsigned: UInt64(index * 2000))
        for block in 0..<5 {
            var content: [UInt8] = [0x81, 0, UInt8(block), 0x80]
            content += [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: 1000)
            body.appendElement(block == 3 ? MatroskaElement.blockGroup : MatroskaElement.simpleBlock, body: content)
        }
        var bytes: [UInt8] = []
        bytes.appendElementID(MatroskaElement.cluster)
        if unknownSize { bytes.append(0xFF) } else { bytes.appendElementSize(body.count) }
        return bytes + body
    }

    @Test("Fragments are numbered, kept, listed and followed like those of calls")
    func kept() async throws {
        let ingest = try library.openIngest(.name("camera"))
        #expect(throws: StreamLibraryError.streamBusy("camera")) { try library.openIngest(.name("camera")) }
        #expect(throws: StreamLibraryError.streamBusy("camera")) { try library.delete(.name("camera")) }
        try ingest.append(header: header())
        let follower = try library.follow(.name("camera"), from: .now)
        var numbers: [FragmentNumber] = []
        for index in 0..<70 {
            let expected = try ingest.nextNumber()
            let number = try ingest.append(
                tags: [("room", "r\(index)")], cluster: cluster(index, unknownSize: index % 2 == 1),
                producerMilliseconds: 5 + Int64(index) * 2000, durationMilliseconds: 2000)
            #expect(number == expected)
            numbers.append(number)
        }
        try ingest.sync()
        var followed = Followed()
        try followed.drain(follower)
        // The last one ends when its producer goes or another comes.
        #expect(followed.begun.map(\.number) == numbers)
        let listed = try library.fragments(.name("camera"))
        #expect(listed.map(\.number) == numbers)
        #expect(listed.first?.durationMilliseconds == 2000)
        #expect(listed.first?.producerMilliseconds == 5)
        let bytes = try library.bytes(of: listed[3])
        let scanner = try Scanned.tags(bytes.header + bytes.body)
        #expect(scanner.contains { $0.name == "room" && $0.value == "r3" })
        #expect(scanner.contains { $0.name == "AWS_KINESISVIDEO_PRODUCER_TIMESTAMP" && $0.value == "6.005" })
        ingest.close()
        ingest.close()
        try followed.drain(follower)
        #expect(followed.ended.map(\.number) == numbers)
        #expect(throws: StreamLibraryError.closed) {
            try ingest.append(cluster: cluster(1), producerMilliseconds: 0, durationMilliseconds: 1)
        }

        let again = try library.openIngest(.name("camera"))
        try again.append(header: header())
        let next = try again.append(cluster: cluster(0), producerMilliseconds: 0, durationMilliseconds: 1)
        #expect(next.counter == 1001)
        again.close()
        #expect(try library.fragments(.name("camera")).map(\.number) == numbers + [next])
        await store.shutDown()

        // The files alone have it all.
        let path = library.path("camera", listed[0].session)
        let noted = try #require(try loadIndex(path))
        let walked = try #require(try loadIndex(path, trustsFile: false))
        #expect(noted.entries.map(\.place) == walked.entries.map(\.place))
        #expect(noted.entries.map(\.checksum) == walked.entries.map(\.checksum))
    }

    @Test("What is no whole cluster, no header, or breaks a limit is refused and nothing is written")
    func refused() throws {
        let ingest = try library.openIngest(.name("camera"))
        func append(
            _ cluster: [UInt8], tags: [(name: String, value: String)] = []
        ) throws {
            _ = try ingest.append(tags: tags, cluster: cluster, producerMilliseconds: 0, durationMilliseconds: 1)
        }
        #expect(throws: StreamLibraryError.self) { try append(cluster(0)) }
        #expect(throws: StreamLibraryError.self) { try ingest.append(header: []) }
        #expect(throws: StreamLibraryError.self) { try ingest.append(header: Array(header().dropLast())) }
        #expect(throws: StreamLibraryError.self) { try ingest.append(header: header() + cluster(0)) }
        try ingest.append(header: header())
        #expect(throws: StreamLibraryError.self) { try append([]) }
        #expect(throws: StreamLibraryError.self) { try append(Array(cluster(0).dropLast())) }
        #expect(throws: StreamLibraryError.self) { try append(cluster(0) + [0]) }
        #expect(throws: StreamLibraryError.self) { try append([0x1F, 0x43, 0xB6, 0x75, 0x80]) }
        #expect(throws: StreamLibraryError.self) { try append(cluster(0), tags: [("AWS_X", "")]) }
        #expect(throws: StreamLibraryError.self) {
            try append(cluster(0), tags: (0...10).map { (name: "t\($0)", value: "") })
        }
        var random = Seeded(11)
        for _ in 0..<500 {
            var bytes = cluster(1)
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            try? append(bytes)
        }
        ingest.close()
        // Whatever was taken can be read.
        let all = try library.fragments(.name("camera"))
        for fragment in all { _ = try library.bytes(of: fragment) }
        let session = try #require(all.first?.session)
        let walked = try #require(try loadIndex(library.path("camera", session), trustsFile: false))
        #expect(walked.damage.isEmpty)
        #expect(walked.entries.map(\.number) == all.map(\.number))
    }

    @Test("A file that a crash cut anywhere keeps its whole fragments")
    func crash() async throws {
        let ingest = try library.openIngest(.name("camera"))
        try ingest.append(header: header())
        for index in 0..<6 {
            _ = try ingest.append(cluster: cluster(index), producerMilliseconds: 0, durationMilliseconds: 2000)
        }
        let all = try library.fragments(.name("camera"))
        let path = library.path("camera", all[0].session)
        let whole = try readFile(path)
        ingest.close()
        await store.shutDown()
        for length in stride(from: Int(all[0].place.offset), through: whole.count, by: 331) {
            try write(Array(whole[..<length]), to: path)
            let repaired = try SessionFileReport.repair(path).report
            let ends = all.map(\.place.end).filter { $0 <= Int64(length) }
            #expect(repaired.fileLength == ends.last ?? all[0].place.offset, "cut at \(length)")
            let found = try StreamLibrary(dataDirectory: "\(folder.path)/data").fragments(.name("camera"))
            #expect(found.map(\.number) == all.prefix(ends.count).map(\.number))
            try? FileManager.default.removeItem(atPath: IndexFile.path(of: path))
        }
    }

    @Test("Nothing came: no file is left, and the stream is free")
    func nothing() throws {
        let ingest = try library.openIngest(.name("camera"))
        try ingest.append(header: header())
        _ = try ingest.nextNumber()
        ingest.close()
        #expect(FileContents.names(in: "\(folder.path)/data/streams/camera") == ["stream.json"])
        try library.delete(.name("camera"))
    }
}

extension Scanned {
    /// All tags of a document.
    static func tags(_ bytes: [UInt8]) throws -> [MatroskaScanner.TagValue] {
        var scanner = MatroskaScanner()
        scanner.append(bytes)
        while let token = try scanner.next() {
            if case .tags(let values) = token { return values }
        }
        return []
    }
}
