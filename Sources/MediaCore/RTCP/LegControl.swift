/// The RTCP of one leg: what its peer reports is read, what it is told is composed, and when (RFC 3550 §6).
///
/// RTCP is terminated here on every leg, bridged ones too (`docs/decisions/0014-rtcp-ends-at-each-leg.md`): a report
/// speaks of the path between two neighbours, and so does the round trip that is measured with it.
///
/// Owned by one media worker. It reads no clock and makes no randomness: arrival in nanoseconds of the monotonic
/// clock, NTP time and random numbers are arguments. After the first report nothing allocates.
public struct LegControl: ~Copyable {
    /// The source that reports come from: our own, until media is sent as another one (``SentMedia/ssrc``).
    public internal(set) var ssrc: UInt32
    /// Intervals and bandwidth.
    public let policy: RTCPPolicy
    /// The newest round trip, microseconds; nil until a peer has let us measure one.
    ///
    /// From LSR and DLSR of blocks about us (RFC 3550 §6.4.1), and from the echo of our reference time (RFC 3611 §4.5)
    /// where we only receive. Both name a report that we sent, so its own time is used, read on the monotonic clock: a
    /// step of the wall clock cannot spoil it, and a peer cannot choose it beyond the delay that it claims.
    public internal(set) var roundTripMicroseconds: UInt64?
    /// The shortest one measured so far, microseconds.
    public internal(set) var shortestRoundTripMicroseconds: UInt64?
    /// The peer's view of what we send.
    public internal(set) var remote = RemoteQuality()
    /// Counters so far.
    public internal(set) var counters = ControlCounters()
    /// When ``expire(at:random:)`` is to be called; nil until ``begin(at:random:)``.
    public internal(set) var nextDeadline: Int64?

    let canonicalName: [UInt8]
    var sent = SentReports()
    var references = PeerReferences()
    /// Packets counted at the last report and at the one before it: §6.4 asks for a sender report while media was
    /// sent since either.
    var packetsAtReports: (last: UInt32, before: UInt32) = (0, 0)
    /// §6.3.1: the first interval is halved.
    var isInitial = true
    /// §6.3.3: mean size of compounds in both directions, octets with IPv4 and UDP headers.
    var averageSize: Double = 128
    var lastReport: Int64 = 0

    /// A leg that has neither sent nor heard anything. The name is cut at 255 octets; RFC 7022 asks that it be neither
    /// a person's nor a host's.
    public init(ssrc: UInt32, canonicalName: [UInt8], policy: RTCPPolicy = RTCPPolicy()) {
        self.ssrc = ssrc
        self.canonicalName = canonicalName
        self.policy = policy
    }

    /// True once a source of this leg has said BYE (§6.6).
    public var hasSaidGoodbye: Bool { counters.goodbyes > 0 }

    /// §6.3.3: a sixteenth of the new size a time.
    mutating func weigh(_ octets: Int) {
        averageSize += (Double(octets + 28) - averageSize) / 16
    }
}

/// The reports that a peer may still answer to. Eight cover 40 s of the usual interval.
struct SentReports {
    private var middles: InlineArray<8, UInt32> = .init(repeating: 0)
    private var times: InlineArray<8, Int64> = .init(repeating: 0)
    private var count = 0

    mutating func note(_ middle: UInt32, at time: Int64) {
        middles[count % 8] = middle
        times[count % 8] = time
        count &+= 1
    }

    /// When the report with this time stamp was sent; the newest of several.
    func time(of middle: UInt32) -> Int64? {
        for back in 1...8 where back <= count && middles[(count - back) % 8] == middle {
            return times[(count - back) % 8]
        }
        return nil
    }
}

/// Reference times of the peer's sources, to be echoed. Four at most: the oldest makes room.
struct PeerReferences {
    struct Reference {
        var ssrc: UInt32 = 0
        var middle: UInt32 = 0
        var arrival: Int64 = .min
    }

    private var entries: InlineArray<4, Reference> = .init(repeating: Reference())

    mutating func note(_ ssrc: UInt32, ntp: UInt64, arrival: Int64) {
        var place = 0
        for index in entries.indices {
            if entries[index].arrival != .min, entries[index].ssrc == ssrc {
                place = index
                break
            }
            if entries[index].arrival < entries[place].arrival { place = index }
        }
        entries[place] = Reference(ssrc: ssrc, middle: NetworkTime.middle(ntp), arrival: arrival)
    }

    /// The one at `index`, 0 to 3; nil where there is none, and after five minutes: a peer that asks does so often.
    func reference(at index: Int, now: Int64) -> Reference? {
        let entry = entries[index]
        guard entry.arrival != .min, entry.arrival <= now, now &- entry.arrival < 300_000_000_000 else { return nil }
        return entry
    }
}
