/// What a leg has received, lost and thrown away: plain counters, owned by the leg's media worker and copied out as a
/// whole when somebody asks. Nothing is ever discarded without one of them growing.
///
/// Lengths are in samples of the leg's line, 8,000 or 16,000 a second.
public struct ReceptionStatistics: Sendable, Equatable {
    /// All zero.
    public init() {}

    /// RTP packets that parsed and came from the leg's source, duplicates included.
    public var packets: UInt64 = 0
    /// Octets of those packets, header and payload.
    public var octets: UInt64 = 0
    /// Packets expected by sequence number and never received, RFC 3550 §6.4.1. Computed when read.
    public var lost: UInt64 = 0
    /// Packets that came again.
    public var duplicates: UInt64 = 0
    /// Came after their place had been filled.
    public var late: UInt64 = 0
    /// The part of ``late`` that came so late that it is in ``lost`` as well, or may have come before.
    public var tooOld: UInt64 = 0
    /// Runs of packets lost one after the other, for the burst ratio. Computed when read.
    public var lossRuns: UInt64 = 0
    /// Came after a packet with a higher sequence number and were still used.
    public var reordered: UInt64 = 0
    /// RTP payloads that are not audio we decode; kept verbatim where the leg hands out payloads.
    public var undecodable: UInt64 = 0
    /// Comfort noise packets (RFC 3389).
    public var comfortNoise: UInt64 = 0
    /// Telephone event packets (RFC 4733).
    public var telephoneEvents: UInt64 = 0
    /// Not RTP at all, or audio of an impossible size.
    public var malformed: UInt64 = 0
    /// From an address that may not teach this leg where its media comes from.
    public var foreign: UInt64 = 0
    /// Dropped because the leg already follows as many synchronisation sources as it may.
    public var refusedSources: UInt64 = 0
    /// Interarrival jitter of RFC 3550 §6.4.1, microseconds.
    public var jitterMicroseconds: UInt64 = 0
    /// Audio that was lost on the way, samples of the line: concealed, recovered, or silence.
    public var lostSamples: UInt64 = 0
    /// The part of it that packet-loss concealment made up, samples.
    public var concealedSamples: UInt64 = 0
    /// The part of it that the forward error correction in a later packet brought back (Opus, RFC 7587 §3.3), samples.
    public var recoveredSamples: UInt64 = 0
    /// Audio under telephone events that was silenced because digits are redacted, samples.
    public var redactedSamples: UInt64 = 0
    /// Silence that the sender meant (DTX, comfort noise, hold) or that was filled while nothing came, samples.
    public var silenceSamples: UInt64 = 0
    /// The longest stretch of lost or silent time, samples.
    public var longestGapSamples: UInt64 = 0
    /// Audio cut off where two packets claim the same time, samples.
    public var overlappedSamples: UInt64 = 0
    /// How often the time line was anchored again: new source, timestamp jump, return after hold.
    public var anchors: UInt64 = 0
    /// Samples put in (positive) or taken out (negative) to follow the wall clock, or to align the legs of a call.
    public var driftCorrection: Int64 = 0
    /// The sender's clock against ours, parts per million; positive when the sender runs fast. Computed when read.
    public var skewPartsPerMillion: Double = 0
    /// Payloads dropped because nobody had drained the ones before them.
    public var payloadOverflows: UInt64 = 0
    /// Sender reports and other RTCP packets read.
    public var rtcpPackets: UInt64 = 0
    /// Datagrams the kernel dropped because the socket's buffer was full.
    public var kernelDrops: UInt64 = 0

    /// Packets that were never heard, each counted once: those that never came, and those that came too late.
    public var missing: UInt64 { lost &+ late &- min(late, tooOld) }

    /// Packets that the sender sent, as far as its numbers say: what came, each counted once, and ``lost``.
    public var expected: UInt64 {
        let again = duplicates &+ tooOld
        return packets &- min(packets, again) &+ lost
    }

    /// The part of ``expected`` that was never heard, 0 to 1; 0 when nothing was expected.
    public var missingFraction: Double { expected > 0 ? min(1, Double(missing) / Double(expected)) : 0 }

    /// BurstR of the packets that never came, see ``QualityModel/burstRatio(lost:runs:expected:)``.
    public var burstRatio: Double { QualityModel.burstRatio(lost: lost, runs: lossRuns, expected: expected) }
}
