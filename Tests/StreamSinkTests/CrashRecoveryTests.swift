import Foundation
import Logging
import Testing

@testable import StreamSink

@Suite("What a start does after a crash")
struct CrashRecoveryTests {
    private let logger = Logger(label: "test")
    private let now = UTCTime(milliseconds: callStart + 3_600_000)

    /// A data directory as a killed service leaves it: two legs open, the journal written.
    private func crashed(in folder: TemporaryFolder) async throws -> (path: String, call: CallRecord) {
        let store = try makeStore("\(folder.path)/running")
        var call = makeCall()
        call.startedAtMilliseconds = callStart
        call.legs = []
        var sessions: [StreamSession] = []
        for index in 0..<2 {
            let session = try store.openSession(
                connectorID: connector, transactionID: call.transactionID, callID: call.callID, mediaIndex: index,
                startedAtMilliseconds: callStart)
            session.append(samples(0..<12_000 + index * 1600).span)
            call.legs.append(
                LegRecord(
                    session: session, isCaller: index == 0, roleRule: "order", mediaIndex: index,
                    mediaLabel: "\(index)"))
            sessions.append(session)
        }
        try CallJournal(directory: store.directory).save(call)
        try await Task.sleep(for: .milliseconds(200))
        let path = "\(folder.path)/data"
        try FileManager.default.copyItem(atPath: "\(folder.path)/running", toPath: path)
        await store.shutDown()
        return (path, call)
    }

    private func lines(_ path: String) throws -> [JSONValue] {
        let text = try String(contentsOfFile: "\(path)/logs/events.jsonl", encoding: .utf8)
        return try text.split(separator: "\n").map { try JSONValue(parsing: Array($0.utf8)) }
    }

    private func object(_ path: String, _ key: String) throws -> JSONValue {
        try JSONValue(parsing: [UInt8](Data(contentsOf: URL(fileURLWithPath: "\(path)/objects/\(key)"))))
    }

