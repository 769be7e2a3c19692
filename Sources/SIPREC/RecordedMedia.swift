import SDP

/// One audio stream of a recording session: what the media side must know to receive it, and who speaks on it.
public struct RecordedMedia: Sendable, Equatable {
    /// Names the stream for the life of the session, also when it moves to another `m=` line. The position of its `m=`
    /// line when it first appeared, or the next free number where that is taken.
    public internal(set) var leg: Int
    /// Position of its `m=` line now, from 0.
    public internal(set) var index: Int
    /// `a=label` as it is now; opaque.
    public internal(set) var label: String?
    /// The sender's RTP address and port as its description says; address nil where it says none (the first packet then
    /// tells), port 0 where the stream is removed.
    public internal(set) var remoteAddress: String?
    /// 0 where the stream is removed or the port not known yet.
    public internal(set) var remotePort: UInt16
    /// The sender's RTCP address and port; port nil where there is none.
    public internal(set) var remoteRTCPAddress: String?
    /// See ``remoteRTCPAddress``.
    public internal(set) var remoteRTCPPort: UInt16?
    /// Whether they are the sender's word (`a=rtcp`), and not the default, the port after RTP.
    public internal(set) var namesRTCP: Bool
    /// RTCP shares the RTP port (RFC 5761).
    public internal(set) var multiplexesRTCP: Bool
    /// Whether SRTP is agreed on for the stream. Then a key of the sender's and one of ours are needed before anything of
    /// it may be received, and nothing that is not authentic belongs to it.
    public internal(set) var isSecure: Bool
    /// The sender's `a=crypto` lines in its order of preference, the one of its answer where we offered; secret. Empty
    /// where the stream is plain, and while the answer to our offer is awaited.
    public internal(set) var crypto: [CryptoAttribute]
    /// In the sender's order of preference, unknown ones included; PCMU and PCMA where the sender lists none. Each has
    /// its `a=fmtp`.
    public internal(set) var payloads: [PayloadFormat]
    /// Milliseconds, where the sender says.
    public internal(set) var packetTime: Int?
    /// Whether the sender says it sends now; false on hold and pause, and once removed.
    public internal(set) var isActive: Bool
    /// Whether the stream's `m=` line is gone or has port 0. It may come back, with the same ``leg``.
    public internal(set) var isRemoved: Bool
    /// Where we receive it; nil until the answer is made.
    public internal(set) var local: LocalMedia?
    /// ``RoleAssignment/isCaller`` and the rules stay as first decided; the participant follows the metadata.
    public internal(set) var role: RoleAssignment

    /// The codec that the stream most likely carries: of what the answer names, the first that can be decoded, else the
    /// first that is audio at all; nil where the sender names none.
    public var codec: PayloadFormat? {
        payloads.first(where: \.isDecodable) ?? payloads.first { !$0.isTelephoneEvent && !$0.isComfortNoise }
    }
}

/// What an exchange changed on one stream.
public struct MediaChange: Sendable, Equatable {
    /// What happened to the stream.
    public enum Kind: String, Sendable, Equatable {
        /// A new stream.
        case added
        /// Address, port, payloads, keys or label changed; also of a stream on hold.
        case updated
        /// An encrypted stream was negotiated again and nothing changed. Its sender may have begun its SRTP counters anew
        /// all the same, as it does where it built its media stack again.
        case renegotiated
        /// The sender stopped sending: hold or pause. Not the end of the recording. Other values, keys among them, may have
        /// changed too.
        case paused
        /// The sender sends again. Other values may have changed too.
        case resumed
        /// The `m=` line is missing or has port 0. Its local port is no longer needed.
        case removed
        /// A removed stream is back, on a port of its own again.
        case restored
    }

    /// What happened.
    public let kind: Kind
    /// The values after the change.
    public let media: RecordedMedia

    /// How `new` differs from `old`; nil where nothing the media side cares for does.
    ///
    /// - Parameter isNegotiated: Whether the sender has just described the stream (again).
    static func between(_ old: RecordedMedia?, _ new: RecordedMedia, isNegotiated: Bool) -> MediaChange? {
        guard let old else { return MediaChange(kind: .added, media: new) }
        if old.isRemoved != new.isRemoved { return MediaChange(kind: new.isRemoved ? .removed : .restored, media: new) }
        guard !new.isRemoved else { return nil }
        if old.isActive != new.isActive { return MediaChange(kind: new.isActive ? .resumed : .paused, media: new) }
        var same = new
        same.role = old.role
        if same != old { return MediaChange(kind: .updated, media: new) }
        return isNegotiated && new.isSecure ? MediaChange(kind: .renegotiated, media: new) : nil
    }
}
