import MediaCore
import MediaEngine

/// What a call's legs have received, added up: the source of the lines of the media metric log.
struct MediaTotals: Sendable, Equatable {
    /// RTP, and UDPTL of legs that carry fax.
    var packets: UInt64 = 0
    /// Header and payload.
    var octets: UInt64 = 0
    var controlPackets: UInt64 = 0
    var lost: UInt64 = 0
    /// Of the leg that has most of it.
    var jitterMicroseconds: UInt64 = 0
    /// The longest; nil where no leg's peer tells.
    var roundTripMicroseconds: UInt64?
    /// Of the leg that fares worst; nil before audio came.
    var meanOpinionScore: Double?

    mutating func add(_ report: LegReport) {
        let statistics = report.statistics
        packets &+= statistics.packets
        octets &+= statistics.octets
        controlPackets &+= statistics.rtcpPackets
        lost &+= statistics.lost
        jitterMicroseconds = max(jitterMicroseconds, statistics.jitterMicroseconds)
        if let fax = report.fax {
            packets &+= fax.packets
            octets &+= fax.octets
            lost &+= fax.lost
        }
        if let time = report.roundTripMicroseconds { roundTripMicroseconds = max(roundTripMicroseconds ?? 0, time) }
        if let score = report.meanOpinionScore { meanOpinionScore = min(meanOpinionScore ?? score, score) }
    }

    /// With the counters since `former`; loss stays that of the whole call, as do the figures that are no counters.
    func since(_ former: MediaTotals) -> MediaTotals {
        var result = self
        // A leg's counters never go down, but a sum of saturated ones must not trap either.
        result.packets = packets &- min(packets, former.packets)
        result.octets = octets &- min(octets, former.octets)
        result.controlPackets = controlPackets &- min(controlPackets, former.controlPackets)
        return result
    }
}
