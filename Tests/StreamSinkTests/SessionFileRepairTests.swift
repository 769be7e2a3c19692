import Foundation
import Testing

@testable import StreamSink

@Suite("Repair of a file that a crash left open")
struct SessionFileRepairTests {
    /// Small fragments, so that every byte of three of them can be tried.
    private func recording() -> (bytes: [UInt8], wholeLengths: [Int], headerLength: Int) {
        var output: [UInt8] = []
        var muxer = makeMuxer()
        muxer.appendHeader(to: &output)
        let header = output.count
        var ends: [Int] = [header]
        var block: Int64 = 0
        for fragment in 0..<4 {
            for _ in 0..<3 {
                muxer.appendBlock(
                    samples(Int(block) * 160..<Int(block + 1) * 160).span,
                    serverMilliseconds: callStart + Int64(fragment) * 1000, to: &output)
                ends.append(output.count)
                block += 1
            }
            block += 2
            muxer.skip(toBlock: block)
        }
        return (output, ends, header)
    }

    @Test("Cut at every byte, the file keeps every whole block, is closed, and a second repair changes nothing")
    func everyOffset() throws {
        let folder = try TemporaryFolder()
        let (bytes, ends, header) = recording()
        for length in stride(from: bytes.count, through: header, by: -1) {
            let path = "\(folder.path)/f.mkv"
            try Data(bytes[..<length]).write(to: URL(fileURLWithPath: path))
            let (report, repair) = try SessionFileReport.repair(path)
            let whole = try #require(ends.last { $0 <= length })
            let blocks = ends.firstIndex(of: whole) ?? 0
            try #require(report.fileLength == Int64(whole), "\(length)")
            try #require(repair == .repaired(removedBytes: Int64(length - whole)))
            try #require(report.samples == Int64(blocks * 160))
            let content = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
            try #require(content.count == whole)
            let again = try SessionFileReport.repair(path)
            try #require(again.repair == .notNeeded && again.report.isFinished)
            try #require(again.report.durationMilliseconds == report.durationMilliseconds)
            let events = try readAll(path)
            let expected = Double(blocks == 0 ? 0 : ((blocks - 1) / 3 * 5 + (blocks - 1) % 3 + 1) * 20)
            try #require(events.last == .ended(durationMilliseconds: expected), "\(length)")
        }
    }

    @Test("A file cut within its header holds no audio and is removed", arguments: [0, 1, 39, 40, 52, 100, 190])
    func headerCut(length: Int) throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/f.mkv"
        try Data(recording().bytes[..<length]).write(to: URL(fileURLWithPath: path))
        #expect(try SessionFileReport.repair(path).repair == .removed)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("A full-size recording cut anywhere in its last three fragments loses less than one block")
    func fullSize() throws {
        let folder = try TemporaryFolder()
        let driven = DrivenSession()
        driven.append(40_000)
        driven.flush()
        let bytes = driven.content
        for length in stride(from: bytes.count, to: bytes.count - 3 * 17_000, by: -997) {
            let path = "\(folder.path)/f.mkv"
            try Data(bytes[..<length]).write(to: URL(fileURLWithPath: path))
            let report = try SessionFileReport.repair(path).report
            #expect(Int64(length) - report.fileLength < 327 + 700)
            let content = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
            #expect(try Scanned(content).isTrue)
            #expect(report.lastFragmentNumber == (try Scanned(content)).fragments.last?.number)
        }
    }

    @Test("Zeros after the last block, as some file systems leave them, are cut off")
    func zeros() throws {
        let folder = try TemporaryFolder()
        let (bytes, ends, _) = recording()
        let path = "\(folder.path)/f.mkv"
        try Data(bytes + [UInt8](repeating: 0, count: 5000)).write(to: URL(fileURLWithPath: path))
        let (report, repair) = try SessionFileReport.repair(path)
        #expect(repair == .repaired(removedBytes: 5000))
        #expect(report.fileLength == Int64(ends.last ?? 0))
    }

    @Test("A file that is no recording is left alone and the reason is told")
    func foreign() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/f.mkv"
        try Data("RIFF this is a wave file".utf8).write(to: URL(fileURLWithPath: path))
        let (report, repair) = try SessionFileReport.repair(path)
        #expect(repair == .notNeeded)
        #expect(report.damage?.description.contains("byte 0") == true)
        #expect(FileManager.default.fileExists(atPath: path))
    }

    private func readAll(_ path: String) throws -> [StreamEvent] {
        let reader = try StreamReader(path: path)
        var events: [StreamEvent] = []
        while let event = try reader.read() { events.append(event) }
        return events
    }
}
