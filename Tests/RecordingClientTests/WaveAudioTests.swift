import Foundation
import Testing

@testable import RecordingClient

/// The octets of a WAV file, built chunk by chunk.
enum WaveBytes {
    static func word(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }

    static func chunk(_ name: String, _ body: [UInt8], size: UInt32? = nil) -> [UInt8] {
        let padding: [UInt8] = body.count % 2 == 1 ? [0] : []
        return Array(name.utf8) + word(size ?? UInt32(body.count)) + body + padding
    }

    static func format(
        tag: UInt16 = 1, channels: UInt16 = 1, rate: UInt32 = 8000, bits: UInt16 = 16, subformat: UInt8? = nil,
        guidEnd: [UInt8] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]
    ) -> [UInt8] {
        func short(_ value: UInt16) -> [UInt8] { [UInt8(value & 255), UInt8(value >> 8)] }
        let frame = channels &* (bits / 8)
        var body = short(tag) + short(channels) + word(rate) + word(rate &* UInt32(frame)) + short(frame) + short(bits)
        if let subformat { body += short(22) + short(bits) + word(4) + [subformat, 0] + guidEnd }
        return chunk("fmt ", body)
    }

    static func file(_ chunks: [UInt8]...) -> [UInt8] {
        let body = Array("WAVE".utf8) + chunks.flatMap { $0 }
        return Array("RIFF".utf8) + word(UInt32(body.count)) + body
    }

    static let three = chunk("data", [1, 0, 0xFF, 0xFF, 0, 0x80])
}

