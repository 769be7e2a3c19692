import Foundation
import Testing

@testable import AudioExport

@Suite("WAV files above and below 4 GB")
struct WaveFileTests {
    @Test("Above 4 GB the file is RF64, and ffprobe knows its length")
    func large() throws {
        let fixture = try RecordingFixture()
        let path = "\(fixture.path)/out/large.wav"
        let file = try WaveFile(path, shownPath: path, rate: 48_000, channels: 2, mayBeLarge: true)
        // Silence takes no room on the disk.
        let second = CallMixer.Piece(
            samples: [Int16](repeating: 0, count: 96_000), frames: 48_000, isSilent: true)
        for _ in 0..<25_000 { try file.append(second) }
        try file.append(.init(samples: [1, 2, 3, 4], frames: 2, isSilent: false))
        try file.finish()
        let head = try FileHandle(forReadingFrom: URL(fileURLWithPath: path)).read(upToCount: 4)
        #expect(head == Data("RF64".utf8))
        guard
            let probe = try tool(
                "ffprobe", ["-v", "error", "-show_entries", "stream=duration_ts", "-of", "csv=p=0", path])
        else { return }
        #expect(String(decoding: probe.output, as: UTF8.self).hasPrefix("1200000002"), "\(probe)")
    }

    @Test("Where no room was left in the header, the file is refused and not made wrong")
    func refused() throws {
        let header = WaveHeader(rate: 8000, channels: 1, isExtensible: false)
        #expect(header.holds(4_294_967_259))
        #expect(!header.holds(4_294_967_260))
        #expect(header.bytes(dataBytes: 0).count == header.length)
        #expect(WaveHeader(rate: 8000, channels: 1, isExtensible: true).bytes(dataBytes: 1 << 33).count == 80)
    }
}
