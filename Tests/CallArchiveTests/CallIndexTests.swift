import Foundation
import GRDB
import StreamSink
import Testing

@testable import CallArchive

@Suite("The index of calls")
struct CallIndexTests {
    @Test("It knows of a call what its records say")
    func whole() throws {
        let fixture = try DataFixture()
        try fixture.addCalls(1)
        let call = try #require(fixture.search().first)
        #expect(call.status == .completed)
        #expect(call.startedAtMilliseconds == DataFixture.start)
        #expect(call.endedAtMilliseconds == DataFixture.start + 60_000)
        #expect(call.callID == "call-0@h" && call.connectorID == "vc0" && call.direction == "Outbound")
        #expect(call.fromNumber == "+12065550100" && call.toNumber == "+13605550199")
        #expect(call.legs.map(\.isCaller) == [true, false])
        #expect(call.legs.map(\.label) == ["96", "97"])
        #expect(call.legs.allSatisfy { $0.relativePath?.hasSuffix(".mkv") == true && $0.format == "pcm/8000" })
        #expect(call.legs.allSatisfy { $0.startedAtMilliseconds == DataFixture.start + 40 })
        #expect(call.hasAudio)
    }

    @Test("Time, connector, number, call, label and status each narrow the search")
    func filters() throws {
        let fixture = try DataFixture()
        try fixture.addCalls(6)
        let other = DataFixture.Call(index: 6, from: "sip:Alice", to: "+442071234567")
        try fixture.append(fixture.started(other) + fixture.ended(other))
        try fixture.addRecords(other, outcome: .failed("no media"))
        func found(_ change: (inout CallQuery) -> Void) throws -> [Int] {
            try fixture.search(change).map { Int($0.transactionID.suffix(4)) ?? -1 }
        }
        #expect(try found { _ in } == [6, 5, 4, 3, 2, 1, 0])
        #expect(try found { $0.fromMilliseconds = DataFixture.start + 4 * 3_600_000 } == [6, 5, 4])
        #expect(try found { $0.beforeMilliseconds = DataFixture.start + 3_600_000 } == [0])
        #expect(try found { $0.connectorID = "vc1" } == [5, 3, 1])
        #expect(try found { $0.number = "+44 (207) 123" } == [6])
        #expect(try found { $0.number = "0044 207" } == [6])
        #expect(try found { $0.number = "alice" } == [6])
        #expect(try found { $0.number = "0199" }.count == 6)
        #expect(try found { $0.number = "%" }.isEmpty)
        #expect(try found { $0.callID = "call-3@h" } == [3])
        #expect(try found { $0.transactionID = "00000000-0000-4000-8000-000000000002" } == [2])
        #expect(try found { $0.transactionID = "0000" }.count == 7)
        #expect(try found { $0.label = "97" }.count == 7)
        #expect(try found { $0.label = "1" }.isEmpty)
        #expect(try found { $0.status = .failed } == [6])
        #expect(try found { $0.status = .completed }.count == 6)
        #expect(try found { $0.number = "'; DROP TABLE calls; --" }.isEmpty)
        #expect(try found { _ in }.count == 7)
    }

    @Test("Pages follow each other without a gap and without a repeat")
    func paging() throws {
        let fixture = try DataFixture()
        try fixture.addCalls(7)
        let index = try CallIndex(dataDirectory: fixture.path)
        var query = CallQuery()
        query.limit = 3
        var all: [String] = []
        var pages = 0
        repeat {
            let page = try index.search(query)
            all += page.calls.map(\.transactionID)
            query.after = page.next
            pages += 1
        } while query.after != nil && pages < 10
        #expect(pages == 3)
        #expect(all == (0..<7).reversed().map { DataFixture.Call(index: $0).transaction })
    }

    @Test("A call goes on while a service runs; without one it was interrupted; later it has ended")
    func progress() throws {
        let fixture = try DataFixture()
        let call = DataFixture.Call(index: 0)
        try fixture.append(fixture.started(call))
        do {
            let service = try DataDirectory(fixture.path)
            let beside = try CallIndex(dataDirectory: fixture.path)
            #expect(try beside.search(CallQuery()).calls.map(\.status) == [.inProgress])
            #expect(try beside.search(CallQuery()).calls.first?.endedAtMilliseconds == nil)
            try fixture.append(fixture.ended(call))
            #expect(try beside.search(CallQuery()).calls.map(\.status) == [.completed])
            _ = service.path
        }
        let cut = DataFixture.Call(index: 1)
        try fixture.append(fixture.started(cut))
        #expect(try fixture.search { $0.status = .interrupted }.map(\.transactionID) == [cut.transaction])
    }

