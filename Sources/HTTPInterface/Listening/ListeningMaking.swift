public import StreamSink

/// One session of a party's audio: the stream it lies in, and its number there.
public struct ListenedSession: Sendable, Hashable {
    /// The stream's name.
    public var streamName: String
    /// The session's number in the stream, from 0.
    public var number: Int

    /// Makes a session.
    public init(streamName: String, number: Int) {
        self.streamName = streamName
        self.number = number
    }
}

/// One party of a call, as a listener sees it.
public struct ListenedLeg: Sendable, Hashable {
    /// `caller`, `callee`, or `leg-<m-line>`.
    public var name: String
    /// The party's own name, where somebody told one.
    public var speaker: String?
    /// The party's number.
    public var number: String?
    /// The m-line's label.
    public var label: String?
    /// Whether this party called; `nil` where nothing says it.
    public var isCaller: Bool?
    /// Its sessions in the order in which they were opened; more than one where its codec changed.
    public var sessions: [ListenedSession]

    /// Makes a party.
    public init(
        name: String, speaker: String? = nil, number: String? = nil, label: String? = nil, isCaller: Bool? = nil,
        sessions: [ListenedSession]
    ) {
        self.name = name
        self.speaker = speaker
        self.number = number
        self.label = label
        self.isCaller = isCaller
        self.sessions = sessions
    }
}

/// A call that can be listened to.
public struct ListenedCall: Sendable, Hashable {
    /// The call, a UUID.
    public var transactionID: String
    /// The SIP Call-ID.
    public var callID: String?
    /// The connector.
    public var connectorID: String?
    /// `Inbound` or `Outbound`.
    public var direction: String?
    /// Whether the records say that it is over.
    public var isOver: Bool
    /// The parties, the caller first.
    public var legs: [ListenedLeg]

    /// Makes a call.
    public init(
        transactionID: String, callID: String? = nil, connectorID: String? = nil, direction: String? = nil,
        isOver: Bool, legs: [ListenedLeg]
    ) {
        self.transactionID = transactionID
        self.callID = callID
        self.connectorID = connectorID
        self.direction = direction
        self.isOver = isOver
        self.legs = legs
    }
}

/// Finds calls in what is kept. Thread-safe; may wait for a disk.
public protocol ListenedCallFinding: Sendable {
    /// The call of a transaction, whole identifiers only; `nil` when nothing is kept of it.
    func call(transactionID: String) throws -> ListenedCall?
}

/// Makes audio for listeners. Thread-safe.
public protocol ListeningAudioMaking: Sendable {
    /// A writer of WebM with Opus.
    /// - Parameters:
    ///   - sampleRate: 8, 12, 16, 24 or 48 kHz.
    ///   - channels: 1 or 2 (left first).
    ///   - startMilliseconds: the media time of the first sample.
    func writer(sampleRate: Int, channels: Int, startMilliseconds: Int64) throws -> any WebMWriting
    /// A decoder of a track that is no PCM; `nil` where there is none for it.
    func decoder(for track: MatroskaScanner.TrackDescription) -> (any BlockDecoding)?
}

/// WebM as it grows. One listener's; called from one task at a time.
public protocol WebMWriting: Sendable {
    /// EBML header to `Tracks`.
    var initializationSegment: [UInt8] { get }
    /// Adds samples (interleaved) and gives out clusters of all whole packets of 20 ms; empty where there is none.
    func append(_ samples: [Int16]) throws -> [UInt8]
    /// What is left, filled up to a packet with silence.
    func flush() throws -> [UInt8]
}

/// Makes samples of a session's blocks. Belongs to one task.
public protocol BlockDecoding: AnyObject {
    /// Samples a second of the output.
    var sampleRate: Int { get }
    /// The samples of a block and the place of the first one, in samples from the session's start; `nil` where nothing
    /// comes of it.
    /// - Parameter milliseconds: the block's place, from the session's start.
    func samples(of payload: [UInt8], atMilliseconds milliseconds: Int64) -> (position: Int64, samples: [Int16])?
}
