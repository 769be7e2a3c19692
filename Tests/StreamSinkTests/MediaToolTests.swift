import Foundation
import Testing

@testable import StreamSink

/// Runs a program of the machine; `nil` when it is not installed.
func run(_ program: String, _ arguments: [String]) throws -> (status: Int32, output: String)? {
    let path = "/usr/bin/\(program)"
    guard FileManager.default.isExecutableFile(atPath: path) else {
        print("skipped: no \(program)")
        return nil
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: data, as: UTF8.self))
}

@Suite("What other programs make of the files")
struct MediaToolTests {
    enum State: String, CaseIterable { case closed, growing, cut }

    private func file(_ state: State, in folder: TemporaryFolder) throws -> String {
        let driven = DrivenSession()
        for _ in 0..<25 {
            driven.append(800)
            driven.flush()
        }
        let path = "\(folder.path)/\(state.rawValue).mkv"
        if state == .closed { _ = driven.close() }
        let bytes = state == .cut ? driven.content.dropLast(200) : driven.content[...]
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test("ffprobe sees 8 kHz mono PCM, our tags and the right length", arguments: State.allCases)
    func ffprobe(state: State) throws {
        let folder = try TemporaryFolder()
        let path = try file(state, in: folder)
        let arguments = [
            "-v", "error", "-show_entries", "stream=codec_name,sample_rate,channels:format=duration,format_name", "-of",
            "flat", path,
        ]
        guard let result = try run("ffprobe", arguments) else { return }
        #expect(result.status == 0)
        #expect(result.output.contains("codec_name=\"pcm_s16le\""), "\(result.output)")
        #expect(result.output.contains("sample_rate=\"8000\""))
        #expect(result.output.contains("channels=1"))
        #expect(result.output.contains("format.format_name=\"matroska,webm\""))
        if state == .closed { #expect(result.output.contains("format.duration=\"2.500000\""), "\(result.output)") }
    }

    @Test("ffmpeg decodes every sample of it", arguments: State.allCases)
    func ffmpeg(state: State) throws {
        let folder = try TemporaryFolder()
        let path = try file(state, in: folder)
        let out = "\(folder.path)/out.raw"
        guard try run("ffmpeg", ["-v", "error", "-y", "-i", path, "-f", "s16le", out]) != nil else { return }
        let decoded = try Data(contentsOf: URL(fileURLWithPath: out))
        let expected = state == .cut ? 20_000 - 160 : 20_000
        let found = stride(from: 0, to: decoded.count - 1, by: 2).map {
            Int16(bitPattern: UInt16(decoded[$0]) | UInt16(decoded[$0 + 1]) << 8)
        }
        #expect(found.prefix(expected) == samples(0..<expected)[...])
        // Of a block that is cut, ffmpeg may give out the part that is there.
        #expect(found.count >= expected && found.count <= 20_000)
    }

    @Test("mkvinfo reads the structure, also while the file grows", arguments: State.allCases)
    func mkvinfo(state: State) throws {
        let folder = try TemporaryFolder()
        let path = try file(state, in: folder)
        guard let result = try run("mkvinfo", ["-v", "-v", path]) else { return }
        // Of a torn block mkvinfo says that it is torn, after everything else; a repaired file is sound again.
        if state == .cut {
            #expect(result.output.contains("Simple block"), "\(result.output)")
            _ = try SessionFileReport.repair(path)
            #expect(try run("mkvinfo", ["-v", path])?.status == 0)
            return
        }
        #expect(result.status == 0, "\(result.output)")
        #expect(result.output.contains("A_PCM/INT/LIT"))
        #expect(result.output.contains("Track_audio/L16"))
        #expect(result.output.contains("AWS_KINESISVIDEO_FRAGMENT_NUMBER"), "\(result.output)")
        #expect(!result.output.contains("Error"), "\(result.output)")
    }
}
