public import StreamSink

/// What a clip is to be.
public enum ClipFormat: String, Sendable, CaseIterable {
    /// MP4 with AAC.
    case mp4
    /// RIFF WAVE, 16 bits.
    case wav

    /// Its media type.
    public var mediaType: String {
        switch self {
        case .mp4: "video/mp4"
        case .wav: "audio/wav"
        }
    }
}

/// Fragments to be made one audio file.
public struct ClipRequest: Sendable {
    /// One leg, or two for one stereo file (left, right), each in the order of its fragments; aligned by
    /// ``StreamSink/StoredFragment/producerMilliseconds``.
    public var legs: [[StoredFragment]]
    /// Where their bytes are: read one by one, a clip need not be in memory twice.
    public var library: StreamLibrary
    /// The file's format.
    public var format: ClipFormat

    /// Makes a request.
    public init(legs: [[StoredFragment]], library: StreamLibrary, format: ClipFormat) {
        self.legs = legs
        self.library = library
        self.format = format
    }
}

/// Makes the files of GetClip. Thread-safe.
public protocol ClipMaking: Sendable {
    /// The finished file. Throws ``MediaMakingError`` for audio that cannot be made into one.
    func clip(_ request: ClipRequest) async throws -> [UInt8]
}

/// One segment of an HLS session.
public struct HLSSegmentRequest: Sendable {
    /// The fragment that the segment holds.
    public var fragment: FragmentBytes
    /// The one before it in the session, for the encoder's run-in; `nil` at its start and after a gap.
    public var previous: FragmentBytes?
    /// The segment's number in the session, from 1.
    public var sequence: UInt64
    /// Its first sample, milliseconds from the session's first fragment.
    public var offsetMilliseconds: Int64

    /// Makes a request.
    public init(fragment: FragmentBytes, previous: FragmentBytes?, sequence: UInt64, offsetMilliseconds: Int64) {
        self.fragment = fragment
        self.previous = previous
        self.sequence = sequence
        self.offsetMilliseconds = offsetMilliseconds
    }
}

/// Makes fragmented MP4 for HLS. Thread-safe.
public protocol HLSMaking: Sendable {
    /// `ftyp` and `moov` for the fragment's track.
    func initialization(for fragment: FragmentBytes) async throws -> [UInt8]
    /// `moof` and `mdat` of one fragment.
    func segment(_ request: HLSSegmentRequest) async throws -> [UInt8]
}

/// Why media cannot be made.
public enum MediaMakingError: Error, Sendable, Equatable {
    /// The stream's codec cannot be decoded; which one.
    case unsupportedMedia(String)
    /// A fragment holds no valid audio; what and where.
    case invalidMedia(String)
}

/// Who makes files out of fragments; what is `nil` is answered with "not available".
public struct MediaMakers: Sendable {
    /// For GetClip.
    public var clips: (any ClipMaking)?
    /// For HLS.
    public var hls: (any HLSMaking)?
    /// The other leg of a fragment's call and whether it is the right channel (the callee's); for stereo clips.
    public var otherLeg: (@Sendable (StoredFragment) async -> OtherLeg?)?

    /// The stream and the session of a call's other leg.
    public struct OtherLeg: Sendable {
        /// Its stream.
        public var stream: StreamReference
        /// Its session's transaction; fragments of other calls in the stream are left out.
        public var transactionID: String
        /// Whether it belongs on the right.
        public var isRight: Bool

        /// Makes one.
        public init(stream: StreamReference, transactionID: String, isRight: Bool) {
            self.stream = stream
            self.transactionID = transactionID
            self.isRight = isRight
        }
    }

    /// Makes the set.
    public init(
        clips: (any ClipMaking)? = nil, hls: (any HLSMaking)? = nil,
        otherLeg: (@Sendable (StoredFragment) async -> OtherLeg?)? = nil
    ) {
        self.clips = clips
        self.hls = hls
        self.otherLeg = otherLeg
    }
}

extension ServiceError {
    /// What a maker refused, in the service's words.
    init(_ error: MediaMakingError) {
        switch error {
        case .unsupportedMedia(let text):
            self = Self(status: 400, type: "UnsupportedStreamMediaTypeException", message: text)
        case .invalidMedia(let text):
            self = Self(status: 400, type: "InvalidMediaFrameException", message: text)
        }
    }

    static let noMaker = Self(
        status: 400, type: "UnsupportedStreamMediaTypeException",
        message: "This service was started without the part that encodes audio.")
}
