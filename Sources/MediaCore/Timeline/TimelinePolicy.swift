/// How a leg's time line waits, fills and anchors. Times in nanoseconds, lengths in samples of 8 kHz; a line of another
/// rate scales them.
public struct TimelinePolicy: Sendable {
    /// How long a packet waits for one that is missing before it. Range 20 ms to 2 s.
    public var jitterBuffer: Int64 = 240_000_000
    /// How long the first packet of a leg waits for one that was sent before it and is still to come. Nobody can know
    /// whether there is one, so this is short.
    public var firstPacketWait: Int64 = 40_000_000
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
    /// Synchronisation sources followed at a time. For one more the one that is silent longest makes room: when it has
    /// been for a second, or when the new one has sent two packets in a row (RFC 3550 §A.1 MIN_SEQUENTIAL). The source
    /// that talks is not pushed out.
    public var maximumSources = 4
    /// Whoever sends has the key (SRTP): a new source is followed from its first packet on.
    public var trustsSources = false
    /// The longest audio packet accepted: 300 ms.
    public var maximumPacketSamples: Int64 = 2_400
    /// How much of a lost stretch is made up by concealment, fading; the rest of it is silence. 60 ms; 0 switches it off.
    public var maximumConcealment: Int64 = 480
    /// Payloads that wait to be drained, at most: packets and octets. One more is dropped and counted.
    public var maximumPendingPayloads = 512
    /// See ``maximumPendingPayloads``. 64 kB.
    public var maximumPendingPayloadOctets = 65_536
    /// Digits are kept out of the audio: under a telephone event there is silence, from ``redactionLead`` before its
    /// start to ``redactionMargin`` behind its end, and no payload of that time comes out. What comes out of such a leg
    /// is ``redactionDelay`` late, and twice as many payloads may wait.
    public var redactsDigits = false
    /// 80 ms: a gateway takes 40 to 60 ms to recognise a tone, which until then goes out as audio. Many of them stamp the
    /// event with that moment and not with the tone's onset (RFC 4733 §2.2.2), and that rounded to a packet of 20 ms.
    public var redactionLead: Int64 = 640
    /// 40 ms: gateways do not cut the end of the tone to the sample.
    public var redactionMargin: Int64 = 320
    /// How far behind the line's end a leg that redacts digits hands out, until it is finished: the tone must still be
    /// there when the first packet of its event comes. 300 ms are ``redactionLead``, a packet of 60 ms, and the loss of
    /// two event packets 50 ms apart, with something to spare.
    public var redactionDelay: Int64 = 2_400

    /// The pause behind a packet of comfort noise (RFC 3389) sounds as its sender says, as it does for the other party.
    /// Without it such a pause is silent.
    public var rendersComfortNoise = true

    /// The defaults.
    public init() {}

    /// The same lengths on a line of `factor` × 8 kHz.
    func scaled(by factor: Int64) -> TimelinePolicy {
        var scaled = self
        scaled.maximumLead *= factor
        scaled.maximumSteadyLead *= factor
        scaled.maximumPacketSamples *= factor
        scaled.maximumConcealment *= factor
        scaled.redactionLead *= factor
        scaled.redactionMargin *= factor
        scaled.redactionDelay *= factor
        return scaled
    }
}
