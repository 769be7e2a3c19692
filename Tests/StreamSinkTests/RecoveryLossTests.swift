import Foundation
import Logging
import Synchronization
import Testing

@testable import StreamSink

@Suite("What recovery tells")
struct RecoveryLossTests {
    private func damaged() throws -> (data: KeptData, path: String, entries: [IndexEntry]) {
        let data = try KeptData()
        let call = try KilledCall()
        var bytes = call.bytes
        let entry = call.entries[7]
        for at in Int(entry.place.cluster) + 500..<Int(entry.place.cluster) + 4596 { bytes[at] = 0 }
        let path = "\(data.stream)/000000_T1_0.mkv"
        try write(bytes, to: path)
        return (data, path, call.entries)
    }

    @Test("A file that waits for recovery is no damage; audio that recovery lost is, until somebody says it is known")
    func acknowledged() throws {
        let data = try KeptData()
        let call = try KilledCall()
        let path = "\(data.stream)/000000_T1_0.mkv"
        try write(Array(call.bytes.dropLast(100)), to: path)
        let waiting = try data.verify()
        #expect(waiting.summary.isClean && waiting.summary.waiting == 1)
        #expect(waiting.findings.contains { $0.kind == .notClosed && $0.level == .waiting })

        let (hurt, file, entries) = try damaged()
        // Before the recovery the damage is damage.
        #expect(try !hurt.verify().summary.isClean)
        _ = try SessionFileReport.repair(file)
        for _ in 0..<2 {
            let (summary, findings) = try hurt.verify()
            #expect(!summary.isClean && findings.map(\.kind) == [.lostInRecovery])
            #expect(findings.first?.fragment == entries[7].number)
            #expect(findings.first?.milliseconds ?? 0 > 200)
            #expect(summary.checkedFragments == 30)
        }
        let now = hurt.now
        let verifier = try DataVerifier(dataDirectory: hurt.path, stream: nil, wallClock: { now })
        #expect(try verifier.acknowledgeLosses() == 1)
        #expect(try verifier.acknowledgeLosses() == 0)
        let known = try hurt.verify()
        #expect(known.summary.isClean && known.findings.map(\.level) == [.note])
        // Damage that comes later is seen: the closed file has its checksums.
        var bytes = try readFile(file)
        bytes[Int(entries[20].place.end) - 9] ^= 1
        try write(bytes, to: file)
        #expect(
            try hurt.verify().findings.contains { $0.kind == .damagedFragment && $0.fragment == entries[20].number })
    }

    @Test("Records of a recording with a known loss miss nothing else")
    func records() throws {
        let (data, path, entries) = try damaged()
        _ = try SessionFileReport.repair(path)
        try data.record([(0, entries[0].number, entries[29].number)])
        #expect(try data.kinds() == [.lostInRecovery])
        // A fragment that is wholly gone, too.
        let call = try KilledCall()
        var bytes = call.bytes
        for at in Int(entries[11].place.offset)..<Int(entries[12].place.end) { bytes[at] = 0xAA }
        try write(bytes, to: path)
        for name in SessionFileName.besides(path) { try data.remove(name) }
        let report = try SessionFileReport.repair(path).report
        #expect(report.losses.map(\.counters) == [12...13])
        #expect(report.losses.first?.milliseconds == 2000 && report.losses.first?.atMilliseconds == 11_000)
        #expect(try data.kinds() == [.lostInRecovery])
    }

    @Test("A crash anywhere in a repair loses no loss, and the next start ends it", arguments: 0..<14)
    func brokenRepair(_ calls: Int) throws {
        let (data, path, entries) = try damaged()
        let left = Mutex(calls)
        var operations = FileOperations.system
        let fails: @Sendable () -> Bool = {
            left.withLock { left in
                left -= 1
                return left < 0
            }
        }
        operations.write = { fails() ? -5 : FileOperations.system.write($0, $1, $2) }
        operations.truncate = { fails() ? -5 : FileOperations.system.truncate($0, $1) }
        operations.rename = { fails() ? -5 : FileOperations.system.rename($0, $1) }
        operations.sync = { fails() ? -5 : FileOperations.system.sync($0) }
        _ = try? SessionFileReport.repair(path, operations: operations)
        _ = try SessionFileReport.repair(path)
        let (summary, findings) = try data.verify()
        #expect(!summary.isClean)
        #expect(findings.filter { $0.level != .note }.map(\.kind) == [.lostInRecovery], "\(findings)")
        #expect(findings.first?.fragment == entries[7].number)
    }

    @Test("The call's detail record and the log of a start name what is lost")
    func detailRecord() async throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/data"
        let directory = try DataDirectory(path)
        let stream = "ChimeVoiceConnector-vc1-00000000-0000-0000-0000-000000000000"
        try FileManager.default.createDirectory(
            atPath: "\(path)/streams/\(stream)", withIntermediateDirectories: true)
        let (data, file, entries) = try damaged()
        let relative = "streams/\(stream)/000000_T1_0.mkv"
        try write(try readFile(file), to: "\(path)/\(relative)")
        var call = makeCall()
        call.transactionID = "T1"
        call.startedAtMilliseconds = callStart
        call.legs = [
            LegRecord(
                streamName: stream, streamARN: "arn", relativePath: relative, isCaller: true, roleRule: nil,
                mediaIndex: 0, mediaLabel: nil, startedAtMilliseconds: callStart,
                startFragmentNumber: entries[0].number)
        ]
        try CallJournal(directory: directory).save(call)
        let report = CrashRecovery(directory: directory, logger: Logger(label: "test"))
            .run(now: UTCTime(milliseconds: callStart))
        #expect(report.losses.count == 1 && report.losses.first?.contains("fragment 8") == true)
        #expect(report.problems == [])
        let end = UTCTime(milliseconds: callStart + 30_000)
        let key = StreamingDetailRecord(call, outcome: .interrupted, endedAt: end).key
        let record = try JSONValue(parsing: readFile("\(path)/objects/\(key)"))
        let leg = try #require(record["Legs"]?.arrayValue?.first)
        #expect(leg["RecoveryLostMilliseconds"]?.integerValue ?? 0 > 200)
        #expect(
            leg["RecoveryLosses"]?.arrayValue?.first?["fragmentNumber"]?.stringValue == entries[7].number.description)
        #expect(leg["EndFragmentNumber"]?.stringValue == entries[29].number.description)
        withExtendedLifetime((directory, data)) {}
    }
}
