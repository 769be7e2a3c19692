extension LegControl {
    /// More blocks than this are left out, so that a compound with the longest name fits in 1,400 octets.
    public static let maximumBlocks = 40

    /// Composes the next compound into `out`, whose content is replaced and whose room is kept (§6.1):
    ///
    /// - SR where media was sent since the last two reports, else RR (§6.4); blocks beyond 31 go on in a second RR;
    /// - SDES with CNAME, always;
    /// - XR with our reference time where no SR went out, and with the echo of the peer's (RFC 3611 §4.4, §4.5).
    ///
    /// - Parameters:
    ///   - now: nanoseconds of the arrival clock.
    ///   - ntp: the wall clock of the same instant, 32.32 seconds since 1900.
    ///   - blocks: one for each source heard.
    ///   - sent: nil on a leg that only receives.
    public mutating func report(
        now: Int64, ntp: UInt64, blocks: [RTCPReportBlock], sent media: SentMedia?, into out: inout [UInt8]
    ) {
        out.removeAll(keepingCapacity: true)
        let total = min(blocks.count, Self.maximumBlocks)
        let first = 0..<min(total, 31)
        let isSender = isSending(media)
        if isSender, let media {
            let sender = RTCPSenderReport(
                ssrc: ssrc, ntp: ntp, timestamp: media.timestamp, packets: media.packets, octets: media.octets)
            RTCPCompound.appendSenderReport(sender, blocks, first, to: &out)
        } else {
            RTCPCompound.appendReceiverReport(from: ssrc, blocks, first, to: &out)
        }
        if total > 31 { RTCPCompound.appendReceiverReport(from: ssrc, blocks, 31..<total, to: &out) }
        RTCPCompound.appendDescription(of: ssrc, canonicalName: canonicalName, to: &out)
        let asks = policy.asksForRoundTrip && !isSender
        appendExtended(now: now, ntp: ntp, asks: asks, to: &out)
        if isSender || asks { sent.note(NetworkTime.middle(ntp), at: now) }
        noteSent(out.count, at: now)
    }

    /// The last words: an empty RR, SDES and BYE (§6.1, §6.6), with a reason where one is given. With fewer than 50
    /// members it is sent at once (§6.3.7). Replaces the content of `out`.
    public mutating func goodbye(reason: [UInt8] = [], into out: inout [UInt8]) {
        out.removeAll(keepingCapacity: true)
        RTCPCompound.appendReceiverReport(from: ssrc, [], 0..<0, to: &out)
        RTCPCompound.appendDescription(of: ssrc, canonicalName: canonicalName, to: &out)
        RTCPCompound.appendGoodbye(of: ssrc, reason: reason, to: &out)
        noteSent(out.count, at: lastReport)
        nextDeadline = nil
    }

    /// §6.4: a sender is who has sent media since the report before the last one.
    private mutating func isSending(_ media: SentMedia?) -> Bool {
        guard let media else { return false }
        if media.ssrc != ssrc {
            // Another source: its packets are counted anew, and the peer's blocks about it will name it.
            ssrc = media.ssrc
            packetsAtReports = (0, 0)
        }
        let isSending = media.packets != packetsAtReports.before
        packetsAtReports = (media.packets, packetsAtReports.last)
        return isSending
    }

    private func appendExtended(now: Int64, ntp: UInt64, asks: Bool, to out: inout [UInt8]) {
        var echoes = 0
        for index in 0..<4 where references.reference(at: index, now: now) != nil { echoes += 1 }
        guard asks || echoes > 0 else { return }
        let octets = (asks ? 12 : 0) + (echoes > 0 ? 4 + echoes * 12 : 0)
        RTCPCompound.appendExtendedHeader(of: ssrc, octets: octets, to: &out)
        if asks {
            RTCPCompound.appendBlockHeader(RTCPCompound.ExtendedBlock.receiverReferenceTime, words: 2, to: &out)
            RTCPCompound.append(ntp, to: &out)
        }
        guard echoes > 0 else { return }
        RTCPCompound.appendBlockHeader(RTCPCompound.ExtendedBlock.referenceEcho, words: echoes * 3, to: &out)
        for index in 0..<4 {
            guard let reference = references.reference(at: index, now: now) else { continue }
            RTCPCompound.append(reference.ssrc, to: &out)
            RTCPCompound.append(reference.middle, to: &out)
            RTCPCompound.append(NetworkTime.delay(ofNanoseconds: now &- reference.arrival), to: &out)
        }
    }

    private mutating func noteSent(_ octets: Int, at now: Int64) {
        weigh(octets)
        isInitial = false
        lastReport = now
        counters.reportsSent += 1
    }
}
