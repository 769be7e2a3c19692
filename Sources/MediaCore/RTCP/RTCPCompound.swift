/// What a recorder's time line wants to know from a compound RTCP datagram, RFC 3550 §6.
public enum RTCPFinding: Sendable, Equatable {
    /// The sender's wall clock (NTP, 32.32 seconds since 1900) and media time of the same instant, §6.4.1.
    case senderReport(ssrc: UInt32, ntp: UInt64, timestamp: UInt32)
    /// The source says that it leaves, §6.6. It may still have audio under way: nothing ends because of it.
    case goodbye(ssrc: UInt32)
    /// Well-formed, of no interest here.
    case other(packetType: UInt8)
}

/// Reads compound RTCP datagrams and writes their parts. RFC 3550 §6.1.
///
/// ``visit(_:_:)`` reads everything; ``next(in:at:)`` only what a time line needs. What a leg sends and learns is kept
/// by ``LegControl``.
public enum RTCPCompound {
    /// The packet at `offset` and where the next one starts; nil at the end and at the first malformed packet.
    /// Allocates nothing; every length is checked against the datagram.
    public static func next(in datagram: RawSpan, at offset: Int) -> (finding: RTCPFinding, end: Int)? {
        guard let packet = RTCPPacketHeader(in: datagram, at: offset) else { return nil }
        let start = packet.body.lowerBound
        switch packet.packetType {
        case RTCPPacketType.senderReport where packet.body.count >= 24:
            let report = RTCPFinding.senderReport(
                ssrc: datagram.bigEndian32(at: start), ntp: datagram.bigEndian64(at: start + 4),
                timestamp: datagram.bigEndian32(at: start + 12))
            return (report, packet.end)
        case RTCPPacketType.goodbye where packet.count > 0 && packet.body.count >= 4:
            return (.goodbye(ssrc: datagram.bigEndian32(at: start)), packet.end)
        default:
            return (.other(packetType: packet.packetType), packet.end)
        }
    }

    /// A receiver report with a source description (§6.1: every compound carries a CNAME), appended to `out`.
    /// `reports` beyond 31 are left out, as the count field has five bits; the CNAME is cut at 255 octets.
    public static func appendReceiverReport(
        from ssrc: UInt32, reports: [RTCPReportBlock], canonicalName: [UInt8], to out: inout [UInt8]
    ) {
        appendReceiverReport(from: ssrc, reports, 0..<reports.count, to: &out)
        appendDescription(of: ssrc, canonicalName: canonicalName, to: &out)
    }
}
