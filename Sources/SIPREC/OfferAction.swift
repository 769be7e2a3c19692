import SDP

/// What the server does after an INVITE or UPDATE of a recording session.
public enum OfferAction: Sendable, Equatable {
    /// Give every stream of the plan a port, then call ``RecordingSession/answer(local:keys:)`` and send its octets.
    case answer(MediaPlan)
    /// The request asks us to offer: give every stream of the plan a port, then call ``RecordingSession/offer(local:keys:)``,
    /// send its octets in the 200, and hand the body of the ACK to ``RecordingSession/receiveAck(_:)``.
    case offer(MediaPlan)
    /// The description could not be read, and an earlier answer stands: send it again rather than end the recording.
    case repeatAnswer([UInt8], MetadataUpdate?)
    /// Nothing to negotiate: 200 without a body.
    case acknowledge(MetadataUpdate?)
    case reject(OfferRejection)
}

/// Which streams need a place before the answer can be made.
public struct MediaPlan: Sendable, Equatable {
    /// Streams without a local port, in order of their `m=` lines. Those that have one keep it.
    public let needsPorts: [RecordedMedia]
    /// Encrypted streams, those that have a port too, in order of their `m=` lines. Each needs a key of ours for
    /// ``RecordingSession/answer(local:keys:)`` or ``RecordingSession/offer(local:keys:)``.
    public let needsKeys: [RecordedMedia]
    /// Every stream as it will be, those that have a port too, in order of their `m=` lines.
    public let open: [RecordedMedia]
    /// Why `m=` lines are refused, by their position.
    public let refused: [Int: MediaVerdict]
    /// What the request's metadata did; nil where it carried none and some was there before.
    public let metadata: MetadataUpdate?
}

/// Why an offer is refused, with the answer RFC 3261 §21.4 has for it.
public enum OfferRejection: Sendable, Equatable, CustomStringConvertible {
    /// 400: the first INVITE has a session description that cannot be read.
    case unreadable(SDPParseError)
    /// 488: no audio line can be taken.
    case noAudio
    /// 488: every audio line is SRTP, which this configuration refuses.
    case secureMediaOnly
    /// 488: encryption is required, and every audio line is plain.
    case plainMediaOnly
    /// 488: encrypted lines only, and none has a key that can be used; what is wrong with each `a=crypto`, at most four.
    case noUsableKey([CryptoRefusal])
    /// 488: encrypted lines only, and their keys would come by DTLS.
    case dtlsOnly
    /// 491: the exchange before this one is not finished.
    case exchangePending
    /// 481: the session has ended.
    case ended

    /// The SIP status code.
    public var status: Int {
        switch self {
        case .unreadable: 400
        case .noAudio, .secureMediaOnly, .plainMediaOnly, .noUsableKey, .dtlsOnly: 488
        case .exchangePending: 491
        case .ended: 481
        }
    }

    /// For the reason phrase, a Warning and logs.
    public var description: String {
        switch self {
        case .unreadable(let error): error.description
        case .noAudio: "no m=audio line with RTP/AVP or RTP/SAVP and a port other than 0 is offered"
        case .secureMediaOnly: "only SRTP (RTP/SAVP) is offered, and this connector refuses it; offer RTP/AVP"
        case .plainMediaOnly:
            "this connector requires encryption and only plain RTP is offered; offer RTP/SAVP with a=crypto"
        case .noUsableKey(let refusals):
            refusals.isEmpty
                ? "SRTP is offered without any a=crypto line; add one, such as AES_CM_128_HMAC_SHA1_80 with one inline key"
                : "no a=crypto line of the SRTP offer can be used ("
                    + refusals.map(\.description).joined(separator: "; ")
                    + "); offer AES_CM_128_HMAC_SHA1_80 with one inline key"
        case .dtlsOnly: "only SRTP with keys by DTLS is offered; offer RTP/SAVP with a=crypto (SDES) instead"
        case .exchangePending: "an offer/answer exchange of this session is still open"
        case .ended: "the recording session has ended"
        }
    }
}

/// What a request's metadata did to the session's.
public struct MetadataUpdate: Sendable, Equatable {
    /// The session's status afterwards.
    public let status: MetadataStatus
    /// The document as it was sent; nil where the first INVITE carried none.
    public let raw: [UInt8]?
    /// Whether it says something new.
    public let isChanged: Bool
    /// Set: ask the source for everything, see ``SnapshotRequest``. At most
    /// ``RecordingSession/maximumSnapshotRequests`` times a session.
    public let snapshot: SnapshotRequest?
    /// Oddities of body and document, for logs.
    public let findings: [String]
}

/// What an exchange came to.
public struct MediaExchange: Sendable, Equatable {
    /// The `application/sdp` body to send; empty where nothing is to be sent (after an ACK).
    public let sdp: [UInt8]
    /// What changed, a stream at most once.
    public let changes: [MediaChange]
}
