import Foundation
import StreamSink
import Testing

@testable import CallArchive

@Suite("Recordings by their calls")
struct RecordingFinderTests {
    @Test("A call is found by its events alone, with a folder of each leg and no look at any other stream")
    func byEvents() throws {
        let fixture = try DataFixture()
        try fixture.addCalls(1)
        let finder = RecordingFinder(dataDirectory: fixture.path)
        _ = try fixture.search()
        let late = DataFixture.Call(index: 4, from: "+12065550111")
        try fixture.append(fixture.started(late) + fixture.ended(late))
        for leg in 0..<2 { try fixture.addFile(late, leg: leg) }
        let found = try finder.recording(transactionID: late.transaction)
        #expect(found.legs.map(\.name) == ["caller", "callee"])
        #expect(found.legs.map(\.label) == ["96", "97"])
        #expect(found.fromNumber == "+12065550111" && found.callID == "call-4@h" && found.connectorID == "vc0")
        for (leg, session) in found.legs.flatMap(\.sessions).enumerated() {
            #expect(session.number == 4 && session.streamName == late.record(leg).1.streamName)
            #expect(FileManager.default.fileExists(atPath: session.path))
        }
        // Nothing was listed for it: the streams' folders are as the index knew them before.
        let listed = try CallIndex(dataDirectory: fixture.path).call(transactionID: late.transaction)
        #expect(listed?.legs.count == 2)
    }

    @Test("A call goes on while it has a journal, whatever its legs' ends say")
    func journal() throws {
        let fixture = try DataFixture()
        try fixture.addCalls(1)
        let call = DataFixture.Call(index: 0)
        let finder = RecordingFinder(dataDirectory: fixture.path)
        #expect(try finder.recording(transactionID: call.transaction).status == "Completed")
        try FileManager.default.createDirectory(atPath: fixture.path + "/calls", withIntermediateDirectories: true)
        try Data("{}".utf8).write(to: URL(fileURLWithPath: "\(fixture.path)/calls/\(call.transaction).json"))
        #expect(try finder.recording(transactionID: call.transaction).isUnfinished)
    }

    @Test("Of a call whose files were deleted, there is what is left, and in the end nothing")
    func deleted() throws {
        let fixture = try DataFixture()
        try fixture.addCalls(2)
        let call = DataFixture.Call(index: 1)
        let finder = RecordingFinder(dataDirectory: fixture.path)
        for left in [["callee"], []] {
            let leg = 1 - left.count
            try FileManager.default.removeItem(atPath: "\(fixture.path)/streams/\(call.record(leg).1.streamName)")
            guard !left.isEmpty else { continue }
            #expect(try finder.recording(transactionID: call.transaction).legs.map(\.name) == left)
        }
        #expect(throws: RecordingFinderError.self) { try finder.recording(transactionID: call.transaction) }
    }

    @Test("The beginning is enough where one call has it; several are named; anything else is no transaction")
    func beginnings() throws {
        let fixture = try DataFixture()
        try fixture.addCalls(2)
        let finder = RecordingFinder(dataDirectory: fixture.path)
        let first = DataFixture.Call(index: 0).transaction
        #expect(try finder.recording(transactionID: first).transactionID == first)
        do {
            _ = try finder.recording(transactionID: String(first.prefix(20)))
            Issue.record("two calls begin so")
        } catch RecordingFinderError.severalCalls(_, let matches) {
            #expect(matches == (0..<2).map { DataFixture.Call(index: $0).transaction })
        }
        for text in ["", "0000", "../../../etc/passwd", "00000000%", String(repeating: "0", count: 65)] {
            #expect(throws: RecordingFinderError.self) { try finder.recording(transactionID: text) }
        }
    }

    @Test("A leg of a log that somebody edited leads out of no folder", arguments: ["..", "a/b", ".hidden"])
    func escaping(stream: String) throws {
        let fixture = try DataFixture()
        try fixture.addCalls(1)
        let call = DataFixture.Call(index: 7)
        let name = call.record(0).1.streamName
        let line = String(decoding: fixture.started(call)[0], as: UTF8.self)
        try fixture.append([Array(line.replacingOccurrences(of: name, with: stream).utf8)])
        let finder = RecordingFinder(dataDirectory: fixture.path)
        #expect(throws: RecordingFinderError.self) { try finder.recording(transactionID: call.transaction) }
    }
}
