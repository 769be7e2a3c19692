import MediaCore
import SecureMedia

/// What a leg is opened or changed with.
public struct LegParameters: Sendable {
    /// How datagrams of the RTP port are understood.
    public enum Transport: Sendable, Equatable {
        /// RTP, with RTCP beside it or on the same port.
        case rtp
        /// T.38 over UDPTL. The peer takes datagrams of at most so many octets (`T38FaxMaxDatagram`); nil where it named
        /// none. See ``FaxRelay/maximumDatagram`` for what that means.
        case udptl(maximumDatagram: Int?)
    }

    /// Which payload type carries what.
    public var payloads: PayloadMap
    /// Where the offer says that media comes from; nil when it does not say.
    public var remote: MediaAddress?
    /// The host that the signalling came from; it may teach the port behind NAT.
    public var signalling: MediaAddress?
    /// Only the offer's own address and port are taken: no NAT is expected.
    public var isStrict = false
    /// Where receiver reports go; nil: the RTP port plus one, or the RTP port itself with `rtcp-mux`.
    public var remoteRTCP: MediaAddress?
    /// RTP and RTCP share the RTP port (RFC 5761).
    public var isMultiplexed = false
    /// RTP, or fax.
    public var transport = Transport.rtp
    /// The key that the peer protects with; nil: the peer sends plain RTP.
    public var receiving: SDESKey?
    /// The key that we protect with; nil: we send plain RTP.
    public var sending: SDESKey?
    /// Where what is known of keys outlives the leg, one for all legs of a call; nil: a leg that begins knows nothing of
    /// what was sent under its keys before.
    public var keyMemory: KeyMemory?
    /// The leg of the same call that this one follows, on new ports, because the codec has changed: with SRTP its
    /// packet numbers go on, and nothing that it received is taken again. Read when the leg starts.
    public var follows: UInt64?
    /// What the leg hands to its taps. Read when the leg starts; a later change does not alter it.
    public var format = TimelineFormat.narrowband
    /// Digits appear in no event and no audio.
    public var redactsDigits = false
    /// Milliseconds a packet where the offer says; used for codecs that are not understood.
    public var packetTime: Int?

    /// Plain RTP; RTCP goes to the port above, and is not multiplexed, until said otherwise.
    public init(payloads: PayloadMap, remote: MediaAddress?, signalling: MediaAddress?) {
        self.payloads = payloads
        self.remote = remote
        self.signalling = signalling
    }

    /// Fax is not authenticated, whatever keys its call has.
    var latchMode: SourceLatch.Mode {
        transport == .rtp && receiving != nil ? .authenticated : isStrict ? .strict : .learn
    }
}
