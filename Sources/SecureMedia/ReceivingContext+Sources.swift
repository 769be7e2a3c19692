// Which sources have an entry. Only an authentic packet makes one or takes one away, so that a stranger, who can invent
// 2^32 SSRCs, moves nothing here.
extension ReceivingContext {
    /// A source that has had a packet among so many authentic ones is speaking: 20 s of one source, or a second of 20
    /// that speak at once.
    static let speaking: Int64 = 1_024

    /// Takes a source in, whose packet was authentic. Where all places are taken, the source that was not heard for
    /// longest makes room; see ``RetiredSources`` for what is remembered of it.
    mutating func admit(_ ssrc: UInt32, _ index: UInt64, received: UInt32 = 0) {
        authenticated &+= 1
        var source = ReceivedSource(ssrc: ssrc, index: index, received: received)
        source.hear(authenticated)
        guard sources.count >= maximumSources else {
            recent = sources.count
            sources.append(source)
            return
        }
        let place = leastHeard()
        retired.add(sources[place].retired)
        evictions &+= 1
        sources[place] = source
        recent = place
    }

    /// The source that was not heard for longest, but never the one that talks: that with the most packets among those
    /// that are ``speaking``, which is the one that a time line records. Of two with as many it is the one heard longer
    /// ago: a peer that sends a new SSRC with every packet takes the places of its own former ones.
    private func leastHeard() -> Int {
        let now = Int64(truncatingIfNeeded: authenticated)
        var talker = -1
        for position in sources.indices where now &- sources[position].heard <= Self.speaking {
            let isMore =
                talker < 0 || sources[position].received > sources[talker].received
                || (sources[position].received == sources[talker].received
                    && sources[position].heard < sources[talker].heard)
            if isMore { talker = position }
        }
        var oldest = talker == 0 ? 1 : 0
        for position in sources.indices
        where position != talker && sources[position].heard < sources[oldest].heard {
            oldest = position
        }
        return oldest
    }

    /// The first packet of a source that had to make room. Its counter goes on where it was, and what is not above the
    /// highest number is refused, because nobody knows any more which of those have been used.
    mutating func openRetired(
        _ position: Int, _ packet: UnsafeMutableRawPointer, count: Int, _ header: PacketHeader
    ) throws(SRTPError) -> Int {
        let former = retired[position]
        let index: UInt64
        if former.isCarried {
            index = try authenticateCarried(packet, count: count, header, near: former.highest)
        } else {
            index = PacketIndex.guess(header.sequence, near: former.highest)
            guard index < PacketIndex.end else { throw .keyExhausted }
            guard index > former.highest else { throw .tooOld }
            try authenticate(packet, count: count, header, index)
        }
        retired.remove(at: position)
        admit(header.ssrc, index, received: former.received)
        return count - appendedLength
    }

    /// As ``admit(_:_:)`` for SRTCP.
    mutating func admitControl(_ ssrc: UInt32, _ index: UInt64) {
        authenticatedControl &+= 1
        let source = ReceivedControlSource(
            ssrc: ssrc, window: ReplayWindow(first: index), heard: authenticatedControl)
        guard controlSources.count >= maximumSources else { return controlSources.append(source) }
        var oldest = 0
        for position in controlSources.indices where controlSources[position].heard < controlSources[oldest].heard {
            oldest = position
        }
        let former = controlSources[oldest]
        retiredControl.add(RetiredSources.Source(ssrc: former.ssrc, highest: former.window.highest))
        evictions &+= 1
        controlSources[oldest] = source
    }

    /// Whether the first report of a source that has no entry may be believed, before its tag is looked at. Where
    /// sources have been forgotten, only one whose media is heard: reports of others may be old ones.
    func checkNewControl(_ ssrc: UInt32, _ index: UInt64) throws(SRTPError) {
        if let position = retiredControl.position(of: ssrc) {
            guard index > retiredControl[position].highest else { throw .tooOld }
        } else if retiredControl.hasForgotten, !sources.contains(where: { $0.ssrc == ssrc }) {
            throw .tooManySources(limit: maximumSources)
        }
    }
}
