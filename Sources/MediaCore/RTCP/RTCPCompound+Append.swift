/// The parts of the compounds that we send. All append to a buffer of the caller's, which grows to its final size once.
extension RTCPCompound {
    /// A sender report with the blocks of `range` of `reports`, at most 31 (§6.4.1).
    static func appendSenderReport(
        _ sender: RTCPSenderReport, _ reports: [RTCPReportBlock], _ range: Range<Int>, to out: inout [UInt8]
    ) {
        let count = min(range.count, 31)
        appendHeader(RTCPPacketType.senderReport, count: count, words: 6 + count * 6, to: &out)
        append(sender.ssrc, to: &out)
        append(sender.ntp, to: &out)
        append(sender.timestamp, to: &out)
        append(sender.packets, to: &out)
        append(sender.octets, to: &out)
        for index in range.prefix(count) { append(reports[index], to: &out) }
    }

    /// A receiver report with the blocks of `range` of `reports`, at most 31 (§6.4.2).
    static func appendReceiverReport(
        from ssrc: UInt32, _ reports: [RTCPReportBlock], _ range: Range<Int>, to out: inout [UInt8]
    ) {
        let count = min(range.count, 31)
        appendHeader(RTCPPacketType.receiverReport, count: count, words: 1 + count * 6, to: &out)
        append(ssrc, to: &out)
        for index in range.prefix(count) { append(reports[index], to: &out) }
    }

    /// §6.5: one chunk, item CNAME (cut at 255 octets), then at least one zero octet up to a word boundary.
    static func appendDescription(of ssrc: UInt32, canonicalName: [UInt8], to out: inout [UInt8]) {
        let length = min(canonicalName.count, 255)
        let item = 2 + length
        let filling = 4 - item % 4
        appendHeader(RTCPPacketType.sourceDescription, count: 1, words: 1 + (item + filling) / 4, to: &out)
        append(ssrc, to: &out)
        out.append(1)
        out.append(UInt8(length))
        for index in 0..<length { out.append(canonicalName[index]) }
        for _ in 0..<filling { out.append(0) }
    }

    /// §6.6: one source leaves; a reason is cut at 255 octets.
    static func appendGoodbye(of ssrc: UInt32, reason: [UInt8], to out: inout [UInt8]) {
        let length = min(reason.count, 255)
        let filling = length == 0 ? 0 : 3 - length % 4
        let words = length == 0 ? 1 : 1 + (1 + length + filling) / 4
        appendHeader(RTCPPacketType.goodbye, count: 1, words: words, to: &out)
        append(ssrc, to: &out)
        guard length > 0 else { return }
        out.append(UInt8(length))
        for index in 0..<length { out.append(reason[index]) }
        for _ in 0..<filling { out.append(0) }
    }

    /// The header of an XR packet with its source: RFC 3611 §2. `octets` is the size of its blocks.
    static func appendExtendedHeader(of ssrc: UInt32, octets: Int, to out: inout [UInt8]) {
        appendHeader(RTCPPacketType.extendedReport, count: 0, words: 1 + octets / 4, to: &out)
        append(ssrc, to: &out)
    }

    /// The header of a block: RFC 3611 §3.
    static func appendBlockHeader(_ type: UInt8, words: Int, to out: inout [UInt8]) {
        out.append(type)
        out.append(0)
        append(UInt16(truncatingIfNeeded: words), to: &out)
    }

    /// `words` is the length field: 32-bit words behind the first one.
    private static func appendHeader(_ type: UInt8, count: Int, words: Int, to out: inout [UInt8]) {
        out.append(0x80 | UInt8(truncatingIfNeeded: count & 0x1F))
        out.append(type)
        append(UInt16(truncatingIfNeeded: words), to: &out)
    }

    private static func append(_ block: RTCPReportBlock, to out: inout [UInt8]) {
        append(block.ssrc, to: &out)
        let lost = UInt32(bitPattern: block.cumulativeLost) & 0xFF_FFFF
        append(UInt32(block.fractionLost) << 24 | lost, to: &out)
        append(block.highestSequence, to: &out)
        append(block.jitter, to: &out)
        append(block.lastSenderReport, to: &out)
        append(block.delaySinceLastSenderReport, to: &out)
    }

    /// In network order.
    static func append<Number: FixedWidthInteger>(_ number: Number, to out: inout [UInt8]) {
        var shift = Number.bitWidth - 8
        while shift >= 0 {
            out.append(UInt8(truncatingIfNeeded: number >> Number(shift)))
            shift -= 8
        }
    }
}
