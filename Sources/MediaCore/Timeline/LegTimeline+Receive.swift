extension LegTimeline {
    /// What a packet was, for the worker that received it.
    public enum Reception: Equatable, Sendable {
        case accepted
        /// The first packet of a telephone event.
        case eventBegan(TelephoneEvent)
        /// Its end, once: how long it was, and the sample of the line at which it began.
        case eventEnded(TelephoneEvent, milliseconds: Int, position: Int64)
        /// Counted in the statistics and not used.
        case discarded
    }

    /// Takes one RTP packet. `header` was read from `datagram`; `arrival` is when it came, nanoseconds.
    public mutating func receive(_ header: RTPHeader, _ datagram: borrowing RawSpan, arrival: Int64) -> Reception {
        var isNew = false
        if !hasSource || source.ssrc != header.ssrc {
            switch select(header, arrival: arrival) {
            case .known: break
            case .new: isNew = true
            case .refused:
                statistics.refusedSources += 1
                return .discarded
            }
        }
        statistics.packets += 1
        statistics.octets += UInt64(datagram.byteCount)
        source.lastArrival = arrival
        var sequence = source.newestSequence
        if !isNew {
            switch source.receive(header.sequenceNumber) {
            case .restarted:
                restart(header, arrival: arrival)
                sequence = source.newestSequence
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
                    statistics.tooOld += 1
                    return .discarded
                }
            }
        }
        if header.payloadType != source.payloadType {
            source.payloadType = header.payloadType
            source.kind = payloads[header.payloadType]
        }
        let kind = source.kind
        switch kind {
        case .muLaw, .aLaw, .g722:
            // G.722 makes two samples of 16 kHz an octet, the others one of 8 kHz.
            return receiveAudio(
                kind, header, datagram, length: Int64(header.payload.count) * factor, hertz: 8_000, sequence, arrival)
        case .opus:
            let length = OpusDecoder.samples(in: datagram.extracting(header.payload), at: format.sampleRate) ?? 0
            return receiveAudio(kind, header, datagram, length: Int64(length), hertz: 48_000, sequence, arrival)
        case .unknown:
            statistics.undecodable += 1
            guard format.payload, !header.payload.isEmpty else { return .discarded }
            return receiveUnknown(header, datagram, sequence, arrival)
        case .telephoneEvent:
            return receiveEvent(header, datagram, arrival)
        case .comfortNoise:
            return receiveComfortNoise(header, datagram, arrival)
        }
    }

    /// A codec that nobody knows, kept verbatim: its frames are as long as the time between two of them.
    private mutating func receiveUnknown(
        _ header: RTPHeader, _ datagram: borrowing RawSpan, _ sequence: Int64, _ arrival: Int64
    ) -> Reception {
        let hertz = payloads.clockRate(header.payloadType)
        if source.clock.hertz == hertz {
            source.learnFrame(from: source.mediaTime.nearest(header.timestamp), sequence: sequence)
        } else if sequence > source.newestSequence || !source.isAnchored {
            source.change(
                clock: SourceClock(hertz: hertz, line: format.sampleRate), timestamp: header.timestamp)
        }
        let length = max(1, source.clock.samples(ticks: source.unknownFrame))
        return receiveAudio(.unknown, header, datagram, length: length, hertz: hertz, sequence, arrival)
    }

    @inline(__always)
    private mutating func receiveAudio(
        _ kind: PayloadKind, _ header: RTPHeader, _ datagram: borrowing RawSpan, length: Int64, hertz: UInt32,
        _ sequence: Int64, _ arrival: Int64
    ) -> Reception {
        guard length > 0, length <= policy.maximumPacketSamples else {
            statistics.malformed += 1
            return .discarded
        }
        // Newest among the audio packets: an event or comfort noise may already have come from behind it.
        let isNewest = sequence > source.newestSequence || !source.isAnchored
        if source.clock.hertz != hertz, isNewest {
            source.change(clock: SourceClock(hertz: hertz, line: format.sampleRate), timestamp: header.timestamp)
        }
        let arrivalPosition = samples(at: arrival)
        let position = place(
            header.timestamp, length, sequence, hertz: hertz, isNewest: isNewest, arrival, arrivalPosition)
        if isNewest {
            audioKind = kind
            drift.observe(latency: arrivalPosition - position, at: arrival)
        }
        guard position + length > frontier else {
            statistics.late += 1
            return .discarded
        }
        let payload = datagram.extracting(header.payload)
        if held.isEmpty, hasPlaced, followsAtOnce(position, header.ssrc, sequence) {
            var start = position
            if position > frontier {
                let before = source.offset
                fillPause(upTo: position)
                // A correction that was made in the pause has moved the packet.
                start += source.offset - before
            }
            let skip = max(0, frontier - start)
            append(
                PlacedPacket(kind: kind, payloadType: header.payloadType, length: length, skip: skip), payload,
                header.ssrc, sequence)
            let lead = frontier - (arrivalPosition - drift.latency)
            if lead > policy.maximumLead { recoverLead(afterFrameOf: length - skip) }
            return .accepted
        }
        hold(kind, header, payload, position, length, sequence, arrival)
        return .accepted
    }

    @inline(never)
    private mutating func hold(
        _ kind: PayloadKind, _ header: RTPHeader, _ payload: borrowing RawSpan, _ position: Int64, _ length: Int64,
        _ sequence: Int64, _ arrival: Int64
    ) {
        if held.count >= policy.maximumHeld { releaseFirst() }
        if !hasPlaced, held.isEmpty { beginning = arrival + min(policy.jitterBuffer, policy.firstPacketWait) }
        held.insert(
            HeldPacket(
                position: position, length: length, ssrc: header.ssrc, kind: kind, payloadType: header.payloadType,
                sequence: sequence, deadline: arrival + policy.jitterBuffer),
            payload)
        release(at: arrival)
    }

    /// True when nothing can still come between the frontier and a packet at `position`.
    ///
    /// Mutating, though it changes nothing: the compiler copies the whole line for a call that merely borrows it.
    @inline(__always)
    mutating func followsAtOnce(_ position: Int64, _ ssrc: UInt32, _ sequence: Int64) -> Bool {
        position <= frontier || isPause(before: sequence, of: ssrc)
    }

    /// True when every number between the newest audio on the line and `sequence` was received.
    @inline(never)
    private mutating func isPause(before sequence: Int64, of ssrc: UInt32) -> Bool {
        guard hasPlaced, lastPlacedSource == ssrc else { return false }
        if source.ssrc == ssrc { return source.window.isComplete(after: lastPlacedSequence, before: sequence) }
        for other in otherSources.indices where otherSources[other].ssrc == ssrc {
            return otherSources[other].window.isComplete(after: lastPlacedSequence, before: sequence)
        }
        return false
    }
}
