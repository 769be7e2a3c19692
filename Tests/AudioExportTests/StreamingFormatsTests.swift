import Foundation
import StreamSink
import Testing

@testable import AudioExport

@Suite("Pieces for players: HLS segments, clips, WebM clusters")
struct StreamingFormatsTests {
    private func interleaved(_ samples: [Int16], _ channels: Int) -> [Int16] {
        channels == 1 ? samples : samples.flatMap { [$0, $0 / 2] }
    }

    private func boxes(_ bytes: [UInt8]) -> [String] {
        var names: [String] = []
        var at = 0
        while at + 8 <= bytes.count {
            let size = bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
            names.append(String(decoding: bytes[at + 4..<at + 8], as: UTF8.self))
            guard size >= 8 else { break }
            at += size
        }
        return names
    }

    @Test(
        "Segments made independently, in any order, join without a gap, a shift or a click", arguments: [8000, 16_000],
        [1, 2])
    func segments(rate: Int, channels: Int) throws {
        let maker = try #require(AACSegments(sampleRate: rate, channels: channels))
        let frames: Int64 = 40
        let line = voice(Int(frames) * 1024, rate: rate, pitch: 160)
        func part(_ range: Range<Int64>) -> [Int16] {
            range.flatMap { index -> [Int16] in
                let sample = line.indices.contains(Int(index)) ? line[Int(index)] : 0
                return channels == 1 ? [sample] : [sample, sample / 2]
            }
        }
        let ranges: [Range<Int64>] = [0..<8, 8..<16, 16..<23, 23..<40]
        var made: [Int: [UInt8]] = [:]
        for (index, range) in ranges.enumerated().reversed() {
            made[index] = try maker.segment(
                frames: range, sequence: index + 1, samples: part(AACSegments.samples(for: range)))
        }
        let initialization = try maker.initialization()
        #expect(boxes(initialization).contains("moov") && !boxes(initialization).contains("moof"))
        for (index, range) in ranges.enumerated() {
            let segment = try #require(made[index])
            #expect(boxes(segment).suffix(2) == ["moof", "mdat"], "\(boxes(segment))")
            let name = try #require(segment.firstRange(of: Array("tfdt".utf8)))
            let isLong = segment[name.upperBound] == 1
            let end = name.upperBound + (isLong ? 12 : 8)
            let time = segment[name.upperBound + 4..<end].reduce(Int64(0)) { $0 << 8 | Int64($1) }
            #expect(time == range.lowerBound * 1024)
            // The same again, whatever was made in between.
            let again = try maker.segment(
                frames: range, sequence: index + 1, samples: part(AACSegments.samples(for: range)))
            #expect(again == segment)
        }
        let fixture = try RecordingFixture()
        let path = "\(fixture.path)/out/joined.mp4"
        try Data(initialization + ranges.indices.flatMap { made[$0] ?? [] }).write(to: URL(fileURLWithPath: path))
        guard let found = try decoded(path) else { return }
        #expect(found.count == Int(frames) * 1024 * channels)
        let left = stride(from: 0, to: found.count, by: channels).map { found[$0] }
        #expect(likeness(left.dropFirst(2048), line.dropFirst(2048)) > 0.95)
        // What a join adds to the error is no more than what lies between joins.
        func error(_ range: Range<Int>) -> Int { range.map { abs(Int(left[$0]) - Int(line[$0])) }.max() ?? 0 }
        let errors: [Int] = (2..<38).map { error($0 * 1024..<($0 + 1) * 1024) }
        let usual = errors.sorted()[30]
        for join in ranges.dropFirst() {
            let at = Int(join.lowerBound) * 1024
            let here = error(at - 512..<at + 512)
            #expect(here <= max(usual * 2, 500), "at \(at): \(here), usual \(usual)")
        }
    }

    @Test("A segment whose samples do not fit its range is refused")
    func refused() throws {
        let maker = try #require(AACSegments(sampleRate: 8000, channels: 1))
        #expect(throws: AudioLibraryError.self) { try maker.segment(frames: 0..<4, sequence: 1, samples: [1, 2, 3]) }
        #expect(throws: AudioLibraryError.self) { try maker.segment(frames: -1..<4, sequence: 1, samples: []) }
        #expect(AACSegments(sampleRate: 8001, channels: 1) == nil)
        #expect(AACSegments(sampleRate: 8000, channels: 3) == nil)
    }

    @Test("A clip has its index in front, and every sample in its place", arguments: [1, 2])
    func clip(channels: Int) throws {
        let line = voice(20_000, rate: 8000, pitch: 120)
        let bytes = try AudioClip.mp4(
            interleaved(line, channels), sampleRate: 8000, channels: channels, comments: [("TransactionId", "T1")])
        let names = boxes(bytes)
        let index = try #require(names.firstIndex(of: "moov"))
        let data = try #require(names.firstIndex(of: "mdat"))
        #expect(index < data, "\(names)")
        let fixture = try RecordingFixture()
        try Data(bytes).write(to: URL(fileURLWithPath: "\(fixture.path)/out/c.mp4"))
        guard let found = try decoded("\(fixture.path)/out/c.mp4") else { return }
        #expect(abs(found.count / channels - line.count) < 1024)
        let left = stride(from: 0, to: found.count, by: channels).map { found[$0] }
        #expect(likeness(left.prefix(19_000), line.prefix(19_000)) > 0.95)
        let wave = AudioClip.wave(interleaved(line, channels), sampleRate: 8000, channels: channels)
        try Data(wave).write(to: URL(fileURLWithPath: "\(fixture.path)/out/c.wav"))
        #expect(try decoded("\(fixture.path)/out/c.wav") == interleaved(line, channels))
    }

