import ArgumentParser
import Foundation
import RecordingClient
import StreamSink

/// `earshot tail`: follows a stream while it grows.
struct TailCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail",
        abstract: "Follow a stream live: one line a fragment, until the session ends.",
        discussion: """
            A line shows the fragment's number, the time of its first sample, its length, how long after its last sample it \
            could be read (lag; not for what was there before), and its level. A stream's newest session is read; one that \
            has ended is read at once.
            """)

    @Argument(
        help: ArgumentHelp(
            "A stream's name or a part of it that only one has, the path of a .mkv file, or TRANSACTION:STREAM-INDEX.",
            valueName: "stream"))
    var stream: String
    @Option(help: ArgumentHelp("The service's data folder.", valueName: "folder"))
    var data = "./data"
    @OptionGroup
    var storage: StorageKeyOptions
    @Option(help: ArgumentHelp("Also write the audio here, as WAV.", valueName: "file"))
    var wav: String?
    @Option(help: ArgumentHelp("Give up when a stream without an end does not grow for so long.", valueName: "seconds"))
    var patience = 5.0
    @Flag(help: "One JSON object a line.")
    var json = false

    mutating func run() async throws {
        try storage.open(data, for: "tail")
        let (stream, data, wav, json, patience) = (stream, data, wav, json, patience)
        try await CommandInterruption.watching {
            do {
                let path = try await StreamLookup(dataFolder: data).sessionFile(of: stream, patience: .seconds(2))
                let follower = try StreamFollower(path: path, wavPath: wav, isJSON: json, patience: patience)
                try await follower.follow()
            } catch let error as StreamReaderError {
                throw Failure("earshot tail: \(error)")
            } catch let error as WaveWriterError {
                throw Failure("earshot tail: \(error)")
            } catch let error as StreamLookupError {
                throw Failure("earshot tail: \(error)")
            }
        }
    }
}
