import Foundation
import StreamSink
import Testing

@testable import CallArchive

/// A data directory with events and records as the service writes them.
final class DataFixture: Sendable {
    let path: String
    static let start: Int64 = 1_700_000_000_000

    init() throws {
        path = NSTemporaryDirectory() + "earshot-archive-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path + "/logs", withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// A call: an hour after the one before, on connector `vc0` or `vc1`.
    struct Call {
        var index: Int
        var from = "+12065550100"
        var to = "+13605550199"
        var transaction: String { "00000000-0000-4000-8000-" + String(String(1_000_000_000_000 + index).dropFirst()) }
        var connector: String { "vc\(index % 2)" }
        var start: Int64 { DataFixture.start + Int64(index) * 3_600_000 }

        func record(_ leg: Int) -> (CallRecord, LegRecord) {
            var call = CallRecord(
                region: "us-east-1", accountID: "111122223333", transactionID: transaction, callID: "call-\(index)@h",
                connectorID: connector, direction: .outbound, fromNumber: from, toNumber: to,
                startedAtMilliseconds: start)
            let stream = "ChimeVoiceConnector-\(connector)-00000000-0000-4000-8000-00000000000\(leg)"
            let record = LegRecord(
                streamName: stream, streamARN: "arn:aws:kinesisvideo:us-east-1:111122223333:stream/\(stream)/1",
                relativePath: "streams/\(stream)/x.mkv", isCaller: leg == 0, roleRule: nil, mediaIndex: leg,
                mediaLabel: "\(96 + leg)", startedAtMilliseconds: start + 40,
                startFragmentNumber: FragmentNumber(
                    counter: UInt64(index * 1000 + 1), epochMilliseconds: UInt64(start), random: 7))
            call.legs = [record]
            return (call, record)
        }
    }

    func append(_ lines: [[UInt8]]) throws {
        let file = path + "/logs/events.jsonl"
        if !FileManager.default.fileExists(atPath: file) {
            FileManager.default.createFile(atPath: file, contents: nil)
        }
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: file))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(lines.flatMap { $0 }))
        try handle.close()
    }

    func started(_ call: Call) -> [[UInt8]] {
        (0..<2).map { leg in
            let (call, record) = call.record(leg)
            return StreamingEvent.started(
                call, leg: record, at: UTCTime(milliseconds: call.startedAtMilliseconds), id: "i"
            ).line
        }
    }

    func ended(_ call: Call, after milliseconds: Int64 = 60_000) -> [[UInt8]] {
        (0..<2).map { leg in
            let (call, record) = call.record(leg)
            let end = UTCTime(milliseconds: call.startedAtMilliseconds + milliseconds)
            return StreamingEvent.ended(call, leg: record, endTime: end, endReason: nil, at: end, id: "i").line
        }
    }

    func addRecords(_ call: Call, outcome: CallOutcome = .completed) throws {
        var (record, first) = call.record(0)
        record.legs = [first, call.record(1).1]
        first.endFragmentNumber = nil
        let end = UTCTime(milliseconds: call.start + 60_000)
        let detail = CallDetailRecord(record, outcome: outcome, endedAt: end)
        let streaming = StreamingDetailRecord(record, outcome: outcome, endedAt: end)
        for (key, json) in [(detail.key, detail.json), (streaming.key, streaming.json)] {
            let file = URL(fileURLWithPath: "\(path)/objects/\(key)")
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(json.bytes).write(to: file)
        }
    }

    func addFile(_ call: Call, leg: Int) throws {
        let folder = "\(path)/streams/\(call.record(leg).1.streamName)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let name = SessionFileName(session: call.index, transactionID: call.transaction, mediaIndex: leg).text
        try Data([0]).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
    }

    /// Calls that are over, with everything.
    func addCalls(_ count: Int) throws {
        for index in 0..<count {
            let call = Call(index: index)
            try append(started(call) + ended(call))
            try addRecords(call)
            for leg in 0..<2 { try addFile(call, leg: leg) }
        }
    }

    func search(_ change: (inout CallQuery) -> Void = { _ in }) throws -> [ArchivedCall] {
        var query = CallQuery()
        change(&query)
        return try CallIndex(dataDirectory: path).search(query).calls
    }
}
