extension LegTimeline {
    /// Moves held packets to the output: those whose gap is closed, was a pause, or has waited long enough.
    mutating func release(at now: Int64) {
        if !hasPlaced {
            guard !held.isEmpty, now >= beginning else { return }
            releaseFirst()
        }
        while let first = held.first {
            guard followsAtOnce(first.position, first.ssrc, first.sequence) || now >= first.deadline else { return }
            releaseFirst()
        }
    }

    /// Places the first held packet, and gives up the gap before it.
    mutating func releaseFirst() {
        guard let first = held.first else { return }
        if first.position > frontier {
            let isFirstOfLeg = !hasPlaced
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
        let packet = PlacedPacket(
            kind: first.kind, payloadType: first.payloadType, length: first.length, skip: min(skip, first.length))
        Self.lay(packet, from: held, into: &output, at: frontier, &statistics)
        held.removeFirst()
        placed(first.ssrc, first.sequence, length: first.length - skip)
    }

    // The payload is a view of what is held, so the two stay apart from the rest of the line.

    private static func lay(
        _ packet: PlacedPacket, from held: borrowing HeldPackets, into output: inout LegOutput, at frontier: Int64,
        _ statistics: inout ReceptionStatistics
    ) { output.append(packet, held.firstPayload, at: frontier, &statistics) }

    private static func recover(
        _ length: Int64, from held: borrowing HeldPackets, into output: inout LegOutput, at frontier: Int64,
        _ statistics: inout ReceptionStatistics
    ) { output.recover(length, from: held.firstPayload, at: frontier, &statistics) }

    /// Decodes a packet that is in order.
    @inline(__always)
    mutating func append(
        _ packet: PlacedPacket, _ payload: borrowing RawSpan, _ ssrc: UInt32, _ sequence: Int64
    ) {
        if packet.skip > 0 { statistics.overlappedSamples += UInt64(min(packet.skip, packet.length)) }
        output.append(packet, payload, at: frontier, &statistics)
        placed(ssrc, sequence, length: packet.length - packet.skip)
    }

    @inline(__always)
    private mutating func placed(_ ssrc: UInt32, _ sequence: Int64, length: Int64) {
        lastPlacedSequence = hasPlaced && lastPlacedSource == ssrc ? max(lastPlacedSequence, sequence) : sequence
        lastPlacedSource = ssrc
        hasPlaced = true
        guard length > 0 else { return }
        frontier += length
        audioEnd = frontier
        if drift.correction != 0 { correctDrift(afterFrameOf: length) }
    }

    /// A pause that the sender meant. A drift correction is made here at once, because nobody can hear it.
    @inline(never)
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
        if lastPlacedSource == first.ssrc, first.sequence > lastPlacedSequence {
            missing = min(gap, (first.sequence - lastPlacedSequence - 1) * first.length)
        }
        fillLoss(missing, before: first, isWholeGap: missing == gap)
        fill(gap - missing, lost: false)
    }

    /// Lost time: made up for ``TimelinePolicy/maximumConcealment`` at most, then silence, and at its end what an Opus
    /// packet repeats of the one before it.
    private mutating func fillLoss(_ missing: Int64, before first: HeldPacket, isWholeGap: Bool) {
        // Silence has already been filled in, or nothing is heard at all: nothing to go on from.
        guard format.audio, audioEnd == frontier, missing > 0 else { return fill(missing, lost: true) }
        // Opus can make up for whole steps of 2.5 ms only.
        let isOpus = output.lastKind == .opus && first.kind == .opus && missing % (20 * factor) == 0
        var repeated: Int64 = 0
        if isOpus, isWholeGap, OpusDecoder.hasForwardErrorCorrection(held.firstPayload) {
            repeated = min(missing, first.length)
        }
        let concealed = min(missing - repeated, policy.maximumConcealment)
        output.conceal(concealed, asOpus: isOpus, at: frontier, &statistics)
        frontier += concealed
        let silent = missing - repeated - concealed
        output.appendSilence(silent)
        frontier += silent
        Self.recover(repeated, from: held, into: &output, at: frontier, &statistics)
        frontier += repeated
        statistics.lostSamples += UInt64(missing)
        noteGap()
    }
}