    @Test("Files are closed, ENDED, SDR and CDR say that the call was cut, and a second start finds nothing to do")
    func interruptedCall() async throws {
        let folder = try TemporaryFolder()
        let (path, call) = try await crashed(in: folder)
        try withDirectory(path) { directory in
            let report = CrashRecovery(directory: directory, logger: logger).run(now: now)
            #expect(report.calls == [call.transactionID])
            #expect(report.repairedFiles == 2)
            #expect(report.problems.isEmpty)
            // The crash came before STARTED was written, so that is made good, too.
            let all = try lines(path)
            #expect(
                all.map { $0["detail"]?["streamingStatus"]?.stringValue } == ["STARTED", "ENDED", "STARTED", "ENDED"])
            let events = all.filter { $0["detail"]?["streamingStatus"]?.stringValue == "ENDED" }
            #expect(events.allSatisfy { $0["detail"]?["endReason"]?.stringValue == "Interrupted" })
            #expect(
                events.map { $0["detail"]?["endTime"]?.stringValue } == [
                    UTCTime(milliseconds: callStart + 1500).isoMilliseconds,
                    UTCTime(milliseconds: callStart + 1700).isoMilliseconds,
                ])
            let end = UTCTime(milliseconds: callStart + 1700)
            let detail = try object(path, CallDetailRecord(call, outcome: .interrupted, endedAt: end).key)
            #expect(detail["Status"]?.stringValue == "Failed")
            #expect(detail["StatusMessage"]?.stringValue == "Interrupted: the service stopped during the call")
            let streaming = try object(path, StreamingDetailRecord(call, outcome: .interrupted, endedAt: end).key)
            let last = streaming["Legs"]?.arrayValue?.first?["EndFragmentNumber"]?.stringValue
            #expect(FragmentNumber(last ?? "")?.counter == 2)
            for leg in call.legs {
                let file = try SessionFileReport(scanning: "\(path)/\(leg.relativePath)")
                #expect(file.isFinished)
            }
            #expect(CrashRecovery(directory: directory, logger: logger).run(now: now) == CrashRecovery.Report())
            #expect(try lines(path).count == 4)
        }
        // The streams go on after the cut session.
        let store = try makeStore(path)
        let next = try store.openSession(
            connectorID: connector, transactionID: "n", callID: "n", mediaIndex: 0, startedAtMilliseconds: callStart)
        #expect(next.startFragmentNumber.counter == 1001)
        await store.shutDown()
    }

    @Test("A crash in the middle of the recovery is made good by the next: no event and no record twice")
    func interruptedRecovery() async throws {
        let folder = try TemporaryFolder()
        let (path, call) = try await crashed(in: folder)
        let journal = try Data(contentsOf: URL(fileURLWithPath: "\(path)/calls/\(call.transactionID).json"))
        try withDirectory(path) { directory in
            _ = CrashRecovery(directory: directory, logger: logger).run(now: now)
            // As if the removal of the journal had not reached the disk.
            try journal.write(to: URL(fileURLWithPath: "\(path)/calls/\(call.transactionID).json"))
            let log = "\(path)/logs/events.jsonl"
            let text = try String(contentsOfFile: log, encoding: .utf8)
            let firstLines = text.split(separator: "\n").prefix(2)
            try #require(firstLines.count == 2)
            try Data((firstLines.joined(separator: "\n") + "\n{\"torn").utf8).write(to: URL(fileURLWithPath: log))
            let report = CrashRecovery(directory: directory, logger: logger).run(now: now)
            #expect(report.calls == [call.transactionID])
            #expect(report.repairedFiles == 0)
            let found = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
            // The first leg's two events stay, the torn line too, and the second leg gets its two.
            #expect(found.count == 5)
            #expect(found.prefix(2) == firstLines)
            #expect(found[3].contains("\"mediaIndex\":1") && found[3].contains("STARTED"))
            #expect(found[4].contains("\"mediaIndex\":1") && found[4].contains("ENDED"))
        }
    }

    @Test(
        "An unreadable journal is put aside and told, and does not stop the others", arguments: ["", "{", "{}", "[1]"])
    func damagedJournal(content: String) async throws {
        let folder = try TemporaryFolder()
        let (path, call) = try await crashed(in: folder)
        try Data(content.utf8).write(to: URL(fileURLWithPath: "\(path)/calls/bad.json"))
        try withDirectory(path) { directory in
            let report = CrashRecovery(directory: directory, logger: logger).run(now: now)
            #expect(report.calls == [call.transactionID])
            #expect(report.damagedJournals.count == 1)
            #expect(FileManager.default.fileExists(atPath: "\(path)/calls/damaged/bad.json"))
        }
    }

    @Test("An open file without a journal is closed; a leg whose file has no audio says so in the SDR")
    func strayAndEmpty() async throws {
        let folder = try TemporaryFolder()
        let (path, call) = try await crashed(in: folder)
        try FileManager.default.removeItem(atPath: "\(path)/calls/\(call.transactionID).json")
        try Data().write(to: URL(fileURLWithPath: "\(path)/\(call.legs[0].relativePath)"))
        try withDirectory(path) { directory in
            let report = CrashRecovery(directory: directory, logger: logger).run(now: now)
            #expect(report.calls.isEmpty)
            #expect(report.repairedFiles == 1)
            #expect(report.removedFiles == 1)
            try CallJournal(directory: directory).save(call)
            #expect(CrashRecovery(directory: directory, logger: logger).run(now: now).calls.count == 1)
            let end = UTCTime(milliseconds: callStart)
            let streaming = try object(path, StreamingDetailRecord(call, outcome: .interrupted, endedAt: end).key)
            let reasons = streaming["Legs"]?.arrayValue?.map { $0["EmptyReason"]?.stringValue }
            #expect(reasons == ["the service stopped before audio was written", nil])
        }
    }

    @Test("On a disk that is still full the journal stays for the next start")
    func stillFull() async throws {
        let folder = try TemporaryFolder()
        let (path, call) = try await crashed(in: folder)
        var operations = FileOperations.system
        operations.append = { _, _ in -28 }
        do {
            let directory = try DataDirectory(path, operations: operations)
            let report = CrashRecovery(directory: directory, logger: logger).run(now: now)
            #expect(report.calls.isEmpty)
            #expect(report.problems.count == 1)
        }
        try withDirectory(path) { directory in
            #expect(CrashRecovery(directory: directory, logger: logger).run(now: now).calls == [call.transactionID])
        }
    }

    private func withDirectory(_ path: String, _ body: (DataDirectory) throws -> Void) throws {
        let directory = try DataDirectory(path)
        try withExtendedLifetime(directory) { try body(directory) }
    }
}

