/// How often a leg reports, and what it asks of its peer.
public struct RTCPPolicy: Sendable, Equatable {
    /// The shortest mean time between two reports, nanoseconds. RFC 3550 §6.2 recommends five seconds and allows less
    /// where the bandwidth does; five are kept, as nothing here is controlled by what the reports say.
    public var minimumInterval: Int64 = 5_000_000_000
    /// What RTCP may use, octets a second, both directions: 5 % of a 64 kbit/s session (§6.2).
    public var octetsPerSecond: Int64 = 400
    /// Receiver reports carry a reference time (RFC 3611 §4.4), so that a peer that knows it lets a leg that sends
    /// nothing measure the round trip. Others skip the block.
    public var asksForRoundTrip = true

    /// The values above.
    public init() {}
}

/// What a leg has sent, for its sender reports (RFC 3550 §6.4.1).
public struct SentMedia: Sendable, Equatable {
    /// The source that it was sent as; on a bridge that is the far peer's.
    public var ssrc: UInt32
    /// Media time at the instant of the report, ticks of the RTP clock.
    public var timestamp: UInt32
    /// RTP packets since the source began; wraps.
    public var packets: UInt32
    /// Octets of payload since the source began, without headers and padding; wraps.
    public var octets: UInt32

    /// Makes one.
    public init(ssrc: UInt32, timestamp: UInt32, packets: UInt32, octets: UInt32) {
        self.ssrc = ssrc
        self.timestamp = timestamp
        self.packets = packets
        self.octets = octets
    }
}
