/// One thing that a compound datagram says, in the order of the wire. Ranges are octets of that datagram.
public enum RTCPElement: Sendable, Equatable {
    /// A sender report without its blocks, RFC 3550 §6.4.1.
    case senderReport(RTCPSenderReport)
    /// A receiver report without its blocks, §6.4.2.
    case receiverReport(reporter: UInt32)
    /// A block of either, §6.4.1.
    case reportBlock(reporter: UInt32, RTCPReportBlock)
    /// One item of a source description, §6.5: 1 is CNAME.
    case description(ssrc: UInt32, item: UInt8, text: Range<Int>)
    /// One source that leaves, §6.6.
    case goodbye(ssrc: UInt32)
    /// Why the sources before it leave, §6.6.
    case goodbyeReason(Range<Int>)
    /// The peer's clock, for us to send back: RFC 3611 §4.4.
    case receiverReferenceTime(reporter: UInt32, ntp: UInt64)
    /// What the peer makes of a reference time that `subject` sent: RFC 3611 §4.5.
    case referenceEcho(reporter: UInt32, subject: UInt32, lastReference: UInt32, delay: UInt32)
    /// The peer's verdict on a stream: RFC 3611 §4.7.
    case voipMetrics(reporter: UInt32, VoIPMetrics)
    /// A well-formed block of an extended report that is not read here.
    case skippedBlock(reporter: UInt32, blockType: UInt8)
    /// A well-formed packet that is not read here: APP, feedback, and types of the future.
    case skipped(packetType: UInt8)
}

/// The sender's part of a sender report, RFC 3550 §6.4.1.
public struct RTCPSenderReport: Sendable, Equatable {
    /// Whose report it is.
    public var ssrc: UInt32
    /// The sender's wall clock, 32.32 seconds since 1900.
    public var ntp: UInt64
    /// Media time of the same instant, ticks of the RTP clock.
    public var timestamp: UInt32
    /// RTP packets sent so far; wraps.
    public var packets: UInt32
    /// Octets of payload sent so far; wraps.
    public var octets: UInt32

    /// Makes one.
    public init(ssrc: UInt32, ntp: UInt64, timestamp: UInt32, packets: UInt32, octets: UInt32) {
        self.ssrc = ssrc
        self.ntp = ntp
        self.timestamp = timestamp
        self.packets = packets
        self.octets = octets
    }
}

/// What became of a walk through a datagram.
public struct RTCPReading: Sendable, Equatable {
    /// Packets whose length was right.
    public var packets = 0
    /// False where octets were left that are no packet, or a packet says that it holds more than it does. What came
    /// before has been handed out: one broken packet does not cost the reports in front of it.
    public var isWhole = true

    /// Nothing read yet.
    public init() {}
}
