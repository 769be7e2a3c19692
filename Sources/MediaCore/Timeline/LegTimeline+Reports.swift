extension LegTimeline {
    /// The statistics with everything that is computed when read.
    public func snapshot(at now: Int64) -> ReceptionStatistics {
        var result = statistics
        for source in sources {
            result.lost += UInt64(source.lost)
            // Ticks of 8 kHz are 125 µs each.
            result.jitterMicroseconds = max(result.jitterMicroseconds, UInt64(max(0, source.scaledJitter >> 4)) * 125)
        }
        result.skewPartsPerMillion = drift.skew(at: now)
        return result
    }

    /// Takes the RTCP of the leg: remembers sender reports for the next receiver report.
    public mutating func receiveRTCP(_ datagram: borrowing RawSpan, arrival: Int64) {
        var offset = 0
        while let (finding, end) = RTCPCompound.next(in: datagram, at: offset) {
            offset = end
            statistics.rtcpPackets += 1
            guard case .senderReport(let ssrc, let ntp, _) = finding else { continue }
            for index in sources.indices where sources[index].ssrc == ssrc {
                // RFC 3550 §6.4.1: the middle 32 of the 64 bits.
                sources[index].lastSenderReport = UInt32(truncatingIfNeeded: ntp >> 16)
                sources[index].lastSenderReportArrival = arrival
            }
        }
    }

    /// The report blocks of all sources heard since the last call.
    public mutating func reportBlocks(at now: Int64) -> [RTCPReportBlock] {
        var blocks: [RTCPReportBlock] = []
        for index in sources.indices { blocks.append(sources[index].reportBlock(now: now)) }
        return blocks
    }

    /// When the newest packet came; nil when none ever did.
    public var lastArrival: Int64? { sources.map(\.lastArrival).max() }
}
