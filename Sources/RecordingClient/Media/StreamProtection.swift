import CPacedSender
import SecureMedia

/// SRTP of one stream that is sent (RFC 3711): our key for what goes out, the server's for the reports that come back.
///
/// Unchecked: made by the caller, handed over with its stream, then used by the sender's thread alone.
final class StreamProtection: @unchecked Sendable {
    private var sender: SRTPSender
    private var receiver: SRTPReceiver?
    /// One datagram: a stream's packet is sent before its next one is made.
    private let datagram: UnsafeMutableRawBufferPointer

    /// - Parameters:
    ///   - own: as it stands in the offer.
    ///   - theirs: as it stands in the answer; nil where reports cannot be read.
    init(own: SDESKey, theirs: SDESKey?) throws(SRTPError) {
        sender = try SRTPSender(own)
        receiver = if let theirs { try SRTPReceiver(theirs) } else { nil }
        // Header, payload, and the longest tag.
        datagram = .allocate(byteCount: 12 + Int(PACED_PAYLOAD_MAX) + 32, alignment: 16)
    }

    deinit { datagram.deallocate() }

    /// Replaces the packet by the whole protected datagram. One that cannot be protected is not sent in clear: it is
    /// made one that the sender refuses, and counts as failed.
    func protect(_ packet: inout paced_packet) {
        let count = Int(packet.octets)
        let length: Int? =
            count <= Int(PACED_PAYLOAD_MAX)
            ? try? sender.protect(datagram, count: write(packet, count: count)) : nil
        packet.is_whole = 1
        packet.payload = UnsafePointer(datagram.baseAddress?.assumingMemoryBound(to: UInt8.self))
        packet.octets = length.flatMap { UInt16(exactly: $0) } ?? .max
    }

    private func write(_ packet: paced_packet, count: Int) -> Int {
        datagram[0] = 0x80
        datagram[1] = packet.type
        datagram.storeBytes(of: packet.sequence.bigEndian, toByteOffset: 2, as: UInt16.self)
        datagram.storeBytes(of: packet.timestamp.bigEndian, toByteOffset: 4, as: UInt32.self)
        datagram.storeBytes(of: packet.ssrc.bigEndian, toByteOffset: 8, as: UInt32.self)
        UnsafeMutableRawBufferPointer(rebasing: datagram[12...]).copyMemory(
            from: UnsafeRawBufferPointer(start: packet.payload, count: count))
        return 12 + count
    }

    /// Protects a compound; nothing is left of one that cannot be protected.
    func protectControl(_ compound: inout [UInt8]) {
        let count = compound.count
        compound += [UInt8](repeating: 0, count: sender.controlOverhead)
        let length = compound.withUnsafeMutableBytes { try? sender.protectControl($0, count: count) }
        compound.removeLast(compound.count - (length ?? 0))
    }

    /// Octets of the compound that was in the first `count`; 0 where it is not authentic.
    func openControl(_ datagram: inout [UInt8], count: Int) -> Int {
        datagram.withUnsafeMutableBytes { octets in
            (try? receiver?.unprotectControl(UnsafeMutableRawBufferPointer(rebasing: octets[..<count]))) ?? 0
        }
    }
}
