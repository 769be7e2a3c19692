/// The four octets that every packet of a compound begins with, RFC 3550 §6.4.1.
///
/// A plain value: it says where the packet's own octets lie, and nothing in them is trusted yet.
public struct RTCPPacketHeader: Sendable, Equatable {
    /// 200 and up; see ``RTCPPacketType``.
    public var packetType: UInt8
    /// Five bits whose meaning depends on the type: report blocks, chunks, sources, feedback format.
    public var count: UInt8
    /// Where what follows the four octets lies in the datagram, padding left out. Octets.
    public var body: Range<Int>
    /// Where the next packet begins.
    public var end: Int

    /// Reads the header at `offset`; nil at the end of the datagram and where no packet begins.
    ///
    /// Any packet may come first: reduced-size RTCP (RFC 5506) is tolerated.
    public init?(in datagram: RawSpan, at offset: Int) {
        guard offset >= 0, offset <= datagram.byteCount - 4 else { return nil }
        let first = datagram.octet(at: offset)
        guard first >> 6 == 2 else { return nil }
        let end = offset + (Int(datagram.bigEndian16(at: offset + 2)) + 1) * 4
        guard end <= datagram.byteCount else { return nil }
        var bodyEnd = end
        if first & 0x20 != 0 {
            // §6.4.1: the last octet says how many octets of padding there are, a multiple of four, itself included.
            let padding = Int(datagram.octet(at: end - 1))
            guard padding > 0, padding <= end - offset - 4 else { return nil }
            bodyEnd -= padding
        }
        packetType = datagram.octet(at: offset + 1)
        count = first & 0x1F
        body = offset + 4..<bodyEnd
        self.end = end
    }
}

/// The packet types that this service reads or writes (RFC 3550 §12.1, RFC 4585 §6.1, RFC 3611 §2).
public enum RTCPPacketType: Sendable {
    /// SR.
    public static let senderReport: UInt8 = 200
    /// RR.
    public static let receiverReport: UInt8 = 201
    /// SDES.
    public static let sourceDescription: UInt8 = 202
    /// BYE.
    public static let goodbye: UInt8 = 203
    /// APP: skipped.
    public static let application: UInt8 = 204
    /// RTPFB: skipped, as nothing is sent that could be repaired.
    public static let transportFeedback: UInt8 = 205
    /// PSFB: skipped, for video only.
    public static let payloadFeedback: UInt8 = 206
    /// XR.
    public static let extendedReport: UInt8 = 207
}
