extension LegTimeline {
    /// What a packet was, for the worker that received it.
    public enum Reception: Equatable, Sendable {
        case accepted
        /// The first packet of a telephone event, or its end with the duration in milliseconds.
        case eventBegan(TelephoneEvent)
        case eventEnded(TelephoneEvent, milliseconds: Int)
        /// Counted in the statistics and not used.
        case discarded
    }

    /// Takes one RTP packet. `header` was read from `datagram`; `arrival` is when it came, nanoseconds.
    public mutating func receive(_ header: RTPHeader, _ datagram: borrowing RawSpan, arrival: Int64) -> Reception {
        guard let (index, isNew) = source(of: header, arrival: arrival) else {
            statistics.refusedSources += 1
            return .discarded
        }
        statistics.packets += 1
        statistics.octets += UInt64(datagram.byteCount)
        sources[index].lastArrival = arrival
        var sequence = sources[index].newestSequence
        if !isNew {
            switch sources[index].receive(header.sequenceNumber) {
            case .restarted:
                // The same SSRC with unrelated numbers: a sender that restarted. A source of its own from here on.
                retire(index)
                sources[index] = MediaSource(header: header, arrival: arrival)
                sequence = sources[index].newestSequence
            case .packet(let number, let verdict):
                sequence = number
                switch verdict {
                case .newest: break
                case .reordered: statistics.reordered += 1
                case .duplicate:
                    statistics.duplicates += 1
                    return .discarded
                case .tooOld:
                    statistics.late += 1
                    return .discarded
                }
            }
        }
        let kind = payloads[header.payloadType]
        switch kind {
        case .muLaw, .aLaw:
            return receiveAudio(kind, header, datagram, source: index, sequence, arrival)
        case .telephoneEvent:
            statistics.telephoneEvents += 1
            guard let event = TelephoneEvent(parsing: datagram.extracting(header.payload)) else { return .discarded }
            return self.event.receive(event, ssrc: header.ssrc, timestamp: header.timestamp)
        case .comfortNoise:
            statistics.comfortNoise += 1
            return .accepted
        case .unknown:
            statistics.undecodable += 1
            return .discarded
        }
    }

    /// The entry of the packet's SSRC, made when it is new. Nil when every entry is in use.
    private mutating func source(of header: RTPHeader, arrival: Int64) -> (index: Int, isNew: Bool)? {
        for index in sources.indices where sources[index].ssrc == header.ssrc { return (index, false) }
        let source = MediaSource(header: header, arrival: arrival)
        if sources.count < policy.maximumSources {
            sources.append(source)
            return (sources.count - 1, true)
        }
        var oldest = 0
        for index in sources.indices where sources[index].lastArrival < sources[oldest].lastArrival { oldest = index }
        // Somebody who sends a new SSRC with each packet must not push out the real one.
        guard arrival - sources[oldest].lastArrival > 1_000_000_000 else { return nil }
        retire(oldest)
        sources[oldest] = source
        return (oldest, true)
    }

    /// Keeps the loss of a source that is about to be forgotten.
    private mutating func retire(_ index: Int) { statistics.lost += UInt64(sources[index].lost) }

    private mutating func receiveAudio(
        _ kind: PayloadKind, _ header: RTPHeader, _ datagram: borrowing RawSpan, source index: Int, _ sequence: Int64,
        _ arrival: Int64
    ) -> Reception {
        let length = Int64(header.payload.count)
        guard length > 0, length <= Int64(policy.maximumPacketSamples) else {
            statistics.malformed += 1
            return .discarded
        }
        // Newest among the audio packets: an event or comfort noise may already have come from behind it.
        let isNewest = sources[index].offset == nil || sequence > sources[index].newestSequence
        let arrivalPosition = samples(at: arrival)
        let time = sources[index].mediaTime.nearest(header.timestamp)
        sources[index].updateJitter(arrivalTicks: arrivalPosition, timestamp: time)
        let position = place(time, length, source: index, sequence, isNewest: isNewest, arrivalPosition)
        if isNewest {
            sources[index].mediaTime = time
            sources[index].newestLength = length
            sources[index].newestSequence = sequence
            drift.observe(latency: arrivalPosition - position, at: arrival)
        }
        guard position + length > frontier else {
            statistics.late += 1
            return .discarded
        }
        let payload = datagram.extracting(header.payload)
        if held.isEmpty, lastPlaced != nil, followsAtOnce(position, header.ssrc, sequence) {
            if position > frontier { fillPause(upTo: position) }
            let skip = max(0, frontier - (sources[index].offset ?? 0) - time.ticks)
            append(kind, payload, length: length, skip: skip, header.ssrc, sequence)
            recoverLead(now: arrivalPosition, afterFrameOf: length - skip)
            return .accepted
        }
        if held.count >= policy.maximumHeld { releaseFirst() }
        held.insert(
            payload, kind: kind, position: position, ssrc: header.ssrc, sequence: sequence,
            deadline: arrival + policy.jitterBuffer)
        release(at: arrival)
        return .accepted
    }

    /// True when nothing can still come between the frontier and a packet at `position`.
    func followsAtOnce(_ position: Int64, _ ssrc: UInt32, _ sequence: Int64) -> Bool {
        if position <= frontier { return true }
        guard let last = lastPlaced, last.ssrc == ssrc else { return false }
        for source in sources.indices where sources[source].ssrc == ssrc {
            return sources[source].window.isComplete(after: last.sequence, before: sequence)
        }
        return false
    }
}
