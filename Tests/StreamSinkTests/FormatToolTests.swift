import Foundation
import Testing

@testable import StreamSink

@Suite("What other programs make of files of every format")
struct FormatToolTests {
    private func file(_ format: FormatCase, isClosed: Bool, in folder: TemporaryFolder) throws -> String {
        let driven = format.makeSession()
        for index in 0..<125 {
            driven.append(format, block: index)
            if index % 10 == 9 { driven.flush() }
        }
        driven.flush()
        let path = "\(folder.path)/\(format.rawValue).mkv"
        if isClosed { _ = driven.close() }
        try Data(driven.content).write(to: URL(fileURLWithPath: path))
        if isClosed { driven.session.file.withLock { $0.clusters.write(into: path, operations: .system) } }
        return path
    }

    @Test("ffprobe names codec, rate and length, and has nothing to complain of", arguments: FormatCase.allCases)
    func ffprobe(format: FormatCase) throws {
        let folder = try TemporaryFolder()
        let path = try file(format, isClosed: true, in: folder)
        let arguments = [
            "-v", "error", "-show_entries", "stream=codec_name,codec_type,sample_rate:format=duration", "-of", "flat",
            path,
        ]
        guard let result = try run("ffprobe", arguments) else { return }
        #expect(result.status == 0)
        #expect(result.output.contains("codec_type=\"audio\""))
        #expect(result.output.contains("codec_name=\"\(format.codecName)\""), "\(result.output)")
        #expect(result.output.contains("sample_rate=\"\(format.probedRate)\""), "\(result.output)")
        #expect(result.output.contains("format.duration=\"2.500000\""), "\(result.output)")
        let remarks = result.output.split(separator: "\n").filter {
            !$0.hasPrefix("streams.") && !$0.hasPrefix("format.")
        }
        #expect(remarks.isEmpty, "\(remarks)")
    }

    @Test("mkvinfo reads it, closed and growing", arguments: FormatCase.allCases, [true, false])
    func mkvinfo(format: FormatCase, isClosed: Bool) throws {
        let folder = try TemporaryFolder()
        let path = try file(format, isClosed: isClosed, in: folder)
        guard let result = try run("mkvinfo", ["-v", "-v", path]) else { return }
        #expect(result.status == 0, "\(result.output)")
        #expect(!result.output.contains("Error") && !result.output.contains("(Unknown"), "\(result.output)")
    }

    @Test("The sizes that are written in at the end are those of the clusters", arguments: FormatCase.allCases)
    func clusterSizes(format: FormatCase) throws {
        let folder = try TemporaryFolder()
        let path = try file(format, isClosed: true, in: folder)
        let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        var scanner = MatroskaScanner()
        scanner.append(bytes)
        var open: Int64?
        var clusters = 0
        while let token = try scanner.next() {
            switch token {
            case .cluster(_, let dataOffset, let size):
                let size = try #require(size)
                open = dataOffset + size
                clusters += 1
            case .tags:
                // The next fragment begins where the cluster ends.
                if let open { #expect(bytes[Int(open)..<Int(open) + 4] == [0x12, 0x54, 0xC3, 0x67]) }
            default: break
            }
        }
        #expect(clusters == 3 && open == Int64(bytes.count))
        #expect(try SessionFileReport(scanning: path).isFinished)
    }

    @Test("Closed by the store or by a repair, ffprobe has nothing to complain of either", arguments: [true, false])
    func clean(isRepaired: Bool) async throws {
        let folder = try TemporaryFolder()
        let store = try makeStore("\(folder.path)/data")
        let session = try store.openSession(
            connectorID: connector, transactionID: "t", callID: "c", mediaIndex: 0, startedAtMilliseconds: callStart)
        session.append(samples(0..<30_000).span)
        let path = "\(store.directory.path)/\(session.relativePath)"
        var probed = path
        if isRepaired {
            try await Task.sleep(for: .milliseconds(200))
            probed = "\(folder.path)/cut.mkv"
            let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            try #require(bytes.count > 2_000)
            try bytes.dropLast(100).write(to: URL(fileURLWithPath: probed))
            _ = try SessionFileReport.repair(probed)
        }
        _ = await session.finish()
        await store.shutDown()
        guard let result = try run("ffprobe", ["-v", "error", probed]) else { return }
        #expect(result.output.isEmpty, "\(result.output)")
    }
}
