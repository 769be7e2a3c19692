/// The fixed RTP header with what follows it, RFC 3550 §5.1.
///
/// A plain value: reading it allocates nothing, and nothing in it is trusted yet. Contributing sources and header
/// extensions are skipped over, because a recorder does not use them.
public struct RTPHeader: Sendable, Equatable {
    /// The marker bit: for audio, the first packet of a talk spurt (RFC 3551 §4.1).
    public var marker: Bool
    /// 0 to 127.
    public var payloadType: UInt8
    /// Grows by one a packet, and wraps.
    public var sequenceNumber: UInt16
    /// Media time in ticks of the RTP clock; starts at a random value and wraps.
    public var timestamp: UInt32
    /// The synchronisation source.
    public var ssrc: UInt32
    /// Where the payload lies in the datagram, padding left out. Octets.
    public var payload: Range<Int>

    /// Makes a header, for tests and senders.
    public init(
        marker: Bool, payloadType: UInt8, sequenceNumber: UInt16, timestamp: UInt32, ssrc: UInt32, payload: Range<Int>
    ) {
        self.marker = marker
        self.payloadType = payloadType
        self.sequenceNumber = sequenceNumber
        self.timestamp = timestamp
        self.ssrc = ssrc
        self.payload = payload
    }

    /// Reads the header at the start of `datagram`.
    public init(parsing datagram: RawSpan) throws(RTPParseError) {
        guard datagram.byteCount >= 12 else { throw .truncated(needed: 12, got: datagram.byteCount) }
        let first = datagram.octet(at: 0)
        guard first >> 6 == 2 else { throw .unsupportedVersion(first >> 6) }
        var start = 12 + Int(first & 0x0F) * 4
        if first & 0x10 != 0 {
            // RFC 3550 §5.3.1: a profile word, then the length in 32-bit words.
            guard datagram.byteCount >= start + 4 else { throw .truncated(needed: start + 4, got: datagram.byteCount) }
            start += 4 + Int(datagram.bigEndian16(at: start + 2)) * 4
        }
        var end = datagram.byteCount
        guard start <= end else { throw .truncated(needed: start, got: end) }
        if first & 0x20 != 0 {
            // §5.1: the last octet says how many octets of padding there are, itself included.
            let padding = Int(datagram.octet(at: end - 1))
            guard padding > 0, padding <= end - start else { throw .invalidPadding(padding) }
            end -= padding
        }
        let second = datagram.octet(at: 1)
        marker = second & 0x80 != 0
        payloadType = second & 0x7F
        sequenceNumber = datagram.bigEndian16(at: 2)
        timestamp = datagram.bigEndian32(at: 4)
        ssrc = datagram.bigEndian32(at: 8)
        payload = start..<end
    }

    /// True where a datagram on a shared port is RTCP and not RTP (RFC 5761 §4): packet types 192 to 223.
    public static func isRTCP(_ datagram: RawSpan) -> Bool {
        datagram.byteCount >= 8 && (192...223).contains(datagram.octet(at: 1))
    }
}

/// Why a datagram is not an RTP packet. Sizes are octets.
public enum RTPParseError: Error, Equatable, Sendable {
    /// The datagram ends before its header does.
    case truncated(needed: Int, got: Int)
    /// The version field is not 2: no RTP at all.
    case unsupportedVersion(UInt8)
    /// The padding count is zero or larger than what follows the header.
    case invalidPadding(Int)
}
