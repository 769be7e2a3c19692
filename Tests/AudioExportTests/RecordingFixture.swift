import Foundation
import StreamSink
import Testing

@testable import AudioExport
@testable import CallArchive

/// A data directory with session files that are laid out here, byte by byte: any start, any hole, with or without an
/// end.
final class RecordingFixture: Sendable {
    let path: String
    static let start: Int64 = 1_700_000_000_000
    static let connector = "abcd112222223333444455"
    static let transaction = "11111111-2222-4333-8444-555555555555"

    init() throws {
        path = NSTemporaryDirectory() + "earshot-export-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path + "/out", withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    static func stream(_ index: Int) -> String {
        "ChimeVoiceConnector-\(connector)-00000000-0000-4000-8000-00000000000\(index)"
    }

    struct Track {
        var codecID: String
        var codecPrivate: [UInt8] = []
        var frequency: Double
        var bits = 0

        static func pcm(_ rate: Int) -> Track { Track(codecID: "A_PCM/INT/LIT", frequency: Double(rate), bits: 16) }
        static let muLaw = Track(
            codecID: "A_MS/ACM",
            codecPrivate: [7, 0, 1, 0, 0x40, 0x1F, 0, 0, 0x40, 0x1F, 0, 0, 1, 0, 8, 0, 0, 0], frequency: 8000)
    }

    /// Writes a session's file.
    /// - Parameter blocks: times in milliseconds from the session's start, and what they hold.
    func add(
        stream: Int, session: Int = 0, mediaIndex: Int, startsAfter: Int64 = 0, track: Track,
        blocks: [(milliseconds: Int64, bytes: [UInt8])], isClosed: Bool = true
    ) throws {
        var bytes = MatroskaBytes()
        bytes.addDocument("matroska")
        bytes.add(id: MatroskaID.segment)
        let sizeOffset = bytes.bytes.count
        bytes.add(bigEndian: 0x01FF_FFFF_FFFF_FFFF, count: 8)
        bytes.add(MatroskaID.info) { info in
            info.add(0x2AD7B1, 1_000_000 as UInt64)
            info.add(id: 0x4461)
            info.add(size: 8)
            let since = Self.start + startsAfter - 978_307_200_000
            info.add(bigEndian: UInt64(bitPattern: since * 1_000_000), count: 8)
        }
        bytes.add(MatroskaID.tracks) { tracks in
            tracks.add(
                MatroskaOutputTrack(
                    number: 1, name: "Track_audio/L16", codecID: track.codecID, codecPrivate: track.codecPrivate,
                    samplingFrequency: track.frequency, bitDepth: track.bits))
        }
        var at = 0
        while at < blocks.count {
            let time = blocks[at].milliseconds
            bytes.add(MatroskaID.cluster) { cluster in
                cluster.add(MatroskaID.timecode, UInt64(time))
                while at < blocks.count, blocks[at].milliseconds < time + 1000 {
                    cluster.addBlock(
                        track: 1, relativeMilliseconds: Int16(blocks[at].milliseconds - time), blocks[at].bytes)
                    at += 1
                }
            }
        }
        var file = bytes.bytes
        if isClosed {
            var size = MatroskaBytes()
            size.add(size: file.count - sizeOffset - 8, length: 8)
            file.replaceSubrange(sizeOffset..<sizeOffset + 8, with: size.bytes)
        }
        let folder = "\(path)/streams/\(Self.stream(stream))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let name = SessionFileName(session: session, transactionID: Self.transaction, mediaIndex: mediaIndex).text
        try Data(file).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
    }

    /// Blocks of 20 ms, but for those in the hole.
    static func blocks(
        _ samples: [Int16], rate: Int, hole: Range<Int64> = 0..<0
    ) -> [(milliseconds: Int64, bytes: [UInt8])] {
        stride(from: 0, to: samples.count, by: rate / 50).compactMap { at in
            let time = Int64(at * 1000 / rate)
            guard !hole.contains(time) else { return nil }
            return (time, [UInt8](littleEndian: samples[at..<min(samples.count, at + rate / 50)]))
        }
    }

