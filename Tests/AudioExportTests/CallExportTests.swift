import Foundation
import StreamSink
import Testing

@testable import AudioExport
@testable import CallArchive

private let caller = voice(8000 * 3, rate: 8000, pitch: 140)
private let callee = voice(8000 * 2 + 777, rate: 8000, pitch: 210)

/// The callee's leg begins 500 ms later and has a hole of 400 ms; both are closed.
private func call() throws -> RecordingFixture {
    let fixture = try RecordingFixture()
    try fixture.add(
        stream: 1, session: 2, mediaIndex: 0, track: .pcm(8000), blocks: RecordingFixture.blocks(caller, rate: 8000))
    try fixture.add(
        stream: 2, mediaIndex: 1, startsAfter: 500, track: .pcm(8000),
        blocks: RecordingFixture.blocks(callee, rate: 8000, hole: 600..<1000))
    try fixture.addRecords(legs: [(1, 2, 0, true), (2, 0, 1, false)])
    return fixture
}

/// The callee on the call's line.
private let calleeLine: [Int16] = {
    var line = [Int16](repeating: 0, count: 4000) + callee
    for index in 4000 + 4800..<4000 + 8000 { line[index] = 0 }
    return line
}()

@Suite("What becomes of a call that is exported")
struct CallExportTests {
    @Test("The finder knows who called from the records, and the numbers")
    func finder() throws {
        let fixture = try call()
        let recording = try fixture.recording
        #expect(recording.legs.map(\.name) == ["caller", "callee"])
        #expect(recording.legs.map(\.label) == ["96", "97"])
        #expect(recording.callID == "c@h")
        #expect(recording.fromNumber == "+12065550100")
        #expect(!recording.isUnfinished)
        let beginning = try RecordingFinder(dataDirectory: fixture.path).recording(transactionID: "11111111")
        #expect(beginning == recording)
        #expect(throws: RecordingFinderError.self) {
            try RecordingFinder(dataDirectory: fixture.path).recording(transactionID: "22222222")
        }
        #expect(throws: RecordingFinderError.self) {
            try RecordingFinder(dataDirectory: fixture.path).recording(transactionID: "../../../etc")
        }
    }

    @Test("A WAV file a leg has every sample in its place, and silence in holes and before the leg began")
    func waveLegs() throws {
        let fixture = try call()
        let report = try fixture.export(.wav)
        #expect(report.files.map(\.legs) == [["caller"], ["callee"]])
        #expect(!report.isPartial && report.findings.isEmpty)
        guard let left = try decoded(report.files[0].path), let right = try decoded(report.files[1].path) else {
            return
        }
        #expect(left == caller)
        #expect(right == calleeLine)
        #expect(report.files[1].milliseconds == Int64(calleeLine.count / 8))
    }

    @Test("A stereo WAV has the caller left and the callee right, in step")
    func waveStereo() throws {
        let fixture = try call()
        let report = try fixture.export(.wav, isStereo: true)
        #expect(report.files.map(\.legs) == [["caller", "callee"]])
        guard let both = try decoded(report.files[0].path) else { return }
        #expect(both.count == 2 * caller.count)
        #expect(stride(from: 0, to: both.count, by: 2).map { both[$0] } == caller)
        let right = stride(from: 1, to: both.count, by: 2).map { both[$0] }
        let silence = [Int16](repeating: 0, count: caller.count - calleeLine.count)
        #expect(right == calleeLine + silence)
    }

    @Test("Legs of different rates meet at the higher one; what has it already is not touched")
    func mixedRates() throws {
        let fixture = try RecordingFixture()
        let wide = voice(32_000, rate: 16_000, pitch: 180)
        try fixture.add(
            stream: 1, mediaIndex: 0, track: .pcm(8000), blocks: RecordingFixture.blocks(caller, rate: 8000))
        try fixture.add(
            stream: 2, mediaIndex: 1, track: .pcm(16_000), blocks: RecordingFixture.blocks(wide, rate: 16_000))
        let report = try fixture.export(.wav, isStereo: true)
        #expect(report.files[0].sampleRate == 16_000)
        #expect(report.files[0].legs == ["leg-0", "leg-1"])
        guard let both = try decoded(report.files[0].path) else { return }
        let left = stride(from: 0, to: both.count, by: 2).map { both[$0] }
        let right = stride(from: 1, to: both.count, by: 2).map { both[$0] }
        #expect(right.prefix(wide.count) == wide[...])
        #expect(abs(left.count - 2 * caller.count) <= 64)
        let everySecond = stride(from: 0, to: left.count, by: 2).map { left[$0] }
        #expect(likeness(everySecond[...], caller[...]) > 0.999)
    }

    @Test("A leg whose codec changed goes on in its next recording; PCMU payloads are decoded")
    func codecChange() throws {
        let fixture = try RecordingFixture()
        let codes = (0..<8000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let payloads = stride(from: 0, to: 8000, by: 160).map { at in
            (milliseconds: Int64(at / 8), bytes: Array(codes[at..<at + 160]))
        }
        try fixture.add(stream: 1, mediaIndex: 0, track: .muLaw, blocks: payloads)
        try fixture.add(
            stream: 3, mediaIndex: 2, startsAfter: 1200, track: .pcm(8000),
            blocks: RecordingFixture.blocks(callee, rate: 8000))
        try fixture.addRecords(legs: [(1, 0, 0, true), (3, 0, 0, true)])
        let recording = try fixture.recording
        #expect(recording.legs.count == 1)
        #expect(recording.legs.first?.sessions.count == 2)
        let report = try fixture.export(.wav)
        guard let found = try decoded(report.files[0].path) else { return }
        let expanded = codes.map { code -> Int16 in
            let value = ~code
            let shift = Int16(value >> 4 & 7)
            let magnitude: Int16 = (((Int16(value & 15) << 3) + 0x84) << shift) - 0x84
            return value & 0x80 != 0 ? -magnitude : magnitude
        }
        let expected: [Int16] = expanded + [Int16](repeating: 0, count: 1600) + callee
        #expect(found == expected)
    }

    @Test("Of a call in progress there is what there is so far, and it is said")
    func inProgress() throws {
        let fixture = try RecordingFixture()
        try fixture.add(
            stream: 1, mediaIndex: 0, track: .pcm(8000), blocks: RecordingFixture.blocks(caller, rate: 8000),
            isClosed: false)
        for format in ExportFormat.allCases {
            let report = try fixture.export(format)
            #expect(report.isPartial, "\(format)")
            #expect(report.files.map(\.milliseconds) == [3000], "\(format)")
        }
    }

    @Test(
        "Opus and MP4 sound like the call, have its length, and lie in step with it",
        arguments: [.opus, .mp4] as [ExportFormat])
    func encoded(format: ExportFormat) throws {
        let fixture = try call()
        let report = try fixture.export(format, isStereo: true)
        guard let both = try decoded(report.files[0].path, options: ["-ar", "8000"]) else { return }
        // AAC has whole frames; players cut the last one by the edit list.
        #expect(abs(both.count / 2 - caller.count) <= 1024)
        let left = stride(from: 0, to: both.count, by: 2).map { both[$0] }
        let right = stride(from: 1, to: both.count, by: 2).map { both[$0] }
        #expect(likeness(left.prefix(23_000), caller.prefix(23_000)) > 0.9)
        #expect(likeness(right.prefix(20_000), calleeLine.prefix(20_000)) > 0.9)
        guard
            let probe = try tool(
                "ffprobe",
                ["-v", "error", "-show_entries", "format_tags:stream_tags", "-of", "flat", report.files[0].path])
        else { return }
        let text = String(decoding: probe.output, as: UTF8.self)
        #expect(text.contains(RecordingFixture.transaction) && text.contains("+12065550100"), "\(text)")
        #expect(probe.errors.isEmpty, "\(probe.errors)")
    }

    @Test("Matroska keeps the samples and payloads as they were, a track each, with the call in its tags")
    func matroska() throws {
        let fixture = try call()
        let codes = (0..<8000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        try fixture.add(
            stream: 3, mediaIndex: 2, startsAfter: 100, track: .muLaw,
            blocks: stride(from: 0, to: 8000, by: 160).map { (Int64($0 / 8), Array(codes[$0..<$0 + 160])) })
        let report = try fixture.export(.mka)
        let file = try #require(report.files.first)
        #expect(file.milliseconds == 3000)
        guard let left = try decoded(file.path, map: "0:a:0"), let right = try decoded(file.path, map: "0:a:1"),
            let raw = try tool(
                "ffmpeg", ["-v", "error", "-i", file.path, "-map", "0:a:2", "-c", "copy", "-f", "mulaw", "-"]),
            let probe = try tool(
                "ffprobe",
                [
                    "-v", "error", "-show_entries",
                    "format_tags:stream=codec_name,start_time:format=duration:stream_tags", "-of", "flat", file.path,
                ])
        else { return }
        #expect(left == caller)
        // The decoder joins what it gets: the hole is in the times.
        let joined: [Int16] = Array(callee[..<4800]) + Array(callee[8000...])
        #expect(right == joined)
        #expect(raw.output == codes)
        let text = String(decoding: probe.output, as: UTF8.self)
        #expect(probe.errors.isEmpty, "\(probe.errors)")
        for expected in [
            "start_time=\"0.500000\"", "start_time=\"0.100000\"", "duration=\"3.000000\"", "pcm_mulaw",
            "c@h", "+13605550199", RecordingFixture.connector, "callee",
        ] { #expect(text.contains(expected), "\(expected) in \(text)") }
        if let info = try tool("mkvinfo", ["-v", file.path]) {
            let lines = String(decoding: info.output, as: UTF8.self)
            #expect(info.status == 0 && !lines.contains("(Unknown") && lines.contains("Cues"), "\(lines)")
        }
    }

    @Test("A file that is there is refused before anything is made, and replaced when that is wanted")
    func exists() throws {
        let fixture = try call()
        _ = try fixture.export(.wav)
        #expect(throws: ExportError.exists("\(fixture.path)/out/caller.wav")) { try fixture.export(.wav) }
        #expect(try fixture.export(.wav, replaces: true).files.count == 2)
    }

    @Test("Stopped in the middle it leaves nothing behind", arguments: ExportFormat.allCases)
    func cancelled(format: ExportFormat) throws {
        let fixture = try call()
        let export = CallExport(try fixture.recording, format: format)
        #expect(throws: ExportError.cancelled) {
            try export.run(path: { "\(fixture.path)/out/\($0)" }, shouldGoOn: { false })
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.path + "/out").isEmpty)
    }

    @Test("A codec that nobody here decodes is named, and Matroska keeps it")
    func unknownCodec() throws {
        let fixture = try RecordingFixture()
        let track = RecordingFixture.Track(
            codecID: "A_EARSHOT/RTP", codecPrivate: Array("encoding=EVS\nclock-rate=16000\n".utf8), frequency: 16_000)
        try fixture.add(stream: 1, mediaIndex: 0, track: track, blocks: [(0, [1, 2, 3]), (20, [4, 5, 6])])
        let error = #expect(throws: ExportError.self) { try fixture.export(.wav) }
        #expect(error?.description.contains("EVS") == true)
        #expect(try fixture.export(.mka).files.count == 1)
    }

    @Test("A damaged recording is exported up to the damage, with a note")
    func damaged() throws {
        let fixture = try call()
        let path = try #require(fixture.recording.legs.first?.sessions.first?.path)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        for index in bytes.count / 2..<bytes.count / 2 + 400 { bytes[index] = 0 }
        try bytes.write(to: URL(fileURLWithPath: path))
        let report = try fixture.export(.wav)
        #expect(report.findings.count == 1)
        #expect(report.files[0].milliseconds > 1000 && report.files[0].milliseconds < 3000)
    }
}
