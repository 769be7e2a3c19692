import MediaCore

/// RTCP compounds (RFC 3550 §6.1). Properties: reading always goes on and ends inside the datagram; a report that is
/// written is read again as what it was, to the last octet.
enum RTCPTarget: FuzzTarget {
    static let seeds: [[UInt8]] = [
        senderReport + sourceDescription, senderReport, [0x80, 201, 0, 1, 1, 2, 3, 4] + sourceDescription,
        [0x81, 203, 0, 1, 1, 2, 3, 4], receiverReport + sourceDescription + extended,
    ]
    private static let senderReport: [UInt8] =
        [0x80, 200, 0, 6, 1, 2, 3, 4, 0xE0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 9, 0, 0, 9, 0]
    private static let receiverReport: [UInt8] =
        [0x81, 201, 0, 7, 1, 2, 3, 4] + [5, 6, 7, 8, 10, 0, 0, 3, 0, 1, 2, 3, 0, 0, 0, 9, 1, 1, 1, 1, 0, 1, 0, 0]
    private static let sourceDescription: [UInt8] =
        [0x81, 202, 0, 3, 1, 2, 3, 4, 1, 4, 0x61, 0x40, 0x62, 0x63, 0, 0]
    // RFC 3611: receiver reference time, then VoIP metrics.
    private static let extended: [UInt8] =
        [0x80, 207, 0, 4, 1, 2, 3, 4, 4, 0, 0, 2, 0xE0, 0, 0, 0, 0, 0, 0, 0]

    static func run(_ input: UnsafeRawBufferPointer) {
        let datagram = Array(input)
        read(datagram)
        writeAndRead(input)
        converse(input)
    }

    /// A leg's control hears anything, and what it says stays readable.
    private static func converse(_ input: UnsafeRawBufferPointer) {
        var reader = InputReader(input)
        var control = LegControl(ssrc: 7, canonicalName: Array("leg@test".utf8))
        var now: Int64 = 5_000_000_000
        control.begin(at: now, random: reader.word32())
        var out: [UInt8] = []
        var rounds = 0
        while !reader.isAtEnd, rounds < 50 {
            rounds += 1
            now += Int64(reader.octet()) * 100_000_000
            let datagram = reader.take(Int(reader.word16() & 0x3FF))
            control.receive(datagram.span.bytes, arrival: now)
            let sent = SentMedia(ssrc: 9, timestamp: 1, packets: UInt32(rounds), octets: 1)
            let blocks = (0..<Int(reader.octet() & 63)).map {
                RTCPReportBlock(
                    ssrc: UInt32($0), fractionLost: 1, cumulativeLost: -1, highestSequence: 2, jitter: 3,
                    lastSenderReport: 4, delaySinceLastSenderReport: 5)
            }
            control.report(
                now: now, ntp: UInt64(now) << 20, blocks: blocks, sent: reader.octet() & 1 == 0 ? nil : sent, into: &out
            )
            expectReadable(out)
            require(out.count <= 1_400, "a compound of \(out.count) octets")
            if let trip = control.roundTripMicroseconds {
                require(trip <= 40 * 50 * 25_500_000, "a round trip of \(trip) µs, longer than the call")
            }
        }
        control.goodbye(into: &out)
        expectReadable(out)
    }

    private static func expectReadable(_ compound: [UInt8]) {
        var offset = 0
        while offset < compound.count {
            guard let (_, end) = RTCPCompound.next(in: compound.span.bytes, at: offset) else {
                finding("what is sent cannot be read at \(offset): \(compound)")
            }
            offset = end
        }
        require(compound.count % 4 == 0 && (compound[1] == 200 || compound[1] == 201), "no compound: \(compound)")
    }

    private static func read(_ datagram: [UInt8]) {
        var offset = 0
        var packets = 0
        while let (_, end) = RTCPCompound.next(in: datagram.span.bytes, at: offset) {
            let reached = isPlanted && datagram[offset + 1] == 207 && end - offset == 24 ? offset : end
            require(reached >= offset + 4, "no progress at \(offset): the next packet is at \(reached)")
            require(reached <= datagram.count, "the next packet is at \(reached) of \(datagram.count) octets")
            require((reached - offset) % 4 == 0, "a packet of \(reached - offset) octets")
            offset = reached
            packets += 1
        }
        require(packets <= datagram.count / 4, "\(packets) packets in \(datagram.count) octets")
    }

    private static func writeAndRead(_ input: UnsafeRawBufferPointer) {
        var reader = InputReader(input)
        let own = reader.word32()
        let name = reader.take(Int(reader.octet()))
        var blocks: [RTCPReportBlock] = []
        while !reader.isAtEnd, blocks.count < 40 {
            blocks.append(
                RTCPReportBlock(
                    ssrc: reader.word32(), fractionLost: reader.octet(),
                    cumulativeLost: Int32(bitPattern: reader.word32()), highestSequence: reader.word32(),
                    jitter: reader.word32(), lastSenderReport: reader.word32(),
                    delaySinceLastSenderReport: reader.word32()))
        }
        var written: [UInt8] = []
        RTCPCompound.appendReceiverReport(from: own, reports: blocks, canonicalName: name, to: &written)
        guard let (first, middle) = RTCPCompound.next(in: written.span.bytes, at: 0),
            let (second, end) = RTCPCompound.next(in: written.span.bytes, at: middle)
        else { finding("a report that was written cannot be read: \(written)") }
        require(first == .other(packetType: 201) && second == .other(packetType: 202), "\(first), \(second)")
        require(end == written.count, "a report of \(written.count) octets is read to \(end)")
        require(middle == 8 + min(blocks.count, 31) * 24, "\(blocks.count) blocks take \(middle) octets")
    }
}
