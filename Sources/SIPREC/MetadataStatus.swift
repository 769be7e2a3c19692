/// How good the recording metadata of a session is; the raw values appear in events.
public enum MetadataStatus: String, Sendable, Equatable {
    /// A whole document was read, or partial ones were merged into one without open references.
    case complete
    /// Only part of it is known: the source sent a partial document first, or references are open.
    case partial
    /// None was sent.
    case missing
    /// It was sent and could not be read; ``RecordingMetadata/raw`` holds it.
    case unreadable
}

/// `datamode`, RFC 7865 §6.1.
public enum MetadataMode: String, Sendable, Equatable {
    case complete, partial
    /// Not written, or another word.
    case unspecified
}
