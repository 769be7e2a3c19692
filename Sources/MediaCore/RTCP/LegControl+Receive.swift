extension LegControl {
    /// Takes a datagram of the leg's peer. The caller has decided that it may speak (latched address or SRTCP).
    ///
    /// - Parameter arrival: nanoseconds of the clock that ``report(now:ntp:blocks:sent:into:)`` gets.
    public mutating func receive(_ compound: RawSpan, arrival: Int64) {
        counters.datagrams += 1
        weigh(compound.byteCount)
        let reading = RTCPCompound.visit(compound) { take($0, arrival: arrival) }
        counters.packets += UInt64(reading.packets)
        if !reading.isWhole { counters.malformed += 1 }
    }

    private mutating func take(_ element: RTCPElement, arrival: Int64) {
        switch element {
        case .reportBlock(_, let block):
            guard block.ssrc == ssrc else { return }
            remote.reports += 1
            remote.fractionLost = Double(block.fractionLost) / 256
            remote.cumulativeLost = block.cumulativeLost
            remote.highestSequence = block.highestSequence
            remote.jitter = block.jitter
            remote.lastReport = arrival
            // §6.4.1: zero where the peer has not seen a sender report yet.
            guard block.lastSenderReport != 0 else { return }
            measure(from: block.lastSenderReport, delay: block.delaySinceLastSenderReport, arrival: arrival)
        case .referenceEcho(_, let subject, let lastReference, let delay):
            guard subject == ssrc, lastReference != 0 else { return }
            measure(from: lastReference, delay: delay, arrival: arrival)
        case .receiverReferenceTime(let reporter, let ntp):
            references.note(reporter, ntp: ntp, arrival: arrival)
        case .voipMetrics(_, let metrics):
            guard metrics.ssrc == ssrc || remote.voipMetrics?.ssrc != ssrc else { return }
            remote.voipMetrics = metrics
        case .goodbye:
            counters.goodbyes += 1
        case .senderReport, .receiverReport, .description, .goodbyeReason, .skippedBlock, .skipped:
            break
        }
    }

    /// §6.4.1: arrival − LSR − DLSR.
    private mutating func measure(from middle: UInt32, delay: UInt32, arrival: Int64) {
        guard let time = sent.time(of: middle) else {
            counters.refusedRoundTrips += 1
            return
        }
        let nanoseconds = arrival &- time &- NetworkTime.nanoseconds(ofDelay: delay)
        // A peer that rounds its delay up makes the round trip of a short path negative; by more than a millisecond it
        // is wrong, and a minute is no path at all.
        guard nanoseconds >= -1_000_000, nanoseconds <= 60_000_000_000 else {
            counters.refusedRoundTrips += 1
            return
        }
        let microseconds = UInt64(max(0, nanoseconds)) / 1_000
        roundTripMicroseconds = microseconds
        shortestRoundTripMicroseconds = min(shortestRoundTripMicroseconds ?? .max, microseconds)
    }
}
