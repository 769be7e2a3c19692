extension LegTimeline {
    /// Moves the line by `samples` (positive: later) from here on, without a jump that is heard: put in or taken out in
    /// pauses and quiet frames at once, otherwise a sample a frame, as a drift correction is. 80 ms of talk without a
    /// quiet frame take 13 seconds at 8 kHz. Bounded to ±500 ms; more says that the two clocks have nothing in common,
    /// and nothing is moved. Returns whether it is.
    @discardableResult
    public mutating func align(by samples: Int64) -> Bool {
        let bound = Int64(format.sampleRate) / 2
        guard samples >= -bound, samples <= bound else { return false }
        if samples != 0 { drift.align(by: samples) }
        return true
    }

    /// Samples that are still to be put in (positive) or taken out, for drift or for ``align(by:)``.
    public var pendingCorrection: Int64 { drift.correction }

    /// Where the wall clock of the sender lies on the line: position minus NTP time, in samples, by the sender reports
    /// of the source heard last; nil before its first report and after a jump of its media time until the next one.
    /// What is still to be put in or taken out counts as done, so it may be asked at any time.
    ///
    /// Two legs of one rate whose senders share a clock are aligned when theirs are equal: `b.align(by: a.senderOffset -
    /// b.senderOffset)`; a fraction of a sample more or less remains. Reports that contradict the ones before by more
    /// than half a second are ignored until two agree; a zero NTP time is none.
    public var senderOffset: Int64? {
        source.senderTime.difference.map { $0 + source.offset + drift.correction }
    }

    /// The same in nanoseconds, for legs whose lines have different rates.
    public var senderOffsetNanoseconds: Int64? {
        senderOffset.map { offset in
            let rate = Int64(format.sampleRate)
            // Of the order of 4 × 10⁹ s: fits.
            let (seconds, rest) = offset.quotientAndRemainder(dividingBy: rate)
            return seconds &* 1_000_000_000 &+ rest * 1_000_000_000 / rate
        }
    }

    /// One sample a frame, which is not heard; as much as is due where the frame is quiet.
    @inline(never)
    mutating func correctDrift(afterFrameOf length: Int64) {
        let quiet = output.isQuiet(last: length)
        let step: Int64
        if drift.correction > 0 {
            step = quiet ? min(drift.correction, length) : 1
        } else {
            step = -(quiet ? min(-drift.correction, length - 1) : min(1, length - 1))
        }
        output.stretch(by: step)
        frontier += step
        shift(by: step)
        drift.consume(step)
        statistics.driftCorrection += step
    }

    /// A network that stood still brings its packets late and all at once; they are kept, and the line is ahead of the
    /// clock by what was filled in meanwhile. Frames that nobody hears are left out until it is not.
    @inline(never)
    mutating func recoverLead(afterFrameOf length: Int64) {
        guard length > 0, output.isQuiet(last: length) else { return }
        output.stretch(by: -length)
        frontier -= length
        shift(by: -length)
        statistics.driftCorrection -= length
    }
}