    /// The records of a call that is over, as the service writes them.
    func addRecords(legs: [(stream: Int, session: Int, mediaIndex: Int, isCaller: Bool)]) throws {
        let legs = legs.map { leg in
            let number = FragmentNumber(
                counter: UInt64(leg.session * 1000 + 1), epochMilliseconds: UInt64(Self.start), random: 5)
            return JSONValue.object([
                .init("StreamName", .string(Self.stream(leg.stream))), .init("IsCaller", .bool(leg.isCaller)),
                .init("MediaIndex", .integer(Int64(leg.mediaIndex))),
                .init("MediaLabel", .string("\(96 + leg.mediaIndex)")),
                .init("StartFragmentNumber", .string(number.description)),
            ])
        }
        let call = JSONValue.object([
            .init("TransactionId", .string(Self.transaction)), .init("CallId", .string("c@h")),
            .init("VoiceConnectorId", .string(Self.connector)),
            .init("StartTimeEpochSeconds", .integer(Self.start / 1000)),
            .init("EndTimeEpochSeconds", .integer(Self.start / 1000 + 4)),
            .init("SourcePhoneNumber", .string("+12065550100")),
            .init("DestinationPhoneNumber", .string("+13605550199")), .init("Direction", .string("Outbound")),
            .init("Status", .string("Completed")),
        ])
        let streaming = JSONValue.object([
            .init("TransactionId", .string(Self.transaction)), .init("Status", .string("Completed")),
            .init("Legs", .array(legs)),
        ])
        for (kind, record) in [("CDRs", call), ("SDRs", streaming)] {
            let time = UTCTime(milliseconds: Self.start - 300)
            let folder =
                "\(path)/objects/Amazon-Chime-Voice-Connector-\(kind)/json/\(Self.connector)/\(time.dateFolder)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try Data(record.bytes).write(
                to: URL(fileURLWithPath: "\(folder)/\(time.objectTime)_\(Self.transaction)"))
        }
    }

    var recording: CallRecording {
        get throws { try RecordingFinder(dataDirectory: path).recording(transactionID: Self.transaction) }
    }

    func export(
        _ format: ExportFormat, isStereo: Bool = false, replaces: Bool = false
    ) throws -> ExportReport {
        let export = CallExport(try recording, format: format, isStereo: isStereo)
        return try export.run(
            path: { "\(path)/out/\(export.plannedFiles[$0].joined(separator: "-")).\(format.fileExtension)" },
            replaces: replaces)
    }
}

/// Something like a voice: harmonics that glide, and syllables.
func voice(_ count: Int, rate: Int, pitch: Double) -> [Int16] {
    (0..<count).map { index in
        let time = Double(index) / Double(rate)
        let syllable = 0.55 + 0.45 * sin(2 * .pi * 3 * time)
        let phase = 2 * .pi * (pitch * time + 8 * sin(1.3 * time))
        let sum = (1...5).reduce(0.0) { $0 + sin(Double($1) * phase) / Double($1) }
        return Int16(6000 * syllable * sum)
    }
}

/// The correlation of two recordings sample by sample, 1 for the same.
func likeness(_ left: ArraySlice<Int16>, _ right: ArraySlice<Int16>) -> Double {
    let pairs = zip(left, right).map { (Double($0), Double($1)) }
    let product = pairs.reduce(0) { $0 + $1.0 * $1.1 }
    let squares = pairs.reduce((0.0, 0.0)) { ($0.0 + $1.0 * $1.0, $0.1 + $1.1 * $1.1) }
    return product / max(1, (squares.0 * squares.1).squareRoot())
}

/// By how many samples the first lies behind the second, at most 40.
func bestShift(_ found: [Int16], _ wanted: [Int16]) -> Int {
    let part = 4000..<20_000
    let all = (-40...40).map { ($0, likeness(found[part.lowerBound + $0..<part.upperBound + $0], wanted[part])) }
    return all.max { $0.1 < $1.1 }?.0 ?? 0
}

/// Runs a program; nil, with a word, where it is not installed.
func tool(_ name: String, _ arguments: [String]) throws -> (status: Int32, output: [UInt8], errors: String)? {
    guard let path = ["/usr/bin/\(name)", "/usr/local/bin/\(name)"].first(where: FileManager.default.isExecutableFile)
    else {
        print("skipped: no \(name)")
        return nil
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    let errorPath = NSTemporaryDirectory() + UUID().uuidString
    FileManager.default.createFile(atPath: errorPath, contents: nil)
    defer { try? FileManager.default.removeItem(atPath: errorPath) }
    let output = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: errorPath))
    try process.run()
    let bytes = [UInt8](output.fileHandleForReading.readDataToEndOfFile())
    process.waitUntilExit()
    return (process.terminationStatus, bytes, try String(contentsOfFile: errorPath, encoding: .utf8))
}

/// What ffmpeg decodes of a file, at the file's rate unless another is wanted; nil where it is not installed.
func decoded(_ path: String, map: String = "0:a:0", options: [String] = []) throws -> [Int16]? {
    let arguments = ["-v", "error", "-i", path, "-map", map, "-f", "s16le", "-c:a", "pcm_s16le"] + options + ["-"]
    guard let result = try tool("ffmpeg", arguments) else { return nil }
    #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
    return (0..<result.output.count / 2).map {
        Int16(bitPattern: UInt16(result.output[2 * $0]) | UInt16(result.output[2 * $0 + 1]) << 8)
    }
}
