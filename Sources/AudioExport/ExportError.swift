import StreamSink

/// Why a call could not be exported.
public enum ExportError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The call has no audio (yet).
    case noAudio(String)
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
        case .noAudio(let id): "the call \(id) has no audio yet; try again in a moment"
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
