extension LegTimeline {
    enum Selection { case known, new, refused }

    /// A source that there was no room for when it sent its newest packet.
    struct Newcomer {
        let ssrc: UInt32
        var next: UInt16
    }

    /// New sources watched at a time; one more makes the oldest of them begin anew.
    private static let maximumNewcomers = 8

    /// Makes the packet's source the current one. A new one needs a place.
    @inline(never)
    mutating func select(_ header: RTPHeader, arrival: Int64) -> Selection {
        for index in otherSources.indices where otherSources[index].ssrc == header.ssrc {
            exchange(index)
            return .known
        }
        guard hasSource else {
            source = MediaSource(header: header, arrival: arrival, line: format.sampleRate)
            hasSource = true
            return .new
        }
        if otherSources.count + 1 < policy.maximumSources {
            otherSources.append(source)
        } else {
            guard admit(header, arrival: arrival) else { return .refused }
            keepLosses(of: source)
        }
        source = MediaSource(header: header, arrival: arrival, line: format.sampleRate)
        return .new
    }

    /// Makes the source that has to go the current one; false when none has to for this newcomer.
    ///
    /// The one that is silent longest makes room. Somebody who sends a new SSRC with each packet gets no place, and who
    /// sends two packets of each takes it from his own others: the source with the most packets among those heard within
    /// a second is the one that talks, and stays.
    private mutating func admit(_ header: RTPHeader, arrival: Int64) -> Bool {
        var oldest = -1
        var oldestArrival = source.lastArrival
        for index in otherSources.indices where otherSources[index].lastArrival < oldestArrival {
            oldest = index
            oldestArrival = otherSources[index].lastArrival
        }
        if arrival - oldestArrival <= Self.silence {
            guard isProven(header) else { return false }
            let talker = talker(at: arrival)
            oldest = -2
            oldestArrival = .max
            for index in -1..<otherSources.count where index != talker {
                let last = index < 0 ? source.lastArrival : otherSources[index].lastArrival
                guard last < oldestArrival else { continue }
                oldest = index
                oldestArrival = last
            }
            // A line of one source: only who has the key may take its place while it talks.
            if oldest == -2 {
                guard policy.trustsSources else { return false }
                oldest = talker
            }
        }
        newcomers.removeAll { $0.ssrc == header.ssrc }
        if oldest >= 0 { exchange(oldest) }
        return true
    }

    /// After this a source has stopped. Nanoseconds.
    private static var silence: Int64 { 1_000_000_000 }

    /// The source with the most packets among those heard within a second: its index, −1 for the current one.
    private func talker(at arrival: Int64) -> Int {
        var talker = -1
        var most = arrival - source.lastArrival <= Self.silence ? source.received : -1
        for index in otherSources.indices
        where otherSources[index].received > most && arrival - otherSources[index].lastArrival <= Self.silence {
            talker = index
            most = otherSources[index].received
        }
        return talker
    }

    /// True for the second of two packets in a row, or at once where senders are trusted.
    private mutating func isProven(_ header: RTPHeader) -> Bool {
        if policy.trustsSources { return true }
        let next = header.sequenceNumber &+ 1
        for index in newcomers.indices where newcomers[index].ssrc == header.ssrc {
            let follows = newcomers[index].next == header.sequenceNumber
            newcomers[index].next = next
            return follows
        }
        if newcomers.count >= Self.maximumNewcomers { newcomers.removeFirst() }
        newcomers.append(Newcomer(ssrc: header.ssrc, next: next))
        return false
    }

    private mutating func exchange(_ index: Int) {
        let former = source
        source = otherSources[index]
        otherSources[index] = former
    }

    /// The same SSRC with unrelated numbers: a sender that restarted. A source of its own from here on.
    mutating func restart(_ header: RTPHeader, arrival: Int64) {
        keepLosses(of: source)
        source = MediaSource(header: header, arrival: arrival, line: format.sampleRate)
        // Its first packet follows the last one of the old numbers without a gap.
        if lastPlacedSource == header.ssrc { lastPlacedSequence = source.newestSequence - 1 }
    }
}
