import ArgumentParser
import AudioExport
import CallArchive
import Foundation
import StreamSink
import Synchronization

extension ExportFormat: ExpressibleByArgument {}

/// `earshot export`: a call's audio as files.
struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a call's audio into files: WAV, Opus, MP4, or Matroska with the recordings as they are.",
        discussion: """
            Makes a file a party (TRANSACTION-caller.wav and so on), or one with --stereo: caller left, callee right. mka is \
            always one file, with a track for each recording, untouched, and the call in its tags. All files begin with the \
            call's first sample; what a party does not have is silent. Of a call in progress it writes what there is so far, \
            and says so.
            """)

    @Option(help: ArgumentHelp("The call's transaction, or the beginning of it.", valueName: "id"))
    var transaction: String
    @Option(help: "wav, opus, mka or mp4.")
    var format = ExportFormat.wav
    @Flag(help: "One file with two channels.")
    var stereo = false
    @Option(
        help: ArgumentHelp(
            "The file, or an existing folder for it; where there are several, the party is added to the name.",
            valueName: "path"))
    var output: String?
    @Option(help: ArgumentHelp("The service's data folder.", valueName: "folder"))
    var data = "./data"
    @OptionGroup
    var storage: StorageKeyOptions
    @Flag(help: "Replace files that are there already.")
    var force = false
    @Flag(help: "Say what was made as JSON.")
    var json = false

    mutating func run() async throws {
        try storage.open(data, for: "export")
        let (transaction, format, stereo, output, data) = (transaction, format, stereo, output, data)
        let (force, json) = (force, json)
        try await CommandInterruption.watching {
            do {
                let recording = try RecordingFinder(dataDirectory: data).recording(transactionID: transaction)
                let export = CallExport(recording, format: format, isStereo: stereo)
                let names = ExportNames(recording: recording, export: export, output: output)
                let line = ProgressLine()
                let report = try export.run(
                    path: names.path, replaces: force, shouldGoOn: { !Task.isCancelled }, progress: line.show)
                line.clear()
                json ? Self.printJSON(recording, report) : Self.printText(recording, report)
            } catch let error as ExportError {
                throw Failure("earshot export: \(error)")
            } catch let error as RecordingFinderError {
                throw Failure("earshot export: \(error)")
            }
        }
    }

    private static func printText(_ recording: CallRecording, _ report: ExportReport) {
        for file in report.files {
            let length = String(format: "%.2f s", Double(file.milliseconds) / 1000)
            let rate = file.sampleRate.map { ", \($0) Hz" } ?? ""
            StandardOutput.line("\(file.path)  \(file.legs.joined(separator: " + ")), \(length)\(rate)")
        }
        if report.isPartial {
            StandardOutput.line(
                recording.isUnfinished
                    ? "the call is still in progress, or was cut: this is what there is so far"
                    : "a recording has no end: this is what there is of it")
        }
        for finding in report.findings { StandardOutput.line("note: \(finding)") }
    }

    private static func printJSON(_ recording: CallRecording, _ report: ExportReport) {
        let files = report.files.map { file in
            JSONValue.object([
                .init("path", .string(file.path)), .init("legs", .array(file.legs.map(JSONValue.string))),
                .init("durationMilliseconds", .integer(file.milliseconds)), .init("bytes", .integer(file.bytes)),
                .init("sampleRate", file.sampleRate.map { .integer(Int64($0)) } ?? .null),
            ])
        }
        StandardOutput.line(
            JSONValue.object([
                .init("transactionId", .string(recording.transactionID)),
                .init("startTime", .string(UTCTime(milliseconds: report.startedAtMilliseconds).isoMilliseconds)),
                .init("partial", .bool(report.isPartial)), .init("files", .array(files)),
                .init("findings", .array(report.findings.map(JSONValue.string))),
            ]).text)
    }
}

/// The paths of an export's files.
struct ExportNames {
    let recording: CallRecording
    let export: CallExport
    let output: String?

    /// The path of the file with that index among those that are planned.
    func path(_ index: Int) -> String {
        let plans = export.plannedFiles
        let party = plans.indices.contains(index) && plans.count > 1 ? Self.unique(plans, index) : nil
        let suffix = party.map { "-\($0)" } ?? ""
        let own = "\(recording.transactionID)\(suffix).\(export.format.fileExtension)"
        guard let output else { return own }
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: output, isDirectory: &isFolder), isFolder.boolValue {
            return output.hasSuffix("/") ? output + own : "\(output)/\(own)"
        }
        let slash = output.lastIndex(of: "/") ?? output.startIndex
        guard let point = output.lastIndex(of: "."), point > slash else { return output + suffix }
        return output[..<point] + suffix + output[point...]
    }

    /// The party's name; with a number where several have the same.
    private static func unique(_ plans: [[String]], _ index: Int) -> String {
        let name = plans[index].joined(separator: "-")
        let before = plans[..<index].count { $0 == plans[index] }
        return before == 0 ? name : "\(name)-\(before + 1)"
    }
}

/// How far the export is, on a terminal's last line; nothing where there is no terminal.
final class ProgressLine: Sendable {
    private let shown = Mutex<(time: ContinuousClock.Instant, isShown: Bool)>((.now, false))
    private let isTerminal = isatty(STDERR_FILENO) == 1

    func show(_ progress: ExportProgress) {
        guard isTerminal else { return }
        shown.withLock { state in
            // Short exports show nothing.
            guard ContinuousClock.now - state.time > .milliseconds(state.isShown ? 100 : 500) else { return }
            state = (.now, true)
            let percent = min(100, progress.doneMilliseconds * 100 / max(1, progress.totalMilliseconds))
            let text = "\r\(percent) %, \(progress.doneMilliseconds / 1000) s of audio\u{1B}[K"
            FileHandle.standardError.write(Data(text.utf8))
        }
    }

    func clear() {
        guard shown.withLock({ $0.isShown }) else { return }
        FileHandle.standardError.write(Data("\r\u{1B}[K".utf8))
    }
}