@Suite("WAV files are read as people's programs write them, and what cannot be used is explained")
struct WaveAudioTests {
    struct Good: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let bytes: [UInt8]
    }

    static let good = [
        Good(testDescription: "plain, 44 octets of header", bytes: WaveBytes.file(WaveBytes.format(), WaveBytes.three)),
        Good(
            testDescription: "WAVE_FORMAT_EXTENSIBLE",
            bytes: WaveBytes.file(WaveBytes.format(tag: 0xFFFE, subformat: 1), WaveBytes.three)),
        Good(
            testDescription: "an odd LIST chunk with its pad octet before the audio",
            bytes: WaveBytes.file(WaveBytes.format(), WaveBytes.chunk("LIST", [1, 2, 3]), WaveBytes.three)),
        Good(
            testDescription: "chunks after the audio",
            bytes: WaveBytes.file(WaveBytes.format(), WaveBytes.three, WaveBytes.chunk("cue ", [9, 9, 9, 9]))),
        Good(
            testDescription: "the audio before its format", bytes: WaveBytes.file(WaveBytes.three, WaveBytes.format())),
        Good(
            testDescription: "written into a pipe: size 0xFFFFFFFF",
            bytes: WaveBytes.file(WaveBytes.format(), WaveBytes.chunk("data", [1, 0, 0xFF, 0xFF, 0, 0x80], size: .max))),
        Good(
            testDescription: "a writer that was killed: size 0",
            bytes: WaveBytes.file(WaveBytes.format(), WaveBytes.chunk("data", [1, 0, 0xFF, 0xFF, 0, 0x80], size: 0))),
        Good(
            testDescription: "half a sample at the end",
            bytes: WaveBytes.file(WaveBytes.format(), WaveBytes.chunk("data", [1, 0, 0xFF, 0xFF, 0, 0x80, 7]))),
    ]

    @Test("Readable", arguments: good)
    func reads(_ good: Good) throws {
        #expect(try WaveAudio(parsing: good.bytes, path: "a.wav").samples == [1, -1, -32768])
    }

    struct Bad: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let bytes: [UInt8]
        let says: [String]
    }

    static let bad = [
        Bad(testDescription: "an empty file", bytes: [], says: ["not a WAV file", "it is empty"]),
        Bad(
            testDescription: "an MP3", bytes: Array("ID3\u{4}\u{0}\u{0}\u{0}\u{0}abcdef".utf8),
            says: ["not a WAV file", "49 44 33"]),
        Bad(testDescription: "text", bytes: Array("hello, this is text".utf8), says: ["not a WAV file", "“hello, t”"]),
        Bad(testDescription: "an AVI", bytes: Array("RIFF\u{4}\u{0}\u{0}\u{0}AVI ".utf8), says: ["not a WAV file"]),
        Bad(testDescription: "eight octets", bytes: Array("RIFF\u{4}\u{0}\u{0}\u{0}".utf8), says: ["cut off"]),
        Bad(
            testDescription: "cut off in the fmt chunk", bytes: Array(WaveBytes.file(WaveBytes.format()).prefix(30)),
            says: ["cut off", "fmt"]),
        Bad(
            testDescription: "no fmt chunk",
            bytes: WaveBytes.file(WaveBytes.three, WaveBytes.chunk("junk", [UInt8](repeating: 0, count: 40))),
            says: ["without a “fmt ” chunk"]),
        Bad(
            testDescription: "no data chunk", bytes: WaveBytes.file(WaveBytes.format()),
            says: ["without a “data” chunk"]),
        Bad(
            testDescription: "no samples", bytes: WaveBytes.file(WaveBytes.format(), WaveBytes.chunk("data", [])),
            says: ["holds no audio"]),
        Bad(
            testDescription: "CD quality",
            bytes: WaveBytes.file(WaveBytes.format(channels: 2, rate: 44_100), WaveBytes.three),
            says: [
                "16-bit PCM, 44100 Hz, stereo", "needed is 16-bit PCM, 8000 Hz, mono",
                "ffmpeg -i 'my speech.wav' -ar 8000 -ac 1 -c:a pcm_s16le 'my speech-8k.wav'",
            ]),
        Bad(
            testDescription: "16 kHz", bytes: WaveBytes.file(WaveBytes.format(rate: 16_000), WaveBytes.three),
            says: ["16000 Hz, mono"]),
        Bad(
            testDescription: "24 bit", bytes: WaveBytes.file(WaveBytes.format(bits: 24), WaveBytes.three),
            says: ["24-bit PCM, 8000 Hz"]),
        Bad(
            testDescription: "µ-law", bytes: WaveBytes.file(WaveBytes.format(tag: 7, bits: 8), WaveBytes.three),
            says: ["G.711 µ-law"]),
        Bad(
            testDescription: "extensible floating point",
            bytes: WaveBytes.file(WaveBytes.format(tag: 0xFFFE, bits: 32, subformat: 3), WaveBytes.three),
            says: ["32-bit floating point"]),
        Bad(
            testDescription: "extensible with a GUID of somebody's own",
            bytes: WaveBytes.file(
                WaveBytes.format(tag: 0xFFFE, subformat: 1, guidEnd: [UInt8](repeating: 7, count: 14)), WaveBytes.three),
            says: ["unknown extensible format"]),
        Bad(
            testDescription: "no channel", bytes: WaveBytes.file(WaveBytes.format(channels: 0), WaveBytes.three),
            says: ["no channel"]),
    ]

    @Test("Not usable: the error says what it is and how to mend it", arguments: bad)
    func explains(_ bad: Bad) {
        let error = #expect(throws: WaveError.self) { try WaveAudio(parsing: bad.bytes, path: "my speech.wav") }
        let text = error?.description ?? ""
        #expect(text.contains("my speech.wav"))
        for words in bad.says { #expect(text.contains(words)) }
    }

    @Test("A file that is not there, and a folder, are named with the reason")
    func namesFile() {
        let missing = #expect(throws: WaveError.self) { try WaveAudio(path: "/nowhere/speech.wav") }
        #expect(missing?.description == "cannot read /nowhere/speech.wav: No such file or directory")
        let folder = #expect(throws: WaveError.self) { try WaveAudio(path: "/tmp") }
        #expect(folder?.description == "cannot read /tmp: Is a directory")
    }

    @Test("A device without end is given up after its first octets")
    func stopsAtOnce() {
        #expect(throws: WaveError.self) { try WaveAudio(path: "/dev/zero") }
    }

    @Test("Every cut and every changed octet of a file is read or refused, never a trap")
    func survivesDamage() throws {
        let whole = WaveBytes.file(
            WaveBytes.format(tag: 0xFFFE, subformat: 1), WaveBytes.chunk("LIST", [1, 2, 3]), WaveBytes.three)
        var refused = 0
        for length in 0..<whole.count {
            if (try? WaveAudio(parsing: Array(whole.prefix(length)), path: "x")) == nil { refused += 1 }
        }
        for index in whole.indices {
            for value: UInt8 in [0, 1, 0x7F, 0x80, 0xFF] {
                var bytes = whole
                bytes[index] = value
                if (try? WaveAudio(parsing: bytes, path: "x")) == nil { refused += 1 }
            }
        }
        #expect(refused > whole.count)
    }

    @Test("What the writer writes is read again, silence included")
    func writesWhatIsRead() throws {
        let path = NSTemporaryDirectory() + "earshot-wave-\(UInt64.random(in: .min ... .max)).wav"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let writer = try WaveWriter(path: path)
        try writer.append([1, -2, 300])
        try writer.sync()
        #expect(try WaveAudio(path: path).samples == [1, -2, 300])
        try writer.pad(to: 5)
        try writer.append([7])
        try writer.close()
        #expect(try WaveAudio(path: path).samples == [1, -2, 300, 0, 0, 7])
        #expect(throws: WaveWriterError.self) { try WaveWriter(path: "/nowhere/x.wav") }
    }

    @Test("A WAV that would not fit its 32-bit sizes is refused before anything is written")
    func refusesEndlessFile() throws {
        let path = NSTemporaryDirectory() + "earshot-wave-\(UInt64.random(in: .min ... .max)).wav"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let writer = try WaveWriter(path: path)
        #expect(throws: WaveWriterError.self) { try writer.pad(to: .max) }
        #expect(throws: WaveWriterError.self) { try writer.pad(to: WaveWriter.maximumSamples + 1) }
    }
}
