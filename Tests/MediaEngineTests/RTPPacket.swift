/// RTP as octets, for senders in tests (RFC 3550 §5.1).
struct RTPPacket {
    var payloadType: UInt8 = 0
    var sequence: UInt16 = 0
    var timestamp: UInt32 = 0
    var ssrc: UInt32 = 9
    var marker = false
    var payload: [UInt8] = []

    var octets: [UInt8] {
        var bytes: [UInt8] = [
            0x80, payloadType | (marker ? 0x80 : 0), UInt8(sequence >> 8), UInt8(sequence & 255),
        ]
        for word in [timestamp, ssrc] {
            for shift in [24, 16, 8, 0] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
        }
        return bytes + payload
    }

    /// A packet of 20 ms of one G.711 octet, number `index` of its stream.
    static func voice(_ index: Int, octet: UInt8 = 0x12, payloadType: UInt8 = 0, ssrc: UInt32 = 9) -> RTPPacket {
        RTPPacket(
            payloadType: payloadType, sequence: UInt16(truncatingIfNeeded: index),
            timestamp: UInt32(truncatingIfNeeded: index &* 160), ssrc: ssrc,
            payload: [UInt8](repeating: octet, count: 160))
    }

    init(
        payloadType: UInt8 = 0, sequence: UInt16 = 0, timestamp: UInt32 = 0, ssrc: UInt32 = 9, marker: Bool = false,
        payload: [UInt8] = []
    ) {
        self.payloadType = payloadType
        self.sequence = sequence
        self.timestamp = timestamp
        self.ssrc = ssrc
        self.marker = marker
        self.payload = payload
    }

    /// Nil for what is shorter than a header.
    init?(_ octets: [UInt8]) {
        guard octets.count >= 12 else { return nil }
        marker = octets[1] & 0x80 != 0
        payloadType = octets[1] & 0x7F
        sequence = UInt16(octets[2]) << 8 | UInt16(octets[3])
        timestamp = octets[4..<8].reduce(0) { $0 << 8 | UInt32($1) }
        ssrc = octets[8..<12].reduce(0) { $0 << 8 | UInt32($1) }
        payload = Array(octets[12...])
    }
}
