import ArgumentParser
import Foundation
import StreamSink
import Synchronization

/// `earshot verify`: reads everything that is kept back.
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Read all recordings and records back, and tell every damage, gap and loss.",
        discussion: """
            Every fragment is read and compared with the checksum in its index, every file with its header, every \
            record with the files it names. Nothing is changed. It may run beside the service: what is being recorded \
            is checked up to its last whole block.

            Exit code 0: clean (notes, and what a crash has left for the service's next start, do not count); 1: damage \
            or losses were found; 2: nothing could be checked, or the check was broken off.

            What recovery could not save after a crash is told each time until its recording is deleted, or until it \
            is acknowledged with --acknowledge.
            """)

    @Option(help: ArgumentHelp("The service's data folder.", valueName: "folder"))
    var data = "./data"
    @OptionGroup
    var storage: StorageKeyOptions
    @Option(help: ArgumentHelp("Only this stream.", valueName: "name"))
    var stream: String?
    @Flag(help: "One JSON object a line: each finding, then the summary.")
    var json = false
    @Flag(help: "Afterwards note that the losses of crash recovery are known; from then on they do not count.")
    var acknowledge = false

    mutating func run() async throws {
        try storage.open(data, for: "verify")
        let (data, stream, json) = (data, stream, json)
        let verifier: DataVerifier
        do throws(VerificationError) {
            verifier = try DataVerifier(dataDirectory: data, stream: stream)
        } catch {
            FileHandle.standardError.write(Data("earshot verify: \(error)\n".utf8))
            throw ExitCode(2)
        }
        let code = try await CommandInterruption.watching {
            let line = VerificationLine()
            var table = FindingTable()
            let start = ContinuousClock.now
            let summary = verifier.run { progress in
                line.show(progress)
                return !Task.isCancelled
            } found: { finding in
                line.clear()
                if json {
                    StandardOutput.line(finding.json.text)
                } else {
                    for text in table.lines(finding) { StandardOutput.line(text) }
                }
            }
            line.clear()
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            let report = VerificationReport(summary: summary, seconds: seconds)
            StandardOutput.line(json ? report.json.text : report.text)
            return report.exitCode
        }
        if acknowledge, code != 2 {
            do throws(FileError) {
                let count = try verifier.acknowledgeLosses()
                let text = "earshot verify: the losses of \(count) recordings are noted as known\n"
                FileHandle.standardError.write(Data(text.utf8))
            } catch {
                FileHandle.standardError.write(Data("earshot verify: \(error)\n".utf8))
                throw ExitCode(2)
            }
        }
        if code != 0 { throw ExitCode(code) }
    }
}

/// The findings as lines of a table. They are printed as they are found, so the first columns have a fixed width.
private struct FindingTable {
    private var hasTitle = false
    private var lastPath: String?

    mutating func lines(_ finding: VerificationFinding) -> [String] {
        var lines: [String] = []
        if !hasTitle { lines.append(Self.cells("LEVEL", "WHAT", "WHERE")) }
        hasTitle = true
        // Of many findings in one file each names only its place.
        if let path = finding.path, path != lastPath { lines.append(Self.cells("", "", Self.plain(path))) }
        lastPath = finding.path
        lines.append(Self.cells(finding.level.rawValue, finding.kind.rawValue, Self.place(finding)))
        lines.append(Self.cells("", "", "  " + Self.plain(finding.detail)))
        return lines
    }

    private static func cells(_ level: String, _ kind: String, _ rest: String) -> String {
        func padded(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(0, width - text.count))
        }
        return padded(level, 7) + " " + padded(kind, 24) + " " + rest
    }

    private static func place(_ finding: VerificationFinding) -> String {
        var parts: [String] = []
        if let first = finding.fragment {
            let last = finding.lastFragment.flatMap { $0 == first ? nil : " to \($0)" } ?? ""
            parts.append("fragment \(first)\(last)")
        } else if let count = finding.fragmentCount {
            parts.append("\(count) fragment\(count == 1 ? "" : "s")")
        }
        if let offset = finding.offset {
            parts.append(finding.bytes.map { "bytes \(offset) to \(offset + $0)" } ?? "byte \(offset)")
        }
        if let at = finding.atMilliseconds {
            let length = finding.milliseconds.map { String(format: " for %.3f s", $0 / 1000) } ?? ""
            parts.append(String(format: "at %.3f s", at / 1000) + length)
        } else if let length = finding.milliseconds {
            parts.append(String(format: "%.3f s", length / 1000))
        }
        return parts.isEmpty
            ? finding.path == nil ? finding.streamName ?? "" : "the file" : parts.joined(separator: ", ")
    }

    /// Names of files come from outside: nothing that steers a terminal.
    private static func plain(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.filter { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }))
    }
}

