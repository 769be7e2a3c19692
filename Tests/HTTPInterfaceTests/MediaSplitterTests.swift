import StreamSink
import Testing

@testable import HTTPInterface

@Suite("A producer's Matroska stream is split into header and fragments")
struct MediaSplitterTests {
    private func split(_ pieces: [[UInt8]], limits: HTTPLimits = HTTPLimits()) throws -> [MediaSplitter.Event] {
        var splitter = MediaSplitter(limits: limits)
        var events: [MediaSplitter.Event] = []
        for piece in pieces { try splitter.append(piece, to: &events) }
        try splitter.finish(&events)
        return events
    }

    private func fault(_ bytes: [UInt8], limits: HTTPLimits = HTTPLimits()) -> PutMediaFault? {
        do {
            _ = try split([bytes], limits: limits)
            return nil
        } catch {
            return error as? PutMediaFault
        }
    }

    private static let tags = MediaTag.element([MediaTag("CallId", "c-1"), MediaTag("TransactionId", "t-1")])
    private static var stream: [UInt8] {
        SampleMedia.header() + tags + SampleMedia.cluster(timecode: 0) + SampleMedia.openCluster(timecode: 1000)
            + tags + SampleMedia.cluster(timecode: 2000)
    }

    @Test("Pieces of any size give the same fragments", arguments: [1, 2, 3, 7, 64, 1000, 100_000])
    func pieces(size: Int) throws {
        let bytes = Self.stream
        let pieces = stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) }
        let events = try split(pieces)
        try #require(events.count == 7)
        #expect(events[0] == .header(SampleMedia.header()))
        #expect(events[1] == .began(timecode: 0))
        #expect(events[3] == .began(timecode: 1000))
        let fragments = events.compactMap { event -> MediaFragment? in
            if case .fragment(let fragment) = event { fragment } else { nil }
        }
        #expect(fragments.map(\.timecode) == [0, 1000, 2000])
        #expect(fragments.map(\.durationMilliseconds) == [1000, 1000, 1000])
        #expect(fragments.map(\.tags.count) == [2, 0, 2])
        #expect(fragments[1].cluster == SampleMedia.cluster(timecode: 1000), "the size is written in")
    }

    @Test("A fragment's length: its frames' own, the distance between them, or what its track says of a frame")
    func lengths() throws {
        func track(_ fields: [UInt8]) -> [UInt8] {
            let entry = SampleMedia.element(
                MatroskaElement.trackEntry, SampleMedia.element(MatroskaElement.trackNumber, [1]) + fields)
            var bytes = SampleMedia.header(tracks: [])
            bytes.removeLast(SampleMedia.element(MatroskaElement.tracks, []).count)
            return bytes + SampleMedia.element(MatroskaElement.tracks, entry)
        }
        func cluster(_ blocks: [UInt8]) -> [UInt8] {
            SampleMedia.element(
                MatroskaElement.cluster, SampleMedia.element(MatroskaElement.timecode, [0]) + blocks)
        }
        func length(_ bytes: [UInt8]) throws -> Int64? {
            for case .fragment(let fragment) in try split([bytes]) { return fragment.durationMilliseconds }
            return nil
        }
        let block = SampleMedia.block(time: 0, [UInt8](repeating: 1, count: 3200))
        let group = SampleMedia.element(
            MatroskaElement.blockGroup,
            SampleMedia.element(MatroskaElement.block, [0x81, 0, 40, 0, 1]) + SampleMedia.element(0x9B, [0x01, 0xF4]))
        let pcm =
            SampleMedia.element(MatroskaElement.codecID, Array("A_PCM/INT/LIT".utf8))
            + SampleMedia.element(
                MatroskaElement.audio,
                SampleMedia.element(MatroskaElement.samplingFrequency, [0x46, 0x7A, 0, 0])
                    + SampleMedia.element(MatroskaElement.bitDepth, [16]))
        #expect(try length(track(pcm) + cluster(block)) == 100)
        #expect(try length(track([]) + cluster(block)) == 0)
        let nominal = SampleMedia.element(MatroskaElement.defaultDuration, [0x02, 0x62, 0x5A, 0x00])
        #expect(try length(track(nominal) + cluster(block)) == 40)
        #expect(try length(track(nominal) + cluster(group)) == 540)
        #expect(try length(track(pcm) + cluster(block + SampleMedia.block(time: 30, [1]))) == 100)
        // Numbers that nobody can mean.
        let absurd = SampleMedia.element(MatroskaElement.defaultDuration, [UInt8](repeating: 0xFF, count: 8))
        #expect(try length(track(absurd) + cluster(block)) == 0)
        let endless = SampleMedia.element(
            MatroskaElement.blockGroup,
            SampleMedia.element(MatroskaElement.block, [0x81, 0, 40, 0, 1])
                + SampleMedia.element(0x9B, [UInt8](repeating: 0xFF, count: 8)))
        #expect(try length(track(nominal) + cluster(endless)) == 80)
    }

    @Test("A fragment begins as soon as its time has come, long before it is complete")
    func begins() throws {
        var splitter = MediaSplitter(limits: HTTPLimits())
        var events: [MediaSplitter.Event] = []
        let cluster = SampleMedia.cluster(timecode: 5)
        try splitter.append(SampleMedia.header() + cluster.prefix(30), to: &events)
        #expect(events.last == .began(timecode: 5))
    }

    @Test("The header may come again, as in a GetMedia body; another one may not")
    func repeatedHeader() throws {
        let header = SampleMedia.header()
        let both = header + SampleMedia.cluster(timecode: 0) + header + SampleMedia.cluster(timecode: 1)
        #expect(try split([both]).count == 5)
        var other = SampleMedia.element(
            MatroskaElement.ebml, SampleMedia.element(MatroskaElement.docType, Array("webm".utf8)))
        other = header + SampleMedia.cluster(timecode: 0) + other
        #expect(fault(other) == .invalidMedia)
    }

    @Test("Timecode scales are applied")
    func scale() throws {
        // 100 µs a unit.
        let info = SampleMedia.element(
            MatroskaElement.info, SampleMedia.element(MatroskaElement.timestampScale, [0x01, 0x86, 0xA0]))
        var header = SampleMedia.header()
        header += info
        let events = try split([header + SampleMedia.cluster(timecode: 20_000)])
        #expect(events.contains(.began(timecode: 2000)))
    }

    static let faults: [(String, [UInt8], PutMediaFault)] = [
        ("text", Array("GET / HTTP/1.1".utf8), .invalidMedia),
        ("no EBML header", SampleMedia.cluster(timecode: 0), .invalidMedia),
        ("no tracks", Array(SampleMedia.header(tracks: [])) + SampleMedia.cluster(timecode: 0), .invalidMedia),
        ("four tracks", SampleMedia.header(tracks: [1, 2, 3, 4]), .tooManyTracks),
        ("a frame of another track", SampleMedia.header() + SampleMedia.cluster(timecode: 0, track: 2), .trackNumber),
        (
            "a track without frames", SampleMedia.header(tracks: [1, 2]) + SampleMedia.cluster(timecode: 0),
            .framesMissing
        ),
        ("no frames at all", SampleMedia.header() + SampleMedia.cluster(timecode: 0, frames: 0), .framesMissing),
        (
            "time that goes back",
            SampleMedia.header() + SampleMedia.cluster(timecode: 9) + SampleMedia.cluster(timecode: 8), .timecodeOrder
        ),
        (
            "a frame before the cluster's time",
            SampleMedia.header() + SampleMedia.element(MatroskaElement.cluster, SampleMedia.block(time: 0, [1, 2])),
            .invalidMedia
        ),
        (
            "a fragment of 25 seconds",
            SampleMedia.header()
                + SampleMedia.element(
                    MatroskaElement.cluster,
                    SampleMedia.element(MatroskaElement.timecode, [0]) + SampleMedia.block(time: 25_000, [0])),
            .fragmentDuration
        ),
        (
            "a cluster of 2^40 bytes", SampleMedia.header() + [0x1F, 0x43, 0xB6, 0x75, 0x05, 0, 1, 0, 0, 0, 0, 0],
            .fragmentSize
        ),
        (
            "a block beyond its cluster",
            SampleMedia.header() + [0x1F, 0x43, 0xB6, 0x75, 0x85, 0xE7, 0x81, 0, 0xA3, 0x90], .invalidMedia
        ),
        (
            "tracks of unknown size", Array(SampleMedia.header().prefix(30)) + [0x16, 0x54, 0xAE, 0x6B, 0xFF],
            .invalidMedia
        ),
        (
            "a reserved tag",
            SampleMedia.header() + MediaTag.element([MediaTag("AWS_KINESISVIDEO_FRAGMENT_NUMBER", "1")]), .invalidTags
        ),
        (
            "eleven tags", SampleMedia.header() + MediaTag.element((0..<11).map { MediaTag("t\($0)", "") }),
            .tooManyTags
        ),
        (
            "a long value",
            SampleMedia.header() + MediaTag.element([MediaTag("t", String(repeating: "x", count: 257))]), .tooManyTags
        ),
        (
            "a time beyond all time", SampleMedia.header() + SampleMedia.cluster(timecode: .max), .invalidMedia
        ),
        ("an end within a cluster", SampleMedia.header() + SampleMedia.cluster(timecode: 0).dropLast(), .invalidMedia),
        ("an end within a head", SampleMedia.header() + [0x1F, 0x43], .invalidMedia),
    ]

    @Test("What is no acceptable stream has its error", arguments: faults)
    func refusals(_ what: String, _ bytes: [UInt8], _ expected: PutMediaFault) {
        #expect(fault(bytes) == expected, "\(what)")
    }

    @Test("A fragment larger than allowed is refused before it is kept")
    func size() {
        var limits = HTTPLimits()
        limits.fragmentBytes = 10_000
        let large = SampleMedia.openCluster(timecode: 0, frames: 200, bytes: 100)
        #expect(fault(SampleMedia.header() + large, limits: limits) == .fragmentSize)
    }

    @Test("After a fault every call gives the same fault")
    func stays() {
        var splitter = MediaSplitter(limits: HTTPLimits())
        var events: [MediaSplitter.Event] = []
        #expect(throws: PutMediaFault.invalidMedia) { try splitter.append([0x00], to: &events) }
        #expect(throws: PutMediaFault.invalidMedia) { try splitter.append(SampleMedia.header(), to: &events) }
        #expect(throws: PutMediaFault.invalidMedia) { try splitter.finish(&events) }
        #expect(events.isEmpty)
    }

    @Test("No damage traps, and fragments that are handed out are whole", arguments: 0..<40)
    func damage(seed: Int) {
        var random = SeededGenerator(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1)
        let original = Self.stream
        for _ in 0..<100 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                switch Int.random(in: 0..<3, using: &random) {
                case 0:
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: Int.random(in: 0..<bytes.count, using: &random))
                default:
                    bytes.insert(
                        UInt8.random(in: 0...255, using: &random), at: Int.random(in: 0...bytes.count, using: &random))
                }
            }
            var splitter = MediaSplitter(limits: HTTPLimits())
            var events: [MediaSplitter.Event] = []
            do {
                var rest = bytes[...]
                while !rest.isEmpty {
                    let count = Int.random(in: 1...rest.count, using: &random)
                    try splitter.append(rest.prefix(count), to: &events)
                    rest = rest.dropFirst(count)
                }
                try splitter.finish(&events)
            } catch {}
            for case .fragment(let fragment) in events {
                let head = try? ElementHead(fragment.cluster[...])
                #expect(head?.size == fragment.cluster.count - (head?.length ?? 0))
            }
        }
    }
}

/// A small generator whose sequence depends on its seed alone (xorshift).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