    @Test("WebM clusters of a writer that is fed bit by bit play as one, with a jump in its place", arguments: [1, 2])
    func webM(channels: Int) throws {
        let line = voice(16_000 * 3, rate: 16_000, pitch: 170)
        let writer = try WebMOpusWriter(sampleRate: 16_000, channels: channels, startMilliseconds: 2000)
        var bytes = writer.initializationSegment
        for at in stride(from: 0, to: 32_000, by: 700) {
            bytes += try writer.append(interleaved(Array(line[at..<min(32_000, at + 700)]), channels))
        }
        bytes += try writer.flush()
        writer.jump(to: 6000)
        bytes += try writer.append(interleaved(Array(line[32_000...]), channels))
        let fixture = try RecordingFixture()
        let path = "\(fixture.path)/out/live.webm"
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        var scanner = MatroskaScanner()
        scanner.append(bytes)
        var times: [Int64] = []
        var cluster: Int64 = 0
        while let token = try scanner.next() {
            if case .timecode(let time) = token { cluster = time }
            if case .block(let relative, _) = token { times.append(cluster + Int64(relative)) }
        }
        let expected: [Int64] = (0..<150).map { $0 < 100 ? 2000 + 20 * $0 : 6000 + 20 * ($0 - 100) }
        #expect(times == expected)
        guard let found = try decoded(path, options: ["-ar", "16000"]) else { return }
        let left = stride(from: 0, to: found.count, by: channels).map { found[$0] }
        #expect(likeness(left.prefix(30_000), line.prefix(30_000)) > 0.8)
        #expect(abs(bestShift(left, line)) <= 4)
    }

    @Test("Fragments become a line with their holes, at their rate or another, and two lines a stereo clip")
    func lines() throws {
        let line = voice(8000 * 3, rate: 8000, pitch: 130)
        let fixture = try RecordingFixture()
        try fixture.add(
            stream: 1, mediaIndex: 0, track: .pcm(8000),
            blocks: RecordingFixture.blocks(line, rate: 8000, hole: 1200..<1500))
        let path = try #require(fixture.recording.legs.first?.sessions.first?.path)
        let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        var clusters: [Int] = []
        var scanner = MatroskaScanner()
        scanner.append(bytes)
        while let token = try scanner.next() { if case .cluster(let at, _, _) = token { clusters.append(Int(at)) } }
        let header = Array(bytes[..<clusters[0]])
        let bodies = zip(clusters, clusters.dropFirst() + [bytes.count]).map { Array(bytes[$0..<$1]) }
        let all = try AudioLine(fragments: bodies.map { (header, $0) })
        var expected = line
        for index in 9600..<12_000 { expected[index] = 0 }
        #expect(all.samples == expected && all.startMilliseconds == RecordingFixture.start && all.sampleRate == 8000)
        let silence = [Int16](repeating: 0, count: 80)
        let second = try AudioLine(fragments: [(header, bodies[1])])
        #expect(second.startMilliseconds == RecordingFixture.start + 1000)
        #expect(second.samples(-80..<80, from: RecordingFixture.start + 1000) == silence + line[8000..<8080])
        let wide = try AudioLine(fragments: bodies.map { (header, $0) }, sampleRate: 16_000)
        #expect(wide.samples.count == 48_000)
        let stereo = try #require(AudioLine.stereo(all, second))
        #expect(stereo.samples.count == 2 * line.count && stereo.startMilliseconds == RecordingFixture.start)
        #expect(stereo.samples[1] == 0 && stereo.samples[2 * 8000 + 1] == line[8000])
        #expect(AudioLine.stereo(all, wide) == nil)
        #expect(throws: FragmentAudioError.self) { try AudioLine(fragments: [(Array(header.prefix(60)), bodies[0])]) }
        #expect(throws: FragmentAudioError.self) { try AudioLine(fragments: [(header, [1, 2, 3, 4, 5, 6, 7, 8, 9])]) }
    }

    @Test("Frames larger than a call may take are cut, and nothing waits for ever")
    func webMBounds() throws {
        let writer = try WebMOpusWriter(sampleRate: 8000, channels: 1)
        let bytes = try writer.append([Int16](repeating: 0, count: 8000 * 61))
        var scanner = MatroskaScanner()
        scanner.append(writer.initializationSegment + bytes)
        var blocks = 0
        while let token = try scanner.next() { if case .block = token { blocks += 1 } }
        #expect(blocks == 3000)
        #expect(throws: AudioLibraryError.self) { try WebMOpusWriter(sampleRate: 44_100, channels: 1) }
    }
}