@Suite("The record writer")
struct RecordWriterTests {
    @Test("A call's end is written in order and its journal is gone")
    func order() async throws {
        let folder = try TemporaryFolder()
        let directory = try DataDirectory("\(folder.path)/data")
        let writer = try RecordWriter(directory: directory, logger: Logger(label: "test"))
        let call = makeCall()
        let journal = "\(directory.path)/calls/\(call.transactionID).json"
        writer.saveJournal(call)
        writer.post(.started(call, leg: call.legs[0], at: UTCTime(milliseconds: 0), id: "1"))
        await writer.drain()
        #expect(FileManager.default.fileExists(atPath: journal))
        let end = UTCTime(milliseconds: call.startedAtMilliseconds + 1000)
        writer.finish(call, legEnds: [end], outcome: .completed, endedAt: end)
        await writer.shutDown()
        #expect(!FileManager.default.fileExists(atPath: journal))
        let log = try String(contentsOfFile: directory.eventLogPath, encoding: .utf8).split(separator: "\n")
        #expect(log.count == 2 && log[0].contains("STARTED") && log[1].contains("ENDED"))
        for kind in ["CDR", "SDR"] {
            let key =
                "Amazon-Chime-Voice-Connector-\(kind)s/json/\(connector)/2023/04/05/22.14.02.238_\(call.transactionID)"
            #expect(FileManager.default.fileExists(atPath: "\(directory.path)/objects/\(key)"))
        }
    }

    @Test("Many calls that end at once have all their records, and no journal is left")
    func manyCalls() async throws {
        let folder = try TemporaryFolder()
        let directory = try DataDirectory("\(folder.path)/data")
        let writer = try RecordWriter(directory: directory, logger: Logger(label: "test"))
        for index in 0..<300 {
            var call = makeCall()
            call.transactionID = "t-\(index)"
            writer.saveJournal(call)
            let end = UTCTime(milliseconds: call.startedAtMilliseconds + 1000)
            writer.finish(call, legEnds: [end], outcome: .completed, endedAt: end)
        }
        await writer.shutDown()
        let objects = "\(directory.path)/objects/Amazon-Chime-Voice-Connector"
        for kind in ["CDR", "SDR"] {
            let names = try FileManager.default.contentsOfDirectory(
                atPath: "\(objects)-\(kind)s/json/\(connector)/2023/04/05")
            #expect(names.count == 300)
            #expect(names.allSatisfy { $0.hasPrefix("22.14.02.238_t-") })
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(directory.path)/calls").isEmpty)
        let log = try String(contentsOfFile: directory.eventLogPath, encoding: .utf8)
        #expect(log.split(separator: "\n").count == 300)
    }

    @Test("While the disk is full records wait; nothing is lost and the journal goes last")
    func fullDisk() async throws {
        let folder = try TemporaryFolder()
        let isFull = Flag(true)
        var operations = FileOperations.system
        operations.write = { isFull.isSet ? -28 : FileOperations.system.write($0, $1, $2) }
        operations.append = { isFull.isSet ? -28 : FileOperations.system.append($0, $1) }
        let directory = try DataDirectory("\(folder.path)/data", operations: operations)
        let writer = try RecordWriter(directory: directory, logger: Logger(label: "test"))
        let call = makeCall()
        writer.saveJournal(call)
        let end = UTCTime(milliseconds: call.startedAtMilliseconds + 1000)
        writer.finish(call, legEnds: [end], outcome: .completed, endedAt: end)
        await writer.drain()
        #expect(!FileManager.default.fileExists(atPath: directory.eventLogPath))
        isFull.isSet = false
        try await Task.sleep(for: .milliseconds(1200))
        await writer.drain()
        let log = try String(contentsOfFile: directory.eventLogPath, encoding: .utf8)
        #expect(log.split(separator: "\n").count == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(directory.path)/calls").isEmpty)
        #expect(writer.dropped == 0)
        await writer.shutDown()
    }
}
