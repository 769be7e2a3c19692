/// One reception report block, RFC 3550 §6.4.1.
public struct RTCPReportBlock: Sendable, Equatable {
    /// The source that is reported on.
    public var ssrc: UInt32
    /// Loss since the last report, in 1/256.
    public var fractionLost: UInt8
    /// 24 bits on the wire, signed.
    public var cumulativeLost: Int32
    /// Extended by the roll-over count.
    public var highestSequence: UInt32
    /// Ticks of the RTP clock.
    public var jitter: UInt32
    /// The middle 32 bits of its NTP time; 0 when none came.
    public var lastSenderReport: UInt32
    /// Units of 1/65,536 s.
    public var delaySinceLastSenderReport: UInt32

    /// Octets of a block on the wire.
    static let octets = 24

    /// Makes a block.
    public init(
        ssrc: UInt32, fractionLost: UInt8, cumulativeLost: Int32, highestSequence: UInt32, jitter: UInt32,
        lastSenderReport: UInt32, delaySinceLastSenderReport: UInt32
    ) {
        self.ssrc = ssrc
        self.fractionLost = fractionLost
        self.cumulativeLost = cumulativeLost
        self.highestSequence = highestSequence
        self.jitter = jitter
        self.lastSenderReport = lastSenderReport
        self.delaySinceLastSenderReport = delaySinceLastSenderReport
    }

    /// Reads the block at `offset`; the caller has checked that 24 octets are there.
    init(in datagram: RawSpan, at offset: Int) {
        let lost = datagram.bigEndian32(at: offset + 4)
        self.init(
            ssrc: datagram.bigEndian32(at: offset), fractionLost: UInt8(truncatingIfNeeded: lost >> 24),
            // The 24 bits are signed: duplicates can make the number negative (§6.4.1).
            cumulativeLost: Int32(bitPattern: lost << 8) >> 8, highestSequence: datagram.bigEndian32(at: offset + 8),
            jitter: datagram.bigEndian32(at: offset + 12), lastSenderReport: datagram.bigEndian32(at: offset + 16),
            delaySinceLastSenderReport: datagram.bigEndian32(at: offset + 20))
    }
}
