/// What the peer says about the media that it gets from us. Nothing in it is verified: it is the peer's word.
public struct RemoteQuality: Sendable, Equatable {
    /// Report blocks about us so far.
    public var reports: UInt64 = 0
    /// Loss since its report before, 0 to 1.
    public var fractionLost: Double = 0
    /// Packets lost since we began; negative where duplicates came.
    public var cumulativeLost: Int32 = 0
    /// The highest sequence number that it saw, extended by its count of turns.
    public var highestSequence: UInt32 = 0
    /// Interarrival jitter in ticks of the RTP clock of what we send.
    public var jitter: UInt32 = 0
    /// When the newest block came, nanoseconds of the arrival clock; nil when none did.
    public var lastReport: Int64?
    /// The newest VoIP metrics. Those about a stream of ours are preferred; where none came, those about another
    /// stream are kept, since a recording client speaks of the call that it records.
    public var voipMetrics: VoIPMetrics?

    /// Nothing heard yet.
    public init() {}

    /// The jitter in microseconds; `clockRate` in Hz. Values above a minute are no jitter and give 0.
    public func jitterMicroseconds(clockRate: UInt32) -> UInt64 {
        guard clockRate > 0 else { return 0 }
        let result = UInt64(jitter) * 1_000_000 / UInt64(clockRate)
        return result > 60_000_000 ? 0 : result
    }
}

/// What became of the RTCP of a leg: plain counters.
public struct ControlCounters: Sendable, Equatable {
    /// Datagrams received.
    public var datagrams: UInt64 = 0
    /// Packets within them.
    public var packets: UInt64 = 0
    /// Datagrams that broke off or held a packet that contradicts itself; what came before the fault was used.
    public var malformed: UInt64 = 0
    /// Round trips that cannot be: for a report we never sent, negative, or longer than a minute.
    public var refusedRoundTrips: UInt64 = 0
    /// Sources that said BYE. It ends nothing: media may still be under way, and SIP ends calls.
    public var goodbyes: UInt64 = 0
    /// Compounds composed.
    public var reportsSent: UInt64 = 0

    /// All zero.
    public init() {}
}
