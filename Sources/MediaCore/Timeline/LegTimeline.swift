/// The time line of one leg: RTP packets go in as they arrive, a contiguous run of 8 kHz samples comes out, in which
/// sample *n* lies *n* / 8,000 s after the call's epoch.
///
/// The line is never made by putting packets one after the other. Each packet's place follows from its media time,
/// anchored by arrival; missing packets are silence and counted as lost, a pause that the sender meant (DTX, comfort
/// noise, events, hold) is timed silence and no loss, a jump in media time is anchored anew, and the difference between
/// the sender's clock and ours is corrected sample by sample (``DriftEstimator``), so that both legs of a call stay
/// aligned for hours.
///
/// A packet in order is decoded at once, so the line lags behind the network by nothing; only a gap waits, for
/// ``TimelinePolicy/jitterBuffer``. Audio is preferred to alignment: what has been received is cut only where another
/// packet already fills its place.
///
/// Owned by one media worker. Time is an argument: arrival in nanoseconds of the monotonic clock.
public struct LegTimeline: ~Copyable {
    /// Sample 0, nanoseconds of the arrival clock. Both legs of a call share it.
    public let epoch: Int64
    /// Samples produced so far: everything before this place is decided.
    public internal(set) var frontier: Int64 = 0
    /// Counters so far; see ``snapshot(at:)`` for those that are computed.
    public internal(set) var statistics = ReceptionStatistics()
    /// Which payload type carries what; may be replaced at any time.
    public var payloads: PayloadMap

    let policy: TimelinePolicy
    var sources: [MediaSource] = []
    var held = HeldPackets()
    var output = PCMOutput(capacity: 1_280)
    var drift = DriftEstimator()
    /// The newest audio packet on the line, to tell a pause from a loss.
    var lastPlaced: (ssrc: UInt32, sequence: Int64)?
    /// Where the last audio ends; from here to the frontier there is silence.
    var audioEnd: Int64 = 0
    var event = EventTracker()

    /// An empty line that begins at `epoch`, nanoseconds of the arrival clock.
    public init(epoch: Int64, payloads: PayloadMap, policy: TimelinePolicy = TimelinePolicy()) {
        self.epoch = epoch
        self.payloads = payloads
        self.policy = policy
        sources.reserveCapacity(policy.maximumSources)
    }

    /// Samples that have been produced and not been drained.
    public var pendingSamples: Int { output.count }

    /// Hands out the samples produced since the last call, and forgets them. The span is valid inside `body` only.
    public mutating func drain(_ body: (Span<Int16>) -> Void) {
        guard output.count > 0 else { return }
        body(output.samples)
        output.removeAll()
    }

    /// Called every 20 ms or so: gives up gaps that waited long enough and fills silence while nothing comes.
    public mutating func advance(to now: Int64) {
        release(at: now)
        guard held.isEmpty else { return }
        let target = samples(at: now - policy.silenceLag) - drift.latency
        // At most a second a call: a worker that was stopped catches up over a few ticks and never in one long run.
        let length = min(target - frontier, 8_000)
        if length > 0 { fill(length, lost: false) }
    }

    /// The call is over: everything held is placed, and silence reaches to `end` (or to where audio already lies).
    /// Returns false while more than a minute is still to be filled: drain and call again.
    public mutating func finish(at end: Int64) -> Bool {
        release(at: .max)
        let length = samples(at: end) - frontier
        guard length > 0 else { return true }
        fill(min(length, 480_000), lost: false)
        return length <= 480_000
    }

    /// Fills silence up to `position`, so that both legs of a call end at the same sample.
    public mutating func fillSilence(upTo position: Int64) {
        if position > frontier { fill(position - frontier, lost: false) }
    }

    /// `time` on the leg's line, in samples.
    public func samples(at time: Int64) -> Int64 { (time - epoch) * 8 / 1_000_000 }

    mutating func fill(_ length: Int64, lost: Bool) {
        guard length > 0 else { return }
        output.appendSilence(Int(length))
        frontier += length
        if lost {
            statistics.lostSamples += UInt64(length)
        } else {
            statistics.silenceSamples += UInt64(length)
        }
        statistics.longestGapSamples = max(statistics.longestGapSamples, UInt64(length))
    }

    /// Moves every mapping, as if all senders had started `samples` later.
    mutating func shift(by samples: Int64) {
        for index in sources.indices {
            if let offset = sources[index].offset { sources[index].offset = offset + samples }
        }
        held.shift(by: samples)
        audioEnd += samples
    }
}
