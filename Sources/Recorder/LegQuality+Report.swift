import MediaCore
import MediaEngine
import StreamSink

extension LegQuality {
    /// The figures of a leg's record.
    ///
    /// - Parameters:
    ///   - sampleRate: Of the leg's time line.
    ///   - clockRate: Of the RTP clock of what is sent to the peer, which counts jitter in its ticks.
    ///   - keepsPayloads: Packets that cannot be decoded are kept, and are no reason for an empty stream.
    init(
        _ report: LegReport, port: UInt16, sampleRate: Int, clockRate: UInt32 = 8000, keepsPayloads: Bool,
        foreignPayloads: UInt64 = 0
    ) {
        self.init()
        let statistics = report.statistics
        func milliseconds(_ samples: UInt64) -> Int64 {
            Int64(clamping: samples / UInt64(max(1, sampleRate / 1000)))
        }
        // RTP, and UDPTL where the leg carried fax.
        let fax = report.fax ?? FaxCounters()
        packets = Int64(clamping: statistics.packets &+ fax.packets)
        bytes = Int64(clamping: statistics.octets &+ fax.octets)
        lost = Int64(clamping: statistics.lost &+ fax.lost)
        duplicates = Int64(clamping: statistics.duplicates &+ fax.duplicates)
        late = Int64(clamping: statistics.late &+ fax.late)
        reordered = Int64(clamping: statistics.reordered &+ fax.reordered)
        jitterMicroseconds = Int64(clamping: statistics.jitterMicroseconds)
        roundTripMicroseconds = report.roundTripMicroseconds.map { Int64(clamping: $0) }
        mos = report.meanOpinionScore
        // Made up by concealment, or brought back by the sender's error correction: heard, and not what was sent.
        concealedMilliseconds = milliseconds(statistics.concealedSamples &+ statistics.recoveredSamples)
        let heard = statistics.concealedSamples &+ statistics.recoveredSamples
        let silent = statistics.lostSamples > heard ? statistics.lostSamples - heard : 0
        filledMilliseconds = milliseconds(statistics.silenceSamples &+ silent)
        largestGapMilliseconds = milliseconds(statistics.longestGapSamples)
        skewPartsPerMillion = statistics.skewPartsPerMillion
        unauthenticated = Int64(clamping: report.unauthenticated)
        kernelDrops = Int64(clamping: statistics.kernelDrops)
        tapDrops = Int64(clamping: report.taps.reduce(0) { $0 &+ $1.dropped })
        for reason in DiscardReason.allCases {
            let count = statistics.discarded(reason)
            let isKept = keepsPayloads && reason == .undecodable
            if count > 0, !isKept { discardedByReason[reason.rawValue] = Int64(clamping: count) }
        }
        if report.isDeaf, report.unheardAgain > 0 {
            discardedByReason["usedNumber"] = Int64(clamping: report.unheardAgain)
        }
        if report.unauthenticated > 0 { discardedByReason["unauthenticated"] = unauthenticated }
        if report.truncated > 0 { discardedByReason["tooLong"] = Int64(clamping: report.truncated) }
        if fax.oversized > 0 { discardedByReason["faxOversized"] = Int64(clamping: fax.oversized) }
        if foreignPayloads > 0 { discardedByReason["otherCodec"] = Int64(clamping: foreignPayloads) }
        isPastKeyLifetime = report.isPastKeyLifetime
        if report.remote.reports > 0 {
            peerLossFraction = report.remote.fractionLost
            peerJitterMicroseconds = Int64(clamping: report.remote.jitterMicroseconds(clockRate: clockRate))
        }
        peerMos = report.remote.voipMetrics.flatMap { $0.conversationalMOS ?? $0.listeningMOS }
        let isHeard = statistics.packets > statistics.undecodable || (statistics.packets > 0 && keepsPayloads)
        if !isHeard, fax.packets == 0 { emptyReason = Self.emptyReason(report, port: port) }
        // The figures are of what was heard, and say nothing of the rest.
        if isHeard, report.isDeaf { emptyReason = Self.deafReason(report, port: port) }
    }

    /// Why nothing is heard any more of a leg that was heard before.
    static func deafReason(_ report: LegReport, port: UInt16) -> String {
        let count = "the last \(report.unheard) packets on port \(port) failed SRTP authentication"
        return report.unheardAgain > report.unheard / 2
            ? count + ": their numbers were used before under the same key, so the sender has begun its counters anew "
                + "and must offer a new key for that"
            : count + ": the sender does not encrypt any more, or uses another key or roll-over counter than its last "
                + "session description says"
    }

    private static func emptyReason(_ report: LegReport, port: UInt16) -> String {
        let statistics = report.statistics
        if statistics.packets > 0 {
            return "no packet had a payload type that can be decoded (PCMU, PCMA, G722 and Opus can)"
        }
        if report.unauthenticated > 0 {
            return "\(report.unauthenticated) packets failed SRTP authentication on port \(port): the sender does not "
                + "encrypt, or uses another key than its session description says"
        }
        if statistics.foreign > 0 {
            return "\(statistics.foreign) packets came to port \(port) from addresses that neither the offer nor the "
                + "signalling names"
        }
        if report.truncated > 0 {
            return "\(report.truncated) datagrams came to port \(port) that are longer than any RTP packet"
        }
        return statistics.malformed > 0
            ? "what came to port \(port) was not RTP" : "no packet came to port \(port)"
    }
}
