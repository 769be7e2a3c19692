import AudioExport
import CallArchive
import Delivery
import Foundation
import StreamSink

/// Recordings for a bucket as `earshot export` makes them: Matroska or Opus a leg, or one stereo WAV file a call.
///
/// Not the session's own file: that has no index for players, is touched once more after the call, and is of no use to
/// anybody else where the store is encrypted.
struct ExportedRecordings: RecordingFormatter {
    let finder: RecordingFinder
    let format: ExportFormat
    let folder: String

    /// Removes what a crash in the middle of an upload has left.
    init(finder: RecordingFinder, format: ExportFormat) {
        self.finder = finder
        self.format = format
        folder = "\(finder.dataDirectory)/delivery/exports"
        try? FileManager.default.removeItem(atPath: folder)
    }

    private var isStereo: Bool { format == .wav }
    var joinsLegs: Bool { isStereo }

    func format(_ recording: FinishedRecording) async throws -> FormattedRecording {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let path = "\(folder)/\(UUID().uuidString).\(format.fileExtension)"
        // Long work, which must not hold a thread that tasks share.
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            DispatchQueue.global(qos: .utility).async {
                done.resume(with: Result { try write(recording, to: path) })
            }
        }
        // Of a stereo file all legs give the same object.
        let key = recording.key(fileExtension: format.fileExtension)
        let stereo = key.split(separator: "/").dropLast().joined(separator: "/") + "/call." + format.fileExtension
        return FormattedRecording(
            path: path, key: isStereo ? stereo : key, contentType: contentType, isTemporary: true)
    }

    private var contentType: String {
        switch format {
        case .mka: "audio/x-matroska"
        case .opus: "audio/ogg"
        case .wav: "audio/wav"
        case .mp4: "audio/mp4"
        }
    }

    private func write(_ recording: FinishedRecording, to path: String) throws {
        var call = try find(recording.event.transactionID)
        if !isStereo {
            for index in call.legs.indices {
                call.legs[index].sessions.removeAll {
                    $0.streamName != recording.streamName || $0.number != recording.session
                }
            }
            call.legs.removeAll(where: \.sessions.isEmpty)
        }
        _ = try CallExport(call, format: format, isStereo: isStereo).run(path: { _ in path })
    }

    private func find(_ transaction: String) throws(DeliveryFailure) -> CallRecording {
        do throws(RecordingFinderError) {
            return try finder.recording(transactionID: transaction)
        } catch {
            switch error {
            case .noSuchCall:
                throw DeliveryFailure(.refused, "there is no recording of call \(transaction) any more")
            case .severalCalls, .tooManySessions, .index: throw DeliveryFailure(.message, "\(error)")
            }
        }
    }
}