/// The last line, and the exit code.
private struct VerificationReport {
    let summary: VerificationSummary
    let seconds: Double

    private var speed: Double { seconds > 0 ? Double(summary.bytes) / 1e6 / seconds : 0 }

    var exitCode: Int32 { summary.isPartial ? 2 : summary.isClean ? 0 : 1 }

    var text: String {
        let minutes = summary.milliseconds / 60_000
        let audio = String(
            format: minutes < 120 ? "%.1f minutes of audio" : "%.1f hours of audio",
            minutes < 120 ? minutes : minutes / 60)
        let size = String(format: "%.1f MB in %.1f s (%.0f MB/s)", Double(summary.bytes) / 1e6, seconds, speed)
        let live = summary.liveSessions > 0 ? " (\(summary.liveSessions) live)" : ""
        let read = """
            \(summary.streams) streams, \(summary.sessions) sessions\(live), \(summary.fragments) fragments \
            (\(summary.checkedFragments) with a checksum), \(audio), \(summary.records) records; \(size)
            """
        let notes = summary.notes > 0 ? ", \(summary.notes) notes" : ""
        let waiting = summary.waiting > 0 ? ", \(summary.waiting) waiting for recovery" : ""
        let expired = summary.expiredLegs > 0 ? "; \(summary.expiredLegs) recorded legs have gone by retention" : ""
        let verdict =
            summary.isPartial
            ? "broken off: \(summary.damage) damaged, \(summary.losses) lost so far"
            : summary.isClean ? "clean" : "\(summary.damage) damaged, \(summary.losses) lost"
        return "\(verdict)\(waiting)\(notes): \(read)\(expired)"
    }

    var json: JSONValue {
        func number(_ value: Int) -> JSONValue { .integer(Int64(value)) }
        return .object([
            .init("kind", .string("summary")), .init("clean", .bool(summary.isClean && !summary.isPartial)),
            .init("partial", .bool(summary.isPartial)), .init("damage", number(summary.damage)),
            .init("losses", number(summary.losses)), .init("waiting", number(summary.waiting)),
            .init("notes", number(summary.notes)),
            .init("streams", number(summary.streams)), .init("sessions", number(summary.sessions)),
            .init("liveSessions", number(summary.liveSessions)), .init("fragments", number(summary.fragments)),
            .init("checkedFragments", number(summary.checkedFragments)), .init("bytes", .integer(summary.bytes)),
            .init("durationMilliseconds", .decimal(summary.milliseconds)), .init("records", number(summary.records)),
            .init("expiredLegs", number(summary.expiredLegs)), .init("seconds", .decimal(seconds)),
            .init("megabytesPerSecond", .decimal(speed)),
        ])
    }
}

/// How far the check is, on a terminal's last line; nothing where there is no terminal.
private final class VerificationLine: Sendable {
    private struct State {
        var start = ContinuousClock.now
        var time = ContinuousClock.now
        var isShown = false
    }

    private let state = Mutex(State())
    private let isTerminal = isatty(STDERR_FILENO) == 1

    func show(_ progress: VerificationProgress) {
        guard isTerminal else { return }
        state.withLock { state in
            let now = ContinuousClock.now
            // Short checks show nothing.
            guard now - state.time > .milliseconds(state.isShown ? 100 : 500) else { return }
            state.time = now
            state.isShown = true
            let percent = progress.totalBytes > 0 ? Double(progress.doneBytes) * 100 / Double(progress.totalBytes) : 100
            let speed = Double(progress.doneBytes) / 1e6 / max(0.001, (now - state.start) / .seconds(1))
            let text = String(
                format: "\r%.0f %%, %.0f of %.0f MB, %.0f MB/s, %d findings\u{1B}[K", percent,
                Double(progress.doneBytes) / 1e6, Double(progress.totalBytes) / 1e6, speed, progress.findings)
            FileHandle.standardError.write(Data(text.utf8))
        }
    }

    func clear() {
        let wasShown = state.withLock { state in
            defer { state.isShown = false }
            return state.isShown
        }
        if wasShown { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
    }
}
