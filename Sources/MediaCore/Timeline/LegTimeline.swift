/// The time line of one leg: RTP packets go in as they arrive, a contiguous run of samples comes out, in which sample
/// *n* lies *n* / 8,000 s (or *n* / 16,000 s, ``TimelineFormat``) after the call's epoch.
///
/// The line is never made by putting packets one after the other. Each packet's place follows from its media time,
/// anchored by arrival; missing packets are concealed for a moment and counted as lost, a pause that the sender meant
/// (DTX, comfort noise, events, hold) is timed silence or noise and no loss, a jump in media time is anchored anew, and the
/// difference between the sender's clock and ours is corrected sample by sample (``DriftEstimator``), so that both legs
/// of a call stay aligned for hours.
///
/// A packet in order is decoded at once, so the line lags behind the network by nothing; only a gap waits, for
/// ``TimelinePolicy/jitterBuffer``. Audio is preferred to alignment: what has been received is cut only where another
/// packet already fills its place, and is never changed.
///
/// Owned by one media worker. Time is an argument: arrival in nanoseconds of the monotonic clock. It allocates while it
/// warms up, never for a packet like those before.
public struct LegTimeline: ~Copyable {
    // In order of use: what every packet in order touches lies together.

    /// Samples produced so far: everything before this place is decided.
    public internal(set) var frontier: Int64 = 0
    /// Where the last audio ends; from here to the frontier there is silence.
    var audioEnd: Int64 = 0
    /// Sample 0, nanoseconds of the arrival clock. Both legs of a call share it.
    public let epoch: Int64
    /// The line's rate in units of 8 kHz.
    let factor: Int64
    /// The newest audio packet on the line, to tell a pause from a loss.
    var lastPlacedSequence: Int64 = 0
    var lastPlacedSource: UInt32 = 0
    var hasPlaced = false
    var hasSource = false
    /// The source of the packet before; the others wait in a list until they speak.
    var source: MediaSource
    var drift: DriftEstimator
    var output: LegOutput
    var held = HeldPackets()
    /// Counters so far; see ``snapshot(at:)`` for those that are computed.
    public internal(set) var statistics = ReceptionStatistics()

    /// Which payload type carries what; may be replaced at any time.
    public var payloads: PayloadMap {
        didSet {
            source.payloadType = .max
            for index in otherSources.indices { otherSources[index].payloadType = .max }
        }
    }
    /// What comes out.
    public let format: TimelineFormat
    /// How the line waits and fills, with all lengths scaled to its rate.
    public internal(set) var policy: TimelinePolicy
    var otherSources: [MediaSource] = []
    /// When the first packet has waited long enough for a predecessor.
    var beginning: Int64 = 0
    var event = EventTracker()
    /// Nothing is kept back any more.
    private var isFinished = false
    /// What the newest audio packet carries, which the quality of the leg is rated by; `unknown` before the first one.
    /// Events and comfort noise do not change it.
    public internal(set) var audioKind = PayloadKind.unknown
    /// New sources that there is no room for; see ``admit(_:arrival:)``.
    var newcomers: [Newcomer] = []

    /// An empty line that begins at `epoch`, nanoseconds of the arrival clock.
    public init(
        epoch: Int64, payloads: PayloadMap, format: TimelineFormat = .narrowband,
        policy: TimelinePolicy = TimelinePolicy()
    ) {
        self.epoch = epoch
        self.payloads = payloads
        self.format = format
        factor = Int64(format.sampleRate) / 8_000
        self.policy = policy.scaled(by: factor)
        drift = DriftEstimator(line: format.sampleRate)
        output = LegOutput(format: format, policy: self.policy)
        let nobody = RTPHeader(
            marker: false, payloadType: 0, sequenceNumber: 0, timestamp: 0, ssrc: 0, payload: 0..<0)
        source = MediaSource(header: nobody, arrival: 0, line: format.sampleRate)
    }

