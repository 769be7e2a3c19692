/// Why PutMedia's body is not taken any further: the error ids of the wire.
struct PutMediaFault: Error, Equatable {
    /// The number in `ErrorId`.
    var id: Int
    /// Its name, in `ErrorCode`.
    var code: String

    static let readError = Self(id: 4000, code: "STREAM_READ_ERROR")
    static let fragmentSize = Self(id: 4001, code: "MAX_FRAGMENT_SIZE_REACHED")
    static let fragmentDuration = Self(id: 4002, code: "MAX_FRAGMENT_DURATION_REACHED")
    static let timecodeOrder = Self(id: 4004, code: "FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS")
    static let tooManyTracks = Self(id: 4005, code: "MORE_THAN_ALLOWED_TRACKS_FOUND")
    static let invalidMedia = Self(id: 4006, code: "INVALID_MKV_DATA")
    static let producerTimestamp = Self(id: 4007, code: "INVALID_PRODUCER_TIMESTAMP")
    static let streamNotActive = Self(id: 4008, code: "STREAM_NOT_ACTIVE")
    static let tooManyTags = Self(id: 4009, code: "FRAGMENT_METADATA_LIMIT_REACHED")
    static let trackNumber = Self(id: 4010, code: "TRACK_NUMBER_MISMATCH")
    static let framesMissing = Self(id: 4011, code: "FRAMES_MISSING_FOR_TRACK")
    static let invalidTags = Self(id: 4012, code: "INVALID_FRAGMENT_METADATA")
    static let internalError = Self(id: 5000, code: "INTERNAL_ERROR")
    static let archivalError = Self(id: 5001, code: "ARCHIVAL_ERROR")
}
