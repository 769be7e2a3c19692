import MediaCore

/// What became of a leg.
public struct LegReport: Sendable {
    /// The leg.
    public let id: UInt64
    /// Samples of its time line so far.
    public let samples: Int64
    /// What it received, lost and threw away.
    public let statistics: ReceptionStatistics
    /// When its newest packet came, on the arrival clock; nil when none ever did.
    public let lastArrival: Int64?
    /// Datagrams of an encrypted leg that were not authentic, not encrypted, or came again.
    public internal(set) var unauthenticated: UInt64 = 0
    /// Of those, media since the last that was authentic, from hosts that the peer's may come from: more than a few
    /// mean that the peer cannot be understood any more. A new offer sets it back.
    public internal(set) var unheard: UInt64 = 0
    /// Of those, what had a number that was used before under the same SRTP key.
    public internal(set) var unheardAgain: UInt64 = 0
    /// Media of an encrypted leg comes, and for a second or more nothing of it has been authentic.
    public var isDeaf: Bool { unheard >= 50 }
    /// Datagrams longer than a leg takes (2,048 octets), thrown away, whoever sent them.
    public internal(set) var truncated: UInt64 = 0
    /// What the peer sent as T.38 since the leg first carried fax; nil where it never did.
    public internal(set) var fax: FaxCounters?
    /// SSRCs of the peer that had to make room for others of its own, because one SRTP key has more of them than a leg
    /// follows at a time.
    public internal(set) var evictedSources: UInt64 = 0
    /// More packets came under the peer's SRTP key than it said it would use it for; they were taken all the same.
    public internal(set) var isPastKeyLifetime = false
    /// What the peer's reports say of its own reception, and its VoIP metrics (RFC 3611).
    public internal(set) var remote = RemoteQuality()
    /// Datagrams sent on to the other leg of a bridge.
    public internal(set) var relayed: UInt64 = 0
    /// Datagrams that a bridge could not send on: no destination yet, no room, a payload the other leg did not agree to.
    public internal(set) var relayRefused: UInt64 = 0
    /// Between us and the peer, where its reports tell.
    public internal(set) var roundTripMicroseconds: UInt64?
    /// Estimated by ``QualityModel``, 1.0 to 4.4; nil before audio came, and while the leg ``isDeaf``.
    public internal(set) var meanOpinionScore: Double?
    /// Taps and forks, those that are gone included.
    public internal(set) var taps: [TapReport] = []

    /// Counters of a leg's ports and keys, which a new recording at the same ports does not set back.
    struct Ongoing {
        var foreign: UInt64 = 0
        var malformed: UInt64 = 0
        var kernelDrops: UInt64 = 0
        var unauthenticated: UInt64 = 0
        var truncated: UInt64 = 0

        func since(_ former: Ongoing) -> Ongoing {
            Ongoing(
                foreign: foreign &- former.foreign, malformed: malformed &- former.malformed,
                kernelDrops: kernelDrops &- former.kernelDrops,
                unauthenticated: unauthenticated &- former.unauthenticated, truncated: truncated &- former.truncated)
        }
    }

    init(id: UInt64, samples: Int64, statistics: ReceptionStatistics, lastArrival: Int64?) {
        self.id = id
        self.samples = samples
        self.statistics = statistics
        self.lastArrival = lastArrival
    }
}
