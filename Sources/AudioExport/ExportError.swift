import StreamSink

/// Why a call could not be exported.
public enum ExportError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Nothing is kept of such a call.
    case noSuchCall(String, data: String)
    /// The beginning of a transaction that several calls share.
    case severalCalls(String, matches: [String])
    /// The call has no audio (yet).
    case noAudio(String)
    /// More parts than an export takes.
    case tooManySessions(Int)
    /// A session cannot be read.
    case stream(StreamReaderError)
    /// A session holds a codec that cannot be decoded.
    case codec(path: String, String)
    /// The output is there already.
    case exists(String)
    /// A file call failed.
    case file(FileError)
    /// An encoder or a muxer failed.
    case library(AudioLibraryError)
    /// A WAV file grew beyond what its header can tell.
    case tooLargeForWave(String)
    /// A wish that makes no sense, and why.
    case unsuitable(String)
    /// Told to stop.
    case cancelled

    /// One sentence, with what can be done.
    public var description: String {
        switch self {
        case .noSuchCall(let id, let data):
            "there is no audio of the call “\(id.prefix(100))” in \(data); “earshot search” lists the calls"
        case .severalCalls(let id, let matches):
            "“\(id.prefix(100))” begins \(matches.count) calls; write more of it: "
                + matches.prefix(3).joined(separator: ", ")
        case .noAudio(let id): "the call \(id) has no audio yet; try again in a moment"
        case .tooManySessions(let count):
            "the call has \(count) recordings, more than an export takes (\(CallRecording.maximumSessions))"
        case .stream(let error): error.description
        case .codec(let path, let codec):
            "\(path) holds \(codec), which cannot be decoded here; --format mka keeps it as it is"
        case .exists(let path): "\(path) is there already; choose another --output, or --force to replace it"
        case .file(let error): error.description
        case .library(let error): error.description
        case .tooLargeForWave(let path):
            "\(path) grew beyond 4 GB while the call went on; use --format mka or opus, or export when the call is over"
        case .unsuitable(let text): text
        case .cancelled: "stopped; nothing was left behind"
        }
    }
}
