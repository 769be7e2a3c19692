/// How a leg's time line waits, fills and anchors. Times in nanoseconds, lengths in samples of 8 kHz.
public struct TimelinePolicy: Sendable {
    /// How long a packet waits for one that is missing before it. Range 20 ms to 2 s.
    public var jitterBuffer: Int64 = 240_000_000
    /// How far behind the arrival clock silence is filled in while nothing comes. It is longer than the jitter buffer,
    /// so that a late packet still finds its place empty.
    public var silenceLag: Int64 = 500_000_000
    /// A packet further than this from where its arrival says it should lie has jumped in media time.
    public var maximumLead: Int64 = 4_000
    /// The same where media time and sequence number have moved together, as they do when a network stood still. It
    /// bounds how far a sender that is too fast gets ahead of the clock.
    public var maximumSteadyLead: Int64 = 40_000
    /// Packets held back at most; the oldest gap is given up when one more comes.
    public var maximumHeld = 32
    /// Synchronisation sources followed at a time; the one that is silent longest makes room.
    public var maximumSources = 4
    /// The longest audio packet accepted: 300 ms.
    public var maximumPacketSamples = 2_400

    /// The defaults.
    public init() {}
}
