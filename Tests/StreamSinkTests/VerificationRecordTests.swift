import Foundation
import Testing

@testable import StreamSink

@Suite("Reading records back")
struct VerificationRecordTests {
    /// A call with its recording and its records.
    private func recorded() throws -> (data: KeptData, path: String, entries: [IndexEntry]) {
        let data = try KeptData()
        let filed = data.session(4)
        let entries = try #require(try loadIndex(filed.path)).entries
        try data.record([(0, entries[0].number, entries[3].number)])
        return (data, filed.path, entries)
    }

    @Test("Records whose fragments are there are clean")
    func clean() throws {
        let (data, _, _) = try recorded()
        let (summary, findings) = try data.verify()
        #expect(findings == [])
        #expect(summary.records == 2)
        #expect(try data.verify(stream: "s").summary.records == 1)
    }

    @Test("A leg of which nothing was written asks for no file")
    func emptyLeg() throws {
        let (data, _, entries) = try recorded()
        try data.record([(0, entries[0].number, entries[3].number), (5, entries[0].number, nil)])
        #expect(try data.kinds() == [])
    }

    @Test("A record that names a missing stream, session or fragment is told")
    func missing() throws {
        let (data, path, entries) = try recorded()
        let later = FragmentNumber(counter: entries[3].number.counter + 2, epochMilliseconds: 1, random: 1)
        try data.record([(0, entries[0].number, later)])
        let range = try data.verify().findings
        #expect(range.map(\.kind) == [.missingRecordedFragments])
        #expect(range.first?.fragmentCount == 2)
        try data.record([(0, entries[0].number, entries[3].number)], stream: "t")
        #expect(try data.kinds() == [.missingStream])
        try data.record([(0, entries[0].number, entries[3].number)])
        try data.remove(path)
        try data.remove(IndexFile.path(of: path))
        #expect(try data.kinds() == [.missingSession])
    }

    @Test("A recording that its stream need not keep any more is not missed; one that went before is noted")
    func retention() throws {
        let (data, path, _) = try recorded()
        data.session(2, number: 1)
        try data.remove(path)
        try data.remove(IndexFile.path(of: path))
        try data.describe(retentionHours: 24)
        let early = try data.verify()
        #expect(early.findings.map(\.kind) == [.missingSession])
        #expect(early.summary.isClean)
        data.now = callStart + 25 * 3_600_000
        let late = try data.verify()
        #expect(late.findings == [])
        #expect(late.summary.expiredLegs == 1)
    }

    @Test("Records that cannot be read, that lack their counterpart, and what broken writes left are told")
    func damagedRecords() throws {
        let (data, _, _) = try recorded()
        let streaming = StreamingDetailRecord(
            data.call(), outcome: .completed, endedAt: UTCTime(milliseconds: callStart))
        let detail = CallDetailRecord(data.call(), outcome: .completed, endedAt: UTCTime(milliseconds: callStart))
        try data.remove("\(data.path)/objects/\(streaming.key)")
        #expect(try data.verify().findings.map(\.path) == ["objects/\(streaming.key)"])
        #expect(try data.kinds() == [.missingRecord])
        try data.put(Array("{".utf8), detail.key)
        #expect(try data.kinds() == [.unreadableRecord])
        try data.remove("\(data.path)/objects/\(detail.key)")
        let folder = detail.key[..<(detail.key.lastIndex(of: "/") ?? detail.key.endIndex)]
        try data.put([], "\(folder)/.partial-1")
        let (summary, findings) = try data.verify()
        #expect(findings.map(\.kind) == [.leftover])
        #expect(summary.isClean)
    }

    @Test("A journal is told when no service has it, and when it cannot be read")
    func journals() throws {
        let (data, _, entries) = try recorded()
        let path = "\(data.path)/calls/T1.json"
        try write(data.call([(0, entries[0].number, nil)]).json.bytes, to: path)
        #expect(try data.kinds() == [.openJournal])
        let lock = try DataDirectory(data.path)
        #expect(try data.kinds() == [])
        withExtendedLifetime(lock) {}
        try write(Array("[]".utf8), to: path)
        #expect(try data.kinds() == [.unreadableJournal])
        try data.remove(path)
        try FileManager.default.createDirectory(
            atPath: "\(data.path)/calls/damaged", withIntermediateDirectories: true)
        try write([], to: "\(data.path)/calls/damaged/T2.json")
        let (summary, findings) = try data.verify()
        #expect(findings.map(\.kind) == [.unreadableJournal])
        #expect(summary.isClean)
    }

    @Test("Findings as JSON have their kind, their level and only what is known")
    func json() throws {
        let (data, path, entries) = try recorded()
        var bytes = try readFile(path)
        bytes[Int(entries[1].place.end) - 1] ^= 1
        try write(bytes, to: path)
        let finding = try #require(try data.verify().findings.first)
        let json = try JSONValue(parsing: finding.json.bytes)
        #expect(json["kind"]?.stringValue == "damagedFragment")
        #expect(json["level"]?.stringValue == "damage")
        #expect(json["streamName"]?.stringValue == "s")
        #expect(json["fragmentNumber"]?.stringValue == entries[1].number.description)
        #expect(json["atMilliseconds"]?.decimalValue == 1000)
        #expect(json["lastFragmentNumber"] == nil)
    }
}
