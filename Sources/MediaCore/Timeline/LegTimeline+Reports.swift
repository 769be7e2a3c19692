extension LegTimeline {
    /// The statistics with everything that is computed when read.
    public func snapshot(at now: Int64) -> ReceptionStatistics {
        var result = statistics
        if hasSource { add(source, to: &result) }
        for index in otherSources.indices { add(otherSources[index], to: &result) }
        result.skewPartsPerMillion = drift.skew(at: now)
        return result
    }

    private func add(_ source: MediaSource, to result: inout ReceptionStatistics) {
        result.lost += UInt64(source.lost)
        result.lossRuns += UInt64(source.lossRuns)
        result.jitterMicroseconds = max(result.jitterMicroseconds, UInt64(source.jitter) / 1_000)
    }

    /// The losses of a source that is about to be forgotten.
    mutating func keepLosses(of source: MediaSource) {
        statistics.lost += UInt64(source.lost)
        statistics.lossRuns += UInt64(source.lossRuns)
    }

    /// Takes the RTCP of the leg: remembers sender reports for the next receiver report and for ``senderOffset``.
    public mutating func receiveRTCP(_ datagram: borrowing RawSpan, arrival: Int64) {
        var offset = 0
        while let (finding, end) = RTCPCompound.next(in: datagram, at: offset) {
            offset = end
            statistics.rtcpPackets += 1
            guard case .senderReport(let ssrc, let ntp, let timestamp) = finding else { continue }
            let rate = format.sampleRate
            if hasSource, source.ssrc == ssrc {
                source.receive(report: ntp, timestamp: timestamp, arrival: arrival, line: rate)
            }
            for index in otherSources.indices where otherSources[index].ssrc == ssrc {
                otherSources[index].receive(report: ntp, timestamp: timestamp, arrival: arrival, line: rate)
            }
        }
    }

    /// The report blocks of all sources heard since the last call.
    public mutating func reportBlocks(at now: Int64) -> [RTCPReportBlock] {
        var blocks: [RTCPReportBlock] = []
        reportBlocks(at: now, into: &blocks)
        return blocks
    }

    /// The same in place of what `blocks` held, so that it can be used again.
    public mutating func reportBlocks(at now: Int64, into blocks: inout [RTCPReportBlock]) {
        blocks.removeAll(keepingCapacity: true)
        if hasSource { blocks.append(source.reportBlock(now: now)) }
        for index in otherSources.indices { blocks.append(otherSources[index].reportBlock(now: now)) }
    }

    /// When the newest packet came; nil when none ever did.
    public var lastArrival: Int64? {
        guard hasSource else { return nil }
        var newest = source.lastArrival
        for index in otherSources.indices { newest = max(newest, otherSources[index].lastArrival) }
        return newest
    }
}
