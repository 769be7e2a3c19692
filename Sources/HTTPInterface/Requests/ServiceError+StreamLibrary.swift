import NIOCore
import NIOHTTP1
import StreamSink

extension ServiceError {
    /// What the stream library refused, as the control plane of Kinesis Video Streams says it; `nil` for what no
    /// caller could mend and only the log may name (paths, damage).
    init?(_ error: StreamLibraryError) {
        switch error {
        case .noSuchStream, .noSuchFragment:
            self = .notFound(Self.sentence(error))
        case .streamExists:
            self = Self(status: 400, type: "ResourceInUseException", message: Self.sentence(error))
        case .versionMismatch:
            self = Self(status: 400, type: "VersionMismatchException", message: Self.sentence(error))
        case .invalidArgument:
            self = .invalidArgument(Self.sentence(error))
        case .streamBusy:
            self = .connectionLimit(Self.sentence(error))
        case .tagLimit:
            self = Self(status: 400, type: "TagsPerResourceExceededLimitException", message: Self.sentence(error))
        case .noRetention:
            self = Self(status: 400, type: "NoDataRetentionException", message: Self.sentence(error))
        case .readOnly, .closed:
            self = Self(status: 503, type: "ServiceUnavailableException", message: Self.sentence(error))
        case .damaged, .disk:
            return nil
        }
    }

    /// Any error of a handler; `nil` for one that no caller could mend.
    static func from(_ error: any Error) -> Self? {
        switch error {
        case let error as ServiceError: error
        case let error as StreamLibraryError: Self(error)
        // While the body was read: the client's doing, and mended by the client alone.
        case is BodyTimeout: .timeout
        case is HTTPParserError, is ChannelError, is IOError: .malformed
        case is CancellationError: .stopping
        default: nil
        }
    }

    /// A description as a sentence: capital letter, full stop.
    private static func sentence(_ error: StreamLibraryError) -> String {
        let text = error.description
        return text.prefix(1).uppercased() + text.dropFirst() + (text.hasSuffix(".") ? "" : ".")
    }
}
