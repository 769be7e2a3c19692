import CallArchive
import Glibc
import StreamSink

/// Opens a session's file; a value, so that a service can put its own way of reading in.
public typealias SessionOpener = @Sendable (_ path: String) throws(StreamReaderError) -> StreamReader

/// What an export makes.
public enum ExportFormat: String, Sendable, CaseIterable {
    /// 16-bit PCM; RF64 above 4 GB.
    case wav
    /// Ogg Opus, encoded anew.
    case opus
    /// Matroska with every session's blocks as they are, a track each.
    case mka
    /// AAC-LC.
    case mp4

    /// Of the file's name.
    public var fileExtension: String { rawValue }
}

/// How far an export is.
public struct ExportProgress: Sendable, Equatable {
    /// Audio that was written, of one file; milliseconds.
    public var doneMilliseconds: Int64
    /// About how much there is in all files together; milliseconds.
    public var totalMilliseconds: Int64
}

/// A file that was made.
public struct ExportedFile: Sendable, Equatable {
    /// Where it is.
    public var path: String
    /// The parties in it; of a stereo file left, then right.
    public var legs: [String]
    /// Its length.
    public var milliseconds: Int64
    /// Its size.
    public var bytes: Int64
    /// Samples a second; nil where each track has its own.
    public var sampleRate: Int?
}

/// What an export made, and what was odd.
public struct ExportReport: Sendable, Equatable {
    /// The files.
    public var files: [ExportedFile] = []
    /// Wall clock of time 0 in every file, milliseconds since 1970.
    public var startedAtMilliseconds: Int64 = 0
    /// Whether some session was not closed: a call in progress, or one that was cut. The files hold what was there.
    public var isPartial = false
    /// Sentences about what is missing.
    public var findings: [String] = []
}

/// Turns a call's sessions into files. Memory does not grow with the call's length (but for the index of an MP4, 100
/// kB an hour). All files of an export begin at the call's first sample: what a leg does not have is silent.
public struct CallExport: Sendable {
    /// The call.
    public let recording: CallRecording
    /// The format.
    public let format: ExportFormat
    /// One file with the caller left and the callee right, not a file a leg.
    public let isStereo: Bool
    private let open: SessionOpener

    /// Makes an export. It does nothing until ``run(path:replaces:shouldGoOn:progress:)``.
    public init(
        _ recording: CallRecording, format: ExportFormat, isStereo: Bool = false,
        open: @escaping SessionOpener = { path throws(StreamReaderError) in try StreamReader(path: path) }
    ) {
        self.recording = recording
        self.format = format
        self.isStereo = isStereo
        self.open = open
    }

    /// The names of the parties of each file that will be made.
    public var plannedFiles: [[String]] {
        if format == .mka { return [recording.legs.map(\.name)] }
        if isStereo { return [recording.stereoChannels.flatMap { $0.map(\.name) }] }
        return recording.legs.map { [$0.name] }
    }

    /// Makes the files; each appears under its name when it is whole. Blocks: not for the threads that tasks share.
    /// - Parameters:
    ///   - path: the path for each of ``plannedFiles``, by its place in that list.
    ///   - replaces: whether files that exist are replaced.
    ///   - shouldGoOn: asked about once a second of audio.
    ///   - progress: told as often.
    public func run(
        path: (_ index: Int) -> String, replaces: Bool = false, shouldGoOn: () -> Bool = { true },
        progress: (ExportProgress) -> Void = { _ in }
    ) throws(ExportError) -> ExportReport {
        guard !(isStereo && format == .mka) else {
            throw .unsuitable("mka keeps each leg as a track of its own; leave --stereo off")
        }
        var report = ExportReport()
        if format == .mka {
            try copy(to: path(0), replaces: replaces, shouldGoOn, progress, &report)
            return report
        }
        let channels = isStereo ? [recording.stereoChannels] : recording.legs.map { [[$0]] }
        guard !channels.isEmpty else { throw .noAudio(recording.transactionID) }
        // Each output is looked at before any is made.
        let outputs = try channels.indices.map { index throws(ExportError) in
            try PendingFile(path(index), replaces: replaces)
        }
        let origin = try startOfCall()
        report.startedAtMilliseconds = origin
        let total = estimate(origin) * Int64(channels.count)
        var done: Int64 = 0
        for (index, output) in outputs.enumerated() {
            let before = done
            let made = try encode(channels[index], origin: origin, to: output, &report) { milliseconds in
                done = before + milliseconds
                progress(ExportProgress(doneMilliseconds: done, totalMilliseconds: max(total, done)))
                return shouldGoOn()
            }
            done = before + made
        }
        return report
    }

    private func startOfCall() throws(ExportError) -> Int64 {
        var start: Int64?
        for session in recording.legs.flatMap(\.sessions) {
            guard let audio = try sessionStart(session.path) else { continue }
            start = min(start ?? audio, audio)
        }
        guard let start else { throw .noAudio(recording.transactionID) }
        return start
    }

    private func sessionStart(_ path: String) throws(ExportError) -> Int64? {
        do throws(StreamReaderError) {
            guard case .opened(let start, _) = try open(path).read() else { return nil }
            return start ?? 0
        } catch {
            throw .stream(error)
        }
    }

    /// A file is written to until its session ends, so its age tells about how long the call is.
    private func estimate(_ origin: Int64) -> Int64 {
        let ends = recording.legs.flatMap(\.sessions).map { session -> Int64 in
            var status = stat()
            return stat(session.path, &status) == 0 ? Int64(status.st_mtim.tv_sec) * 1000 : 0
        }
        return max(1000, (ends.max() ?? 0) - origin)
    }

