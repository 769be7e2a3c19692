/// One stream to send: a socket pair that is connected to its receiver, audio, and the numbers of its first packet.
public struct PacedStream: Sendable {
    /// The sockets.
    public var sockets: RTPSocketPair
    /// The audio; it repeats when it is shorter than what is sent. A whole number of packets.
    public var audio: EncodedSpeech
    /// RFC 3550 §5.1: chosen at random.
    public var ssrc: UInt32
    /// The sequence number of the first packet.
    public var firstSequence: UInt16
    /// The timestamp of the first packet, ticks of 1/8000 s.
    public var firstTimestamp: UInt32
    /// The CNAME of the reports (RFC 3550 §6.5.1): the same for all streams of a call.
    public var canonicalName: String
    /// Protects what is sent; nil sends plain RTP. Belongs to this stream alone.
    var protection: StreamProtection?

    /// Makes a stream with numbers from `generator`.
    public init(
        sockets: RTPSocketPair, audio: EncodedSpeech, canonicalName: String,
        generator: inout some RandomNumberGenerator
    ) {
        self.sockets = sockets
        self.audio = audio
        self.canonicalName = canonicalName
        ssrc = .random(in: .min ... .max, using: &generator)
        firstSequence = .random(in: .min ... .max, using: &generator)
        firstTimestamp = .random(in: .min ... .max, using: &generator)
    }
}

/// What was sent of the streams of one call.
public struct PacedResult: Sendable, Equatable {
    /// RTP packets handed to the kernel.
    public var packetsSent = 0
    /// Packets that the kernel did not take.
    public var packetsFailed = 0
    /// Sends after which the far end's machine said that nobody listens on the port (ICMP).
    public var refusals = 0
    /// Packets that the receiver's last reports count as lost; nil when no report came.
    public var reportedLost: Int?
    /// Whether everything was sent that was asked for.
    public var isComplete = false
}

/// How exactly packets were sent, over all calls.
public struct PacingStatistics: Sendable, Equatable {
    /// Milliseconds between a packet's deadline and the return of its send call; nil when nothing was sent.
    public var lateP50: Double?
    /// As ``lateP50``, for the slowest hundredth.
    public var lateP99: Double?
    /// CPU time of the sender's thread so far, seconds.
    public var processorSeconds = 0.0
}
