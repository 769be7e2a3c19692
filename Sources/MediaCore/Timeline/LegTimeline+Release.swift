extension LegTimeline {
    /// Moves held packets to the output: those whose gap is closed, was a pause, or has waited long enough.
    mutating func release(at now: Int64) {
        while let first = held.first {
            guard followsAtOnce(first.position, first.ssrc, first.sequence) || now >= first.deadline else { return }
            releaseFirst()
        }
    }

    /// Places the first held packet, and gives up the gap before it.
    mutating func releaseFirst() {
        guard let first = held.first else { return }
        if first.position > frontier {
            let isFirstOfLeg = lastPlaced == nil
            if isFirstOfLeg || followsAtOnce(first.position, first.ssrc, first.sequence) {
                fillPause(upTo: first.position)
            } else {
                fillGap(upTo: first)
            }
        }
        // Filling may have corrected the drift and moved the packet.
        let position = held.first?.position ?? first.position
        let skip = max(0, frontier - position)
        statistics.overlappedSamples += UInt64(min(skip, first.length))
        held.popFirst(into: &output, skipping: Int(skip))
        placed(first.ssrc, first.sequence, length: first.length - skip)
    }

    /// Decodes a packet that is in order.
    mutating func append(
        _ kind: PayloadKind, _ payload: borrowing RawSpan, length: Int64, skip: Int64, _ ssrc: UInt32, _ sequence: Int64
    ) {
        statistics.overlappedSamples += UInt64(min(skip, length))
        output.append(kind, payload, skipping: Int(skip))
        placed(ssrc, sequence, length: length - skip)
    }

    private mutating func placed(_ ssrc: UInt32, _ sequence: Int64, length: Int64) {
        if let last = lastPlaced, last.ssrc == ssrc {
            lastPlaced = (ssrc, max(last.sequence, sequence))
        } else {
            lastPlaced = (ssrc, sequence)
        }
        guard length > 0 else { return }
        frontier += length
        audioEnd = frontier
        if drift.correction != 0 { correctDrift(afterFrameOf: length) }
    }

    /// A pause that the sender meant. A drift correction is made here at once, because nobody can hear it.
    mutating func fillPause(upTo position: Int64) {
        var length = position - frontier
        var shift: Int64 = 0
        if drift.correction > 0 {
            shift = drift.correction
        } else if drift.correction < 0 {
            shift = -min(-drift.correction, length)
        }
        if shift != 0 {
            length += shift
            self.shift(by: shift)
            drift.consume(shift)
            statistics.driftCorrection += shift
        }
        fill(length, lost: false)
    }

    /// A gap with missing packets in it. What the sender left out on purpose cannot be told from what was lost, so the
    /// whole gap counts as lost only as far as the missing numbers explain it.
    private mutating func fillGap(upTo first: HeldPacket) {
        let gap = first.position - frontier
        var missing = gap
        if let last = lastPlaced, last.ssrc == first.ssrc, first.sequence > last.sequence {
            missing = min(gap, (first.sequence - last.sequence - 1) * first.length)
        }
        fill(missing, lost: true)
        fill(gap - missing, lost: false)
    }

    /// One sample a frame, which is not heard; as much as is due where the frame is quiet.
    private mutating func correctDrift(afterFrameOf length: Int64) {
        let quiet = output.isQuiet(last: Int(length))
        let step: Int64
        if drift.correction > 0 {
            step = quiet ? min(drift.correction, length) : 1
            output.repeatLast(Int(step))
        } else {
            step = -(quiet ? min(-drift.correction, length - 1) : min(1, length - 1))
            output.removeLast(Int(-step))
        }
        frontier += step
        shift(by: step)
        drift.consume(step)
        statistics.driftCorrection += step
    }

    /// A network that stood still brings its packets late and all at once; they are kept, and the line is ahead of the
    /// clock by what was filled in meanwhile. Frames that nobody hears are left out until it is not.
    mutating func recoverLead(now arrivalPosition: Int64, afterFrameOf length: Int64) {
        let lead = frontier - (arrivalPosition - drift.latency)
        guard lead > policy.maximumLead, length > 0, output.isQuiet(last: Int(length)) else { return }
        output.removeLast(Int(length))
        frontier -= length
        shift(by: -length)
        statistics.driftCorrection -= length
    }
}