    /// Where the next packet's samples will be written, for whoever can bring it into the cache; nil before the first.
    /// Changes nothing; `mutating`, because the whole line would be copied for a call that only borrows it.
    public mutating func upcomingSamples() -> UnsafeRawPointer? { unsafe output.upcomingSamples() }

    /// Samples that have been produced and not been drained.
    public var pendingSamples: Int { output.pcm.leadingSilence + output.pcm.count }

    /// Payloads that have been placed and not been drained.
    public var pendingPayloads: Int { output.pendingPayloads }

    /// Hands out the samples produced since the last call, and forgets them. The span is valid inside `body` only.
    /// A leg that redacts digits keeps the last ``TimelinePolicy/redactionDelay`` until it is finished.
    public mutating func drain(_ body: (Span<Int16>) -> Void) { output.drain(keeping: keptBack, body) }

    /// Hands out the payloads placed since the last call, in the order of their places, and forgets them: position and
    /// length in samples of the line, payload type, and the octets as they were received. The span is valid inside
    /// `body` only.
    ///
    /// Every payload type that is audio or unknown comes out; telephone events and comfort noise do not. Time that no
    /// payload covers was lost or silent. A payload whose beginning lies under another one's end is placed behind it
    /// with the rest of its length, its octets are whole.
    public mutating func drainPayloads(
        _ body: (_ position: Int64, _ length: Int64, _ payloadType: UInt8, _ payload: RawSpan) -> Void
    ) {
        let kept = keptBack
        output.drainPayloads(upTo: kept > 0 ? frontier - kept : .max, body)
    }

    /// Samples that are not handed out yet.
    private var keptBack: Int64 { policy.redactsDigits && !isFinished ? max(0, policy.redactionDelay) : 0 }

    /// Called every 20 ms or so: gives up gaps that waited long enough and fills silence while nothing comes.
    public mutating func advance(to now: Int64) {
        if !held.isEmpty {
            release(at: now)
            guard held.isEmpty else { return }
        }
        let target = samples(at: now - policy.silenceLag) - drift.latency
        // At most a second a call: a worker that was stopped catches up over a few ticks and never in one long run.
        let length = min(target - frontier, Int64(format.sampleRate))
        if length > 0 { fill(length, lost: false) }
    }

    /// The call is over: everything held is placed, and silence reaches to `end` (or to where audio already lies).
    /// Returns false while more than a minute is still to be filled: drain and call again.
    /// From now on a drain hands out everything.
    public mutating func finish(at end: Int64) -> Bool {
        isFinished = true
        release(at: .max)
        let length = samples(at: end) - frontier
        guard length > 0 else { return true }
        let minute = 60 * Int64(format.sampleRate)
        fill(min(length, minute), lost: false)
        return length <= minute
    }

    /// Fills silence up to `position`, so that both legs of a call end at the same sample.
    public mutating func fillSilence(upTo position: Int64) {
        if position > frontier { fill(position - frontier, lost: false) }
    }

    /// `time` on the leg's line, in samples.
    public func samples(at time: Int64) -> Int64 { (time - epoch) * (8 * factor) / 1_000_000 }

    mutating func fill(_ length: Int64, lost: Bool) {
        guard length > 0 else { return }
        if lost || !output.hasNoise {
            output.appendSilence(length)
        } else {
            output.appendPause(length, at: frontier, after: audioEnd)
        }
        frontier += length
        if lost {
            statistics.lostSamples += UInt64(length)
        } else {
            statistics.silenceSamples += UInt64(length)
        }
        noteGap()
    }

    /// A gap is as long as the time since the last audio, in however many pieces it was filled.
    mutating func noteGap() {
        statistics.longestGapSamples = max(statistics.longestGapSamples, UInt64(max(0, frontier - audioEnd)))
    }

    /// Moves every mapping, as if all senders had started `samples` later.
    mutating func shift(by samples: Int64) {
        source.shift(by: samples)
        for index in otherSources.indices { otherSources[index].shift(by: samples) }
        held.shift(by: samples)
        output.shift(by: samples)
        audioEnd += samples
    }
}
