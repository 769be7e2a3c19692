/// What a recorder wants to know from a compound RTCP datagram, RFC 3550 §6.
public enum RTCPFinding: Sendable, Equatable {
    /// The sender's wall clock (NTP, 32.32 seconds since 1900) and media time of the same instant, §6.4.1.
    case senderReport(ssrc: UInt32, ntp: UInt64, timestamp: UInt32)
    /// The source says that it leaves, §6.6. It may still have audio under way: nothing ends because of it.
    case goodbye(ssrc: UInt32)
    /// Well-formed, of no interest here.
    case other(packetType: UInt8)
}

/// Reads compound RTCP datagrams and writes receiver reports. RFC 3550 §6.1.
public enum RTCPCompound {
    /// The packet at `offset` and where the next one starts; nil at the end and at the first malformed packet.
    /// Allocates nothing; every length is checked against the datagram.
    public static func next(in datagram: RawSpan, at offset: Int) -> (finding: RTCPFinding, end: Int)? {
        guard offset >= 0, datagram.byteCount - offset >= 8, datagram.octet(at: offset) >> 6 == 2 else { return nil }
        let end = offset + (Int(datagram.bigEndian16(at: offset + 2)) + 1) * 4
        guard end <= datagram.byteCount, end >= offset + 8 else { return nil }
        let ssrc = datagram.bigEndian32(at: offset + 4)
        let type = datagram.octet(at: offset + 1)
        switch type {
        case 200 where end >= offset + 28:
            let high = UInt64(datagram.bigEndian32(at: offset + 8))
            let low = UInt64(datagram.bigEndian32(at: offset + 12))
            let timestamp = datagram.bigEndian32(at: offset + 16)
            return (.senderReport(ssrc: ssrc, ntp: high << 32 | low, timestamp: timestamp), end)
        case 203:
            return (.goodbye(ssrc: ssrc), end)
        default:
            return (.other(packetType: type), end)
        }
    }

    /// A receiver report with a source description (§6.1: every compound carries a CNAME), appended to `out`.
    /// `reports` beyond 31 are left out, as the count field has five bits; the CNAME is cut at 255 octets.
    public static func appendReceiverReport(
        from ssrc: UInt32, reports: [RTCPReportBlock], canonicalName: [UInt8], to out: inout [UInt8]
    ) {
        let count = min(reports.count, 31)
        out.append(0x80 | UInt8(count))
        out.append(201)
        append(UInt16(1 + count * 6), to: &out)
        append(ssrc, to: &out)
        for report in reports.prefix(count) {
            append(report.ssrc, to: &out)
            let lost = UInt32(bitPattern: report.cumulativeLost) & 0xFF_FFFF
            append(UInt32(report.fractionLost) << 24 | lost, to: &out)
            append(report.highestSequence, to: &out)
            append(report.jitter, to: &out)
            append(report.lastSenderReport, to: &out)
            append(report.delaySinceLastSenderReport, to: &out)
        }
        // §6.5: one chunk, item CNAME, then at least one zero octet up to a word boundary.
        let name = canonicalName.prefix(255)
        let itemOctets = 2 + name.count + 1
        let padded = (itemOctets + 3) / 4 * 4
        out.append(0x81)
        out.append(202)
        append(UInt16((4 + 4 + padded) / 4 - 1), to: &out)
        append(ssrc, to: &out)
        out.append(1)
        out.append(UInt8(name.count))
        out.append(contentsOf: name)
        out.append(contentsOf: repeatElement(0, count: padded - itemOctets + 1))
    }

    private static func append<Number: FixedWidthInteger>(_ number: Number, to out: inout [UInt8]) {
        var shift = Number.bitWidth - 8
        while shift >= 0 {
            out.append(UInt8(truncatingIfNeeded: number >> Number(shift)))
            shift -= 8
        }
    }
}
