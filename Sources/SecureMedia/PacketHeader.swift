/// What SRTP needs of an RTP header: where the clear part ends, and which packet it is. Nothing of it is trusted until
/// the packet is authentic.
struct PacketHeader {
    /// Octets that stay in clear: fixed header, contributing sources, header extension (RFC 3711 §3.1).
    let length: Int
    let sequence: UInt16
    let ssrc: UInt32

    @inline(__always)
    init(_ packet: UnsafeRawPointer, count: Int) throws(SRTPError) {
        guard count >= 12 else { throw .truncated(needed: 12, got: count) }
        guard count <= 65_535 else { throw .tooLong(count) }
        let first = packet.load(as: UInt8.self)
        guard first >> 6 == 2 else { throw .unsupportedVersion(first >> 6) }
        var end = 12 + Int(first & 0x0F) * 4
        if first & 0x10 != 0 {
            guard count >= end + 4 else { throw .truncated(needed: end + 4, got: count) }
            end += 4 + Int(packet.bigEndian16(at: end + 2)) * 4
        }
        guard count >= end else { throw .truncated(needed: end, got: count) }
        length = end
        sequence = packet.bigEndian16(at: 2)
        ssrc = packet.bigEndian32(at: 8)
    }
}

/// The first eight octets of an RTCP compound, which stay in clear (RFC 3711 §3.4).
struct ControlHeader {
    static let length = 8
    let ssrc: UInt32

    init(_ packet: UnsafeRawPointer, count: Int) throws(SRTPError) {
        guard count >= Self.length else { throw .truncated(needed: Self.length, got: count) }
        guard count <= 65_535 else { throw .tooLong(count) }
        let first = packet.load(as: UInt8.self)
        guard first >> 6 == 2 else { throw .unsupportedVersion(first >> 6) }
        ssrc = packet.bigEndian32(at: 4)
    }
}

extension UnsafeRawPointer {
    /// Two octets in network order; the caller has checked the bounds.
    @inline(__always)
    func bigEndian16(at offset: Int) -> UInt16 {
        UInt16(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    /// Four octets in network order; the caller has checked the bounds.
    @inline(__always)
    func bigEndian32(at offset: Int) -> UInt32 {
        UInt32(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}
