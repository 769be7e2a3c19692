import AudioExport
import Delivery
import Foundation
import StreamSink

/// Recordings for a bucket in another form than they are kept: Opus a leg, or one stereo WAV file a call.
struct ExportedRecordings: RecordingFormatter {
    let dataDirectory: String
    let format: ExportFormat

    func format(_ recording: FinishedRecording) async throws -> FormattedRecording {
        let isStereo = format == .wav
        let folder = "\(dataDirectory)/delivery/exports"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let path = "\(folder)/\(UUID().uuidString).\(format.fileExtension)"
        let format = format
        let finder = RecordingFinder(dataDirectory: dataDirectory)
        // Long work, which must not hold a thread that tasks share.
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            DispatchQueue.global(qos: .utility).async {
                done.resume(
                    with: Result {
                        var call = try finder.recording(transactionID: recording.event.transactionID)
                        if !isStereo {
                            call.legs = call.legs.filter { leg in
                                leg.sessions.contains {
                                    $0.streamName == recording.streamName && $0.number == recording.session
                                }
                            }
                        }
                        _ = try CallExport(call, format: format, isStereo: isStereo).run(path: { _ in path })
                    })
            }
        }
        // Of a stereo file both legs give the same object.
        let key = recording.key(fileExtension: format.fileExtension)
        let stereo = key.split(separator: "/").dropLast().joined(separator: "/") + "/call." + format.fileExtension
        return FormattedRecording(
            path: path, key: isStereo ? stereo : key, contentType: isStereo ? "audio/wav" : "audio/ogg",
            isTemporary: true)
    }
}