    @Test("A noted event is found at once, and once only when the log has it too")
    func note() throws {
        let fixture = try DataFixture()
        let call = DataFixture.Call(index: 0)
        let index = try CallIndex(dataDirectory: fixture.path, isOwner: true)
        for line in fixture.started(call) { try index.note(eventLine: line) }
        #expect(try index.search(CallQuery()).calls.map(\.status) == [.inProgress])
        try fixture.append(fixture.started(call))
        let calls = try index.search(CallQuery()).calls
        #expect(calls.count == 1)
        #expect(calls.first?.legs.count == 2)
    }

    @Test(
        "Missing, damaged, cut, emptied or of another version: it is made again and says the same",
        arguments: [
            "missing", "garbage", "cut", "empty", "version", "table", "page",
        ])
    func rebuilt(damage: String) throws {
        let fixture = try DataFixture()
        try fixture.addCalls(5)
        let before = try fixture.search()
        #expect(before.count == 5)
        let file = URL(fileURLWithPath: fixture.path + "/index.sqlite")
        switch damage {
        case "missing": try FileManager.default.removeItem(at: file)
        case "garbage": try Data((0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 37) }).write(to: file)
        case "cut": try Data(try Data(contentsOf: file).prefix(6000)).write(to: file)
        case "empty": try Data().write(to: file)
        case "version": try DatabaseQueue(path: file.path).write { try $0.execute(sql: "PRAGMA user_version = 99") }
        case "table": try DatabaseQueue(path: file.path).write { try $0.execute(sql: "DROP TABLE calls") }
        default:
            try DatabaseQueue(path: file.path).writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
            var bytes = try Data(contentsOf: file)
            for index in 4096 * 3..<bytes.count { bytes[index] = 0x5A }
            try bytes.write(to: file)
        }
        #expect(try fixture.search() == before)
        #expect(try !CallIndex(dataDirectory: fixture.path).isInMemory)
    }

    @Test("Beside a service, a damaged index is left to the service; the answer is right all the same")
    func besideDamage() throws {
        let fixture = try DataFixture()
        try fixture.addCalls(2)
        let service = try DataDirectory(fixture.path)
        let file = URL(fileURLWithPath: fixture.path + "/index.sqlite")
        let garbage = Data(repeating: 7, count: 9000)
        try garbage.write(to: file)
        let index = try CallIndex(dataDirectory: fixture.path)
        #expect(index.isInMemory)
        #expect(try index.search(CallQuery()).calls.count == 2)
        #expect(try Data(contentsOf: file) == garbage)
        #expect(try CallIndex(dataDirectory: service.path, isOwner: true).search(CallQuery()).calls.count == 2)
        #expect(try Data(contentsOf: file) != garbage)
    }

    @Test("Records that came while nobody looked are found, and another log is read from its start")
    func newRecords() throws {
        let fixture = try DataFixture()
        try fixture.addCalls(2)
        #expect(try fixture.search().count == 2)
        let late = DataFixture.Call(index: 2)
        try fixture.addRecords(late)
        #expect(try fixture.search().count == 3)
        // Restored from elsewhere: shorter, and other calls.
        try FileManager.default.removeItem(atPath: fixture.path + "/logs/events.jsonl")
        let other = DataFixture.Call(index: 9)
        try fixture.append(fixture.started(other))
        #expect(try fixture.search().count == 4)
    }

    @Test("A half line at the log's end waits for its rest; nonsense is passed over")
    func torn() throws {
        let fixture = try DataFixture()
        let lines = fixture.started(DataFixture.Call(index: 0))
        try fixture.append([Array("\n{]\n{\"detail\":3}\n".utf8), Array(lines[0].prefix(100))])
        let index = try CallIndex(dataDirectory: fixture.path)
        #expect(try index.search(CallQuery()).calls.isEmpty)
        try fixture.append([Array(lines[0].dropFirst(100)), lines[1]])
        #expect(try index.search(CallQuery()).calls.first?.legs.count == 2)
    }

    @Test("A recording that was deleted is told as gone; the call stays")
    func deleted() throws {
        let fixture = try DataFixture()
        try fixture.addCalls(1)
        #expect(try fixture.search().first?.hasAudio == true)
        try FileManager.default.removeItem(
            atPath: fixture.path + "/streams/" + DataFixture.Call(index: 0).record(0).1.streamName)
        let call = try #require(fixture.search().first)
        #expect(call.legs.map { $0.relativePath != nil } == [false, true])
    }

    @Test("The index and what lies beside it are for nobody else, also where an older version left them open")
    func modes() throws {
        let fixture = try DataFixture()
        try fixture.addCalls(1)
        func modes() throws -> [String: Int] {
            var found: [String: Int] = [:]
            for name in try FileManager.default.contentsOfDirectory(atPath: fixture.path)
            where name.hasPrefix("index.sqlite") {
                let attributes = try FileManager.default.attributesOfItem(atPath: "\(fixture.path)/\(name)")
                found[name] = attributes[.posixPermissions] as? Int
            }
            return found
        }
        let names = ["index.sqlite", "index.sqlite-wal", "index.sqlite-shm", "index.sqlite.lock"]
        do {
            let index = try CallIndex(dataDirectory: fixture.path)
            #expect(try index.search(CallQuery()).calls.count == 1)
            #expect(try modes() == Dictionary(uniqueKeysWithValues: names.map { ($0, 0o600) }))
        }
        for name in names.prefix(3) { chmod("\(fixture.path)/\(name)", 0o644) }
        let index = try CallIndex(dataDirectory: fixture.path)
        #expect(try index.search(CallQuery()).calls.count == 1)
        #expect(try modes().values.allSatisfy { $0 == 0o600 })
    }

    @Test("Two indexes of the same directory at once do not disturb each other")
    func together() async throws {
        let fixture = try DataFixture()
        try fixture.addCalls(20)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 { group.addTask { try fixture.search().count } }
            for try await count in group { #expect(count == 20) }
        }
    }
}

