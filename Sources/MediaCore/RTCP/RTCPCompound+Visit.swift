extension RTCPCompound {
    /// Hands out everything that a compound datagram says, in order. RFC 3550 §6.1, RFC 3611.
    ///
    /// Allocates nothing. Every length is checked against what it lies in, so no octets can make it trap or read
    /// outside the datagram; the work is bounded by the datagram's size, as every step consumes octets of it.
    @discardableResult
    public static func visit(_ datagram: RawSpan, _ body: (RTCPElement) -> Void) -> RTCPReading {
        var reading = RTCPReading()
        var offset = 0
        while offset < datagram.byteCount {
            guard let packet = RTCPPacketHeader(in: datagram, at: offset) else {
                reading.isWhole = false
                break
            }
            offset = packet.end
            reading.packets += 1
            let isWhole =
                switch packet.packetType {
                case RTCPPacketType.senderReport: visitReport(datagram, packet, isSender: true, body)
                case RTCPPacketType.receiverReport: visitReport(datagram, packet, isSender: false, body)
                case RTCPPacketType.sourceDescription: visitDescription(datagram, packet, body)
                case RTCPPacketType.goodbye: visitGoodbye(datagram, packet, body)
                case RTCPPacketType.extendedReport: visitExtended(datagram, packet, body)
                default: skip(packet, body)
                }
            if !isWhole { reading.isWhole = false }
        }
        return reading
    }

    private static func skip(_ packet: RTCPPacketHeader, _ body: (RTCPElement) -> Void) -> Bool {
        body(.skipped(packetType: packet.packetType))
        return true
    }

    /// §6.4.1, §6.4.2. Octets behind the blocks are a profile's extension and are skipped.
    private static func visitReport(
        _ datagram: RawSpan, _ packet: RTCPPacketHeader, isSender: Bool, _ body: (RTCPElement) -> Void
    ) -> Bool {
        let start = packet.body.lowerBound
        guard packet.body.count >= (isSender ? 24 : 4) else { return false }
        let reporter = datagram.bigEndian32(at: start)
        var place = start + 4
        if isSender {
            body(
                .senderReport(
                    RTCPSenderReport(
                        ssrc: reporter, ntp: datagram.bigEndian64(at: start + 4),
                        timestamp: datagram.bigEndian32(at: start + 12), packets: datagram.bigEndian32(at: start + 16),
                        octets: datagram.bigEndian32(at: start + 20))))
            place = start + 24
        } else {
            body(.receiverReport(reporter: reporter))
        }
        for _ in 0..<packet.count {
            guard packet.body.upperBound - place >= RTCPReportBlock.octets else { return false }
            body(.reportBlock(reporter: reporter, RTCPReportBlock(in: datagram, at: place)))
            place += RTCPReportBlock.octets
        }
        return true
    }

    /// §6.5: chunks of a source and its items; an item of type 0 ends the chunk, which is filled up to a whole word.
    private static func visitDescription(
        _ datagram: RawSpan, _ packet: RTCPPacketHeader, _ body: (RTCPElement) -> Void
    ) -> Bool {
        var place = packet.body.lowerBound
        let end = packet.body.upperBound
        for _ in 0..<packet.count {
            guard end - place >= 4 else { return false }
            let ssrc = datagram.bigEndian32(at: place)
            place += 4
            while place < end, datagram.octet(at: place) != 0 {
                guard end - place >= 2 else { return false }
                let length = Int(datagram.octet(at: place + 1))
                guard end - place - 2 >= length else { return false }
                let text = place + 2..<place + 2 + length
                body(.description(ssrc: ssrc, item: datagram.octet(at: place), text: text))
                place = text.upperBound
            }
            // Packets begin on whole words, counted from the packet's start.
            place += 4 - (place - packet.body.lowerBound) % 4
        }
        return place <= end
    }

    /// §6.6.
    private static func visitGoodbye(
        _ datagram: RawSpan, _ packet: RTCPPacketHeader, _ body: (RTCPElement) -> Void
    ) -> Bool {
        var place = packet.body.lowerBound
        let end = packet.body.upperBound
        for _ in 0..<packet.count {
            guard end - place >= 4 else { return false }
            body(.goodbye(ssrc: datagram.bigEndian32(at: place)))
            place += 4
        }
        guard place < end else { return true }
        let length = Int(datagram.octet(at: place))
        guard length <= end - place - 1 else { return false }
        if length > 0 { body(.goodbyeReason(place + 1..<place + 1 + length)) }
        return true
    }
}
