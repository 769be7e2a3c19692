/// How a leg's media fared, for the streaming detail record.
public struct LegQuality: Sendable, Equatable {
    /// RTP packets received.
    public var packets: Int64 = 0
    /// Bytes of their payloads.
    public var bytes: Int64 = 0
    /// Packets that never came.
    public var lost: Int64 = 0
    /// Packets that came twice.
    public var duplicates: Int64 = 0
    /// Packets that came too late to be used.
    public var late: Int64 = 0
    /// Packets that came out of order and were put in place.
    public var reordered: Int64 = 0
    /// Interarrival jitter, RFC 3550 §6.4.1, in microseconds.
    public var jitterMicroseconds: Int64 = 0
    /// Audio made up for lost packets by loss concealment.
    public var concealedMilliseconds: Int64 = 0
    /// Silence put in for pauses and holds.
    public var filledMilliseconds: Int64 = 0
    /// The sender's clock against ours.
    public var skewPartsPerMillion: Double = 0
    /// Audio that the disk did not take.
    public var writerLostMilliseconds: Int64 = 0
    /// Audio that was in the file and was damaged when a crash was recovered from.
    public var recoveryLostMilliseconds: Int64 = 0
    /// Where that was.
    public var recoveryLosses: [SessionLoss] = []
    /// The longest stretch without a packet's audio.
    public var largestGapMilliseconds: Int64 = 0
    /// There and back, from the peer's receiver reports (RFC 3550 §6.4.1); nil while none told.
    public var roundTripMicroseconds: Int64?
    /// Estimated mean opinion score, 1.0 to 4.4; nil when nothing was received.
    public var mos: Double?
    /// Packets thrown away, by reason.
    public var discardedByReason: [String: Int64] = [:]
    /// Packets that SRTP did not accept.
    public var unauthenticated: Int64 = 0
    /// Packets that the kernel dropped before they were read.
    public var kernelDrops: Int64 = 0
    /// Hand-ins that a tap's queue had no room for.
    public var tapDrops: Int64 = 0
    /// Digits heard as telephone events.
    public var digits: Int64 = 0
    /// More packets came under the sender's SRTP key than it said it would use it for; they were taken all the same.
    public var isPastKeyLifetime = false
    /// The part of our packets that the peer says it lost, 0 to 1; nil where it reported nothing.
    public var peerLossFraction: Double?
    /// The jitter that the peer says it sees, in microseconds; nil where it reported nothing.
    public var peerJitterMicroseconds: Int64?
    /// The mean opinion score that the peer's VoIP metrics tell (RFC 3611 §4.7.5); nil where it sent none.
    public var peerMos: Double?
    /// Why there is no audio, or why it stopped being understood, when that is so.
    public var emptyReason: String?

    /// All zero.
    public init() {}
}

extension LegQuality {
    /// The members in the order of the streaming detail record.
    var members: [JSONValue.Member] { ordinaryMembers + recoveryMembers }

    /// Only where there is something to tell: a record without a crash is as it always was.
    private var recoveryMembers: [JSONValue.Member] {
        guard recoveryLostMilliseconds > 0 || !recoveryLosses.isEmpty else { return [] }
        return [
            .init("RecoveryLostMilliseconds", .integer(recoveryLostMilliseconds)),
            .init("RecoveryLosses", .array(recoveryLosses.prefix(100).map(\.json))),
        ]
    }

    private var ordinaryMembers: [JSONValue.Member] {
        [
            .init("Packets", .integer(packets)), .init("Bytes", .integer(bytes)), .init("Lost", .integer(lost)),
            .init("Duplicates", .integer(duplicates)), .init("Late", .integer(late)),
            .init("Reordered", .integer(reordered)), .init("JitterMicroseconds", .integer(jitterMicroseconds)),
            .init("ConcealedMilliseconds", .integer(concealedMilliseconds)),
            .init("FilledMilliseconds", .integer(filledMilliseconds)),
            .init("SkewPartsPerMillion", .decimal(skewPartsPerMillion)),
            .init("WriterLostMilliseconds", .integer(writerLostMilliseconds)),
            .init("EmptyReason", JSONValue(emptyReason)),
            .init("LargestGapMilliseconds", .integer(largestGapMilliseconds)),
            .init("RoundTripMicroseconds", roundTripMicroseconds.map(JSONValue.integer) ?? .null),
            .init("Mos", mos.map(JSONValue.decimal) ?? .null),
            .init(
                "DiscardedByReason",
                .object(discardedByReason.sorted { $0.key < $1.key }.map { .init($0.key, .integer($0.value)) })),
            .init("Unauthenticated", .integer(unauthenticated)), .init("KernelDrops", .integer(kernelDrops)),
            .init("TapDrops", .integer(tapDrops)), .init("Digits", .integer(digits)),
            .init("KeyLifetimeExceeded", .bool(isPastKeyLifetime)),
            .init("PeerLossFraction", peerLossFraction.map(JSONValue.decimal) ?? .null),
            .init("PeerJitterMicroseconds", peerJitterMicroseconds.map(JSONValue.integer) ?? .null),
            .init("PeerMos", peerMos.map(JSONValue.decimal) ?? .null),
        ]
    }

    var json: JSONValue { .object(members) }

    init(json: JSONValue) {
        func number(_ name: String) -> Int64 { json[name]?.integerValue ?? 0 }
        packets = number("Packets")
        bytes = number("Bytes")
        lost = number("Lost")
        duplicates = number("Duplicates")
        late = number("Late")
        reordered = number("Reordered")
        jitterMicroseconds = number("JitterMicroseconds")
        concealedMilliseconds = number("ConcealedMilliseconds")
        filledMilliseconds = number("FilledMilliseconds")
        skewPartsPerMillion = json["SkewPartsPerMillion"]?.decimalValue ?? 0
        writerLostMilliseconds = number("WriterLostMilliseconds")
        emptyReason = json["EmptyReason"]?.stringValue
        recoveryLostMilliseconds = number("RecoveryLostMilliseconds")
        recoveryLosses = (json["RecoveryLosses"]?.arrayValue ?? []).compactMap { SessionLoss(json: $0) }
        largestGapMilliseconds = number("LargestGapMilliseconds")
        roundTripMicroseconds = json["RoundTripMicroseconds"]?.integerValue
        mos = json["Mos"]?.decimalValue
        for member in json["DiscardedByReason"]?.members ?? [] {
            discardedByReason[member.name] = member.value.integerValue
        }
        unauthenticated = number("Unauthenticated")
        kernelDrops = number("KernelDrops")
        tapDrops = number("TapDrops")
        digits = number("Digits")
        isPastKeyLifetime = json["KeyLifetimeExceeded"]?.boolValue ?? false
        peerLossFraction = json["PeerLossFraction"]?.decimalValue
        peerJitterMicroseconds = json["PeerJitterMicroseconds"]?.integerValue
        peerMos = json["PeerMos"]?.decimalValue
    }
}
