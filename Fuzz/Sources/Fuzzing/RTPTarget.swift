import MediaCore

/// RTP headers (RFC 3550 §5.1). Property: a header that is read tells the truth about the datagram: its parts fill it
/// exactly, nothing outside of it is handed out, and written again it is the same.
enum RTPTarget: FuzzTarget {
    static let seeds: [[UInt8]] = [
        packet(first: 0x80),
        // Two contributing sources; an extension of one word; padding of four octets; all of them.
        packet(first: 0x82, between: [UInt8](repeating: 7, count: 8)),
        packet(first: 0x90, between: [0xBE, 0xDE, 0, 1, 0x10, 0xFF, 0, 0]),
        packet(first: 0xA0, after: [0, 0, 0, 4]),
        packet(first: 0xB1, between: [1, 2, 3, 4, 0, 0, 0, 0], after: [0, 2]),
        [0x80, 200, 0, 6] + [UInt8](repeating: 1, count: 24),
    ]

    private static func packet(first: UInt8, between: [UInt8] = [], after: [UInt8] = []) -> [UInt8] {
        [first, 0x80, 0x12, 0x34, 0, 0, 0, 160, 0xAA, 0xBB, 0xCC, 0xDD] + between
            + [UInt8](repeating: 0xD5, count: 20) + after
    }

    static func run(_ input: UnsafeRawBufferPointer) {
        let datagram = Array(input)
        let isControl = RTPHeader.isRTCP(datagram.span.bytes)
        require(!isControl || datagram.count >= 8, "RTCP of \(datagram.count) octets")
        do throws(RTPParseError) {
            let header = try RTPHeader(parsing: datagram.span.bytes)
            check(header, datagram)
        } catch {
            // A fixed header of version 2 with nothing optional is never refused.
            require(
                datagram.count < 12 || datagram[0] >> 6 != 2 || datagram[0] & 0x3F != 0,
                "a plain packet of \(datagram.count) octets is refused: \(error)")
        }
    }

    private static func check(_ header: RTPHeader, _ datagram: [UInt8]) {
        var header = header
        if isPlanted, datagram[0] == 0xB3, datagram[1] == 0x2A, header.payload.count == 5 {
            header.payload = header.payload.lowerBound..<header.payload.upperBound + 1
        }
        require(datagram.count >= 12 && datagram[0] >> 6 == 2, "no RTP, and read")
        var start = 12 + Int(datagram[0] & 15) * 4
        if datagram[0] & 0x10 != 0 { start += 4 + (Int(datagram[start + 2]) << 8 | Int(datagram[start + 3])) * 4 }
        let padding = datagram[0] & 0x20 != 0 ? Int(datagram[datagram.count - 1]) : 0
        require(
            header.payload == start..<datagram.count - padding,
            "payload \(header.payload) of \(datagram.count) octets, from \(start) with \(padding) of padding")
        var written: [UInt8] = [datagram[0], header.payloadType | (header.marker ? 0x80 : 0)]
        written.append16(header.sequenceNumber)
        written.append32(header.timestamp)
        written.append32(header.ssrc)
        require(written == Array(datagram[..<12]), "written again it is \(written)")
        let payload = datagram.span.bytes.extracting(header.payload)
        require(payload.byteCount <= datagram.count - 12, "more octets than came")
    }
}