    private func encode(
        _ channels: [[CallRecording.Leg]], origin: Int64, to output: PendingFile, _ report: inout ExportReport,
        step: (Int64) -> Bool
    ) throws(ExportError) -> Int64 {
        var opened: [SessionAudio] = []
        let sessions = try channels.map { legs throws(ExportError) in
            try legs.map { leg throws(ExportError) in
                var all: [SessionAudio] = []
                for session in leg.sessions {
                    let reader: StreamReader
                    do throws(StreamReaderError) { reader = try open(session.path) } catch { throw .stream(error) }
                    if let audio = try SessionAudio(reader) { all.append(audio) }
                }
                opened += all
                return all
            }
        }
        let rate = Self.rate(opened.map(\.rate))
        let mixer = CallMixer(
            channels: sessions.map { $0.map { LegAudio(sessions: $0, origin: origin, rate: rate) } }, rate: rate)
        let writer = try makeWriter(output, rate: rate, channels: channels.count, origin: origin)
        var frames: Int64 = 0
        while let piece = try next(mixer) {
            try writer.append(piece)
            frames += Int64(piece.frames)
            guard step(frames * 1000 / Int64(rate)) else { throw .cancelled }
        }
        try writer.finish()
        try output.commit()
        let names = channels.flatMap { $0.map(\.name) }
        note(opened, names: names, &report)
        let milliseconds = frames * 1000 / Int64(rate)
        report.files.append(
            ExportedFile(
                path: output.path, legs: names, milliseconds: milliseconds, bytes: Self.size(output.path),
                sampleRate: rate))
        return milliseconds
    }

    private func next(_ mixer: CallMixer) throws(ExportError) -> CallMixer.Piece? {
        do throws(AudioLibraryError) { return try mixer.next() } catch { throw .library(error) }
    }

    private func makeWriter(
        _ output: PendingFile, rate: Int, channels: Int, origin: Int64
    ) throws(ExportError) -> any AudioFileWriter {
        let path = output.temporaryPath
        switch format {
        case .wav:
            // Half of what the header can tell: the estimate may be wrong.
            let mayBeLarge = estimate(origin) / 1000 * Int64(rate * channels * 2) > 2 << 30
            return try WaveFile(
                path, shownPath: output.path, rate: rate, channels: channels, mayBeLarge: mayBeLarge)
        case .opus: return try OggOpusFile(path, rate: rate, channels: channels, comments: comments(origin))
        case .mp4:
            do throws(AudioLibraryError) {
                return try MP4File(path: path, rate: rate, channels: channels, comments: comments(origin))
            } catch {
                throw .library(error)
            }
        case .mka: throw .unsuitable("mka is copied, not encoded")
        }
    }

    private func note(_ sessions: [SessionAudio], names: [String], _ report: inout ExportReport) {
        for session in sessions {
            if !session.hasEnded { report.isPartial = true }
            if let problem = session.problem { report.findings.append("\(problem)") }
            if session.undecodedBlocks > 0 {
                report.findings.append(
                    "\(session.undecodedBlocks) packets of \(names.joined(separator: ", ")) could not be decoded: silence"
                )
            }
        }
    }

    private func copy(
        to path: String, replaces: Bool, _ shouldGoOn: () -> Bool, _ progress: (ExportProgress) -> Void,
        _ report: inout ExportReport
    ) throws(ExportError) {
        let output = try PendingFile(path, replaces: replaces)
        let origin = try startOfCall()
        let total = estimate(origin)
        let copy = try MatroskaCopy(
            recording, path: output.temporaryPath, open: open, comments: comments(origin))
        while try copy.step() {
            progress(
                ExportProgress(doneMilliseconds: copy.position, totalMilliseconds: max(total, copy.position)))
            guard shouldGoOn() else { throw .cancelled }
        }
        try copy.finish()
        try output.commit()
        report.startedAtMilliseconds = origin
        report.isPartial = !copy.isWhole
        report.findings = copy.problems.map { "\($0)" }
        report.files = [
            ExportedFile(
                path: path, legs: recording.legs.map(\.name), milliseconds: copy.milliseconds, bytes: Self.size(path),
                sampleRate: nil)
        ]
    }

    /// The call in tags.
    private func comments(_ origin: Int64) -> [(name: String, value: String)] {
        let all: [(String, String?)] = [
            ("TITLE", "Call \(recording.transactionID)"),
            ("DATE_RECORDED", UTCTime(milliseconds: origin).isoMilliseconds),
            ("TransactionId", recording.transactionID), ("CallId", recording.callID),
            ("VoiceConnectorId", recording.connectorID), ("FromNumber", recording.fromNumber),
            ("ToNumber", recording.toNumber), ("Direction", recording.direction), ("Status", recording.status),
        ]
        return all.compactMap { name, value in value.map { (name, $0) } }
    }

    /// The highest of the rates, as one that every encoder takes.
    private static func rate(_ rates: [Int]) -> Int {
        let highest = rates.max() ?? 8000
        return [8000, 16_000, 24_000, 48_000].first { $0 >= highest } ?? 48_000
    }

    private static func size(_ path: String) -> Int64 {
        var status = stat()
        return stat(path, &status) == 0 ? Int64(status.st_size) : 0
    }
}