@Suite("Moments as people write them")
struct TimeTextTests {
    /// 2026-11-23T19:30:15.250Z
    private let now: Int64 = 1_795_462_215_250

    @Test(
        "What is understood",
        arguments: [
            ("now", "2026-11-23T19:30:15.250Z", "2026-11-23T19:30:15.250Z"),
            ("today", "2026-11-23T00:00:00.000Z", "2026-11-24T00:00:00.000Z"),
            ("Yesterday", "2026-11-22T00:00:00.000Z", "2026-11-23T00:00:00.000Z"),
            ("yesterday 14:30", "2026-11-22T14:30:00.000Z", "2026-11-22T14:30:00.000Z"),
            ("2h", "2026-11-23T17:30:15.250Z", "2026-11-23T17:30:15.250Z"),
            ("30m", "2026-11-23T19:00:15.250Z", "2026-11-23T19:00:15.250Z"),
            ("1w", "2026-11-16T19:30:15.250Z", "2026-11-16T19:30:15.250Z"),
            ("09:05", "2026-11-23T09:05:00.000Z", "2026-11-23T09:05:00.000Z"),
            ("2024-02-29", "2024-02-29T00:00:00.000Z", "2024-03-01T00:00:00.000Z"),
            ("2026-11-23T19:30", "2026-11-23T19:30:00.000Z", "2026-11-23T19:30:00.000Z"),
            ("2026-11-23 19:30:01.5Z", "2026-11-23T19:30:01.500Z", "2026-11-23T19:30:01.500Z"),
            ("2026-11-23T01:30+02:00", "2026-11-22T23:30:00.000Z", "2026-11-22T23:30:00.000Z"),
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000Z"),
        ])
    func understood(text: String, from: String, to: String) throws {
        let range = try #require(TimeText.parse(text, now: now))
        #expect(UTCTime(milliseconds: range.lowerBound).isoMilliseconds == from)
        #expect(UTCTime(milliseconds: range.upperBound).isoMilliseconds == to)
    }

    @Test(
        "What is not",
        arguments: [
            "", "soon", "2026-02-30", "2026-13-01", "25:00", "99999999999h", "-2h", "2026-11-23T", "2026-11-23T19",
            "today 9",
            "2026-11-23T10:00+99:00", "h", "2026-11", "١٢:٠٠",
        ])
    func refused(text: String) { #expect(TimeText.parse(text, now: now) == nil) }
}
