import Foundation

@testable import StreamSink

/// A data directory with one stream, for reading back.
final class KeptData {
    let folder: TemporaryFolder
    let name = "s"
    var now: Int64 = callStart + 3_600_000

    init() throws {
        folder = try TemporaryFolder()
        for part in ["streams/s", "objects", "calls", "logs"] {
            try FileManager.default.createDirectory(
                atPath: "\(folder.path)/\(part)", withIntermediateDirectories: true)
        }
        try describe(retentionHours: nil)
    }

    var path: String { folder.path }
    var stream: String { "\(path)/streams/\(name)" }

    func describe(retentionHours: Int?) throws {
        var stream = StreamDescription(
            name: name, arn: "arn", connectorID: "vc1", createdAtMilliseconds: 0, nextSession: 9, closedSession: 8)
        stream.retentionHours = retentionHours
        try write(stream.json.bytes, to: "\(self.stream)/stream.json")
    }

    /// A closed session of so many seconds.
    @discardableResult
    func session(_ seconds: Int, number: Int = 0) -> FiledSession {
        FiledSession.make(folder: stream, seconds: seconds, number: number, start: callStart + Int64(number) * 600_000)
    }

    func verify(stream: String? = nil) throws -> (summary: VerificationSummary, findings: [VerificationFinding]) {
        let now = now
        return try DataVerifier(dataDirectory: path, stream: stream, wallClock: { now }).findings()
    }

    func kinds() throws -> [VerificationFinding.Kind] { try verify().findings.map(\.kind) }

    /// Both records of a call whose legs are these.
    func record(_ legs: [(session: Int, first: FragmentNumber, last: FragmentNumber?)], stream: String = "s") throws {
        let call = call(legs, stream: stream)
        let end = UTCTime(milliseconds: callStart + 60_000)
        for (key, json) in [
            { ($0.key, $0.json) }(StreamingDetailRecord(call, outcome: .completed, endedAt: end)),
            { ($0.key, $0.json) }(CallDetailRecord(call, outcome: .completed, endedAt: end)),
        ] {
            try put(json.bytes, key)
        }
    }

    func put(_ bytes: [UInt8], _ key: String) throws {
        let object = "\(path)/objects/\(key)"
        let parent = String(object[..<(object.lastIndex(of: "/") ?? object.endIndex)])
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        try write(bytes, to: object)
    }

    func call(
        _ legs: [(session: Int, first: FragmentNumber, last: FragmentNumber?)] = [], stream: String = "s"
    ) -> CallRecord {
        var call = CallRecord(
            region: "r", accountID: "111122223333", transactionID: "T1", callID: "c", connectorID: "vc1",
            direction: .inbound, fromNumber: "1", toNumber: "2", startedAtMilliseconds: callStart)
        for leg in legs {
            var record = LegRecord(
                streamName: stream, streamARN: "arn", relativePath: "streams/\(stream)/x", isCaller: true,
                roleRule: nil, mediaIndex: 0, mediaLabel: nil, startedAtMilliseconds: callStart,
                startFragmentNumber: leg.first)
            record.endFragmentNumber = leg.last
            call.legs.append(record)
        }
        return call
    }

    func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: path) }
}

/// A session's bytes as its writer makes them, without an end: so many blocks, then a hole of so many, and again.
func muxed(counter: UInt64 = 1, hasHeader: Bool = true, _ stretches: [(blocks: Int, hole: Int)]) -> [UInt8] {
    var bytes: [UInt8] = []
    var muxer = makeMuxer(counter: counter)
    if hasHeader { muxer.appendHeader(to: &bytes) }
    var next = 0
    for stretch in stretches {
        for _ in 0..<stretch.blocks {
            let content = [Int16](repeating: 1, count: 160)
            muxer.appendBlock(content.span, serverMilliseconds: callStart + Int64(next) * 20, to: &bytes)
            next += 1
        }
        next += stretch.hole
        muxer.skip(toBlock: Int64(next))
    }
    return bytes
}
