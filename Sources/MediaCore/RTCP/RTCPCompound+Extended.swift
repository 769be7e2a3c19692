extension RTCPCompound {
    /// The block types of RFC 3611 §4 that are read or written here.
    enum ExtendedBlock {
        static let receiverReferenceTime: UInt8 = 4
        static let referenceEcho: UInt8 = 5
        static let voipMetrics: UInt8 = 7
    }

    /// RFC 3611 §2, §3: a source, then blocks, each with its type and its length in words.
    static func visitExtended(
        _ datagram: RawSpan, _ packet: RTCPPacketHeader, _ body: (RTCPElement) -> Void
    ) -> Bool {
        guard packet.body.count >= 4 else { return false }
        let reporter = datagram.bigEndian32(at: packet.body.lowerBound)
        var place = packet.body.lowerBound + 4
        let end = packet.body.upperBound
        while place < end {
            guard end - place >= 4 else { return false }
            let type = datagram.octet(at: place)
            let content = place + 4
            let length = Int(datagram.bigEndian16(at: place + 2)) * 4
            guard length <= end - content else { return false }
            place = content + length
            switch type {
            case ExtendedBlock.receiverReferenceTime where length == 8:
                body(.receiverReferenceTime(reporter: reporter, ntp: datagram.bigEndian64(at: content)))
            case ExtendedBlock.referenceEcho where length % 12 == 0:
                for echo in stride(from: content, to: place, by: 12) {
                    body(
                        .referenceEcho(
                            reporter: reporter, subject: datagram.bigEndian32(at: echo),
                            lastReference: datagram.bigEndian32(at: echo + 4),
                            delay: datagram.bigEndian32(at: echo + 8)))
                }
            case ExtendedBlock.voipMetrics where length == VoIPMetrics.octets:
                if let metrics = VoIPMetrics(in: datagram, at: content) {
                    body(.voipMetrics(reporter: reporter, metrics))
                }
            case ExtendedBlock.receiverReferenceTime, ExtendedBlock.referenceEcho, ExtendedBlock.voipMetrics:
                // §4.4, §4.5, §4.7: a block of another size than its own is to be ignored.
                body(.skippedBlock(reporter: reporter, blockType: type))
            default:
                body(.skippedBlock(reporter: reporter, blockType: type))
            }
        }
        return true
    }
}

extension RawSpan {
    /// Eight octets in network order. The caller has checked the bounds.
    @inline(__always)
    func bigEndian64(at offset: Int) -> UInt64 {
        UInt64(bigEndian32(at: offset)) << 32 | UInt64(bigEndian32(at: offset + 4))
    }
}
