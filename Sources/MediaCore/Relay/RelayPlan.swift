/// What happens to each of the 128 payload types between two legs. Built when the legs are negotiated, then read only:
/// 256 octets, no reference to count.
struct RelayPlan: Sendable {
    enum Treatment: UInt8, Sendable { case drop, pass, muLawToALaw, aLawToMuLaw }

    struct Step: Sendable {
        var treatment: Treatment
        /// What the packet is sent as.
        var payloadType: UInt8
    }

    private var steps: InlineArray<128, Step>

    subscript(payloadType: UInt8) -> Step { steps[Int(payloadType & 0x7F)] }

    /// The rules, first match first:
    ///
    /// 1. A type that both legs negotiated as the same codec keeps its number, or gets the receiver's.
    /// 2. G.711 goes over into the other law where the receiver negotiated only that one.
    /// 3. Static comfort noise (13, RFC 3551 table 4) passes, since some peers send it without asking; static audio does
    ///    where the receiver negotiated no audio that we know of.
    /// 4. Anything else is dropped: the receiver could not know what it is.
    init(from: PayloadMap, to: PayloadMap) {
        steps = InlineArray(repeating: Step(treatment: .drop, payloadType: 0))
        let types = 0...127 as ClosedRange<UInt8>
        let hasAudio = types.contains { to.isNegotiated($0) && to[$0].isAudio }
        for type in types {
            steps[Int(type)] = Self.step(for: type, from: from, to: to, hasAudio: hasAudio)
        }
    }

    private static func step(for type: UInt8, from: PayloadMap, to: PayloadMap, hasAudio: Bool) -> Step {
        let kind = from[type]
        if from.isNegotiated(type) {
            if let target = negotiated(sameAs: type, of: from, in: to) {
                return Step(treatment: .pass, payloadType: target)
            }
        } else if kind != .unknown, let target = negotiated(kind, in: to) {
            return Step(treatment: .pass, payloadType: target)
        }
        if kind == .muLaw, let target = negotiated(.aLaw, in: to) {
            return Step(treatment: .muLawToALaw, payloadType: target)
        }
        if kind == .aLaw, let target = negotiated(.muLaw, in: to) {
            return Step(treatment: .aLawToMuLaw, payloadType: target)
        }
        // A static type under its own number.
        if kind != .unknown, !to.isNegotiated(type), to[type] == kind, !(kind.isAudio && hasAudio) {
            return Step(treatment: .pass, payloadType: type)
        }
        return Step(treatment: .drop, payloadType: type)
    }

    /// The receiver's type for the codec that `type` is at the sender: the same number where it may be kept.
    private static func negotiated(sameAs type: UInt8, of from: PayloadMap, in to: PayloadMap) -> UInt8? {
        let encoding = from.encoding(type)
        if to.isNegotiated(type), to.encoding(type) == encoding { return type }
        return (0...127 as ClosedRange<UInt8>).first { to.isNegotiated($0) && to.encoding($0) == encoding }
    }

    private static func negotiated(_ kind: PayloadKind, in to: PayloadMap) -> UInt8? {
        (0...127 as ClosedRange<UInt8>).first { to.isNegotiated($0) && to[$0] == kind && to.clockRate($0) == 8_000 }
    }
}

extension PayloadKind {
    /// True for what is heard; an unknown codec may be.
    fileprivate var isAudio: Bool {
        switch self {
        case .muLaw, .aLaw, .g722, .opus, .unknown: true
        case .telephoneEvent, .comfortNoise: false
        }
    }
}
