import SDP

/// The server's side of a recording session, RFC 7866 §6 and §7: offers, answers, streams, metadata, roles.
///
/// It knows no sockets, ports or clocks: the caller feeds message bodies in, opens ports when asked, and sends what comes
/// out. One session is owned by one call; not shared.
///
/// ```
/// switch session.receiveInvite(body, recordOnly: false, from: from, to: to) {
/// case .answer(let plan):  // open a port for each of plan.needsPorts, make a key for each of plan.needsKeys
///     let exchange = session.answer(local: ports, keys: keys)  // 200 with exchange.sdp; start exchange.changes
/// …
/// ```
public struct RecordingSession: ~Copyable {
    /// What a session needs to know of its node.
    public struct Configuration: Sendable {
        /// `o=` user name and numbers; its address is the session's `c=`.
        public var origin: Origin
        /// What is taken of an offer.
        public var policy = AnswerPolicy()
        /// Audio lines we offer where an INVITE comes without a description.
        public var delayedOfferStreams = 1
        /// Payloads of such an offer.
        public var delayedOfferPayloads: [PayloadFormat] = [.pcmu, .pcma, .telephoneEvent]

        /// `origin` is the `o=` of the first description.
        public init(origin: Origin) { self.origin = origin }
    }

    /// More streams over the life of one session are refused (port 0).
    public static let maximumLegs = 16
    /// A source is not asked more often: it does not know better.
    public static let maximumSnapshotRequests = 3

    private enum State {
        /// No exchange open; `local` is our latest description.
        case idle(local: SessionDescription?)
        /// An offer was received, ``answer(local:keys:)`` is awaited.
        case answering(PendingAnswer, local: SessionDescription?)
        /// ``offer(local:keys:)`` is awaited.
        case offering(local: SessionDescription?)
        /// Our offer went out; the answer comes in the ACK.
        case awaitingAck(local: SessionDescription)
        case ended
    }

    private struct PendingAnswer {
        var offer: SessionDescription
        var legs: [RecordedMedia]
    }

    private let configuration: Configuration
    private var state = State.idle(local: nil)
    private var legs: [RecordedMedia] = []
    private var documents = MetadataKeeper()
    private var origin: Origin
    private var from: String?
    private var to: String?
    /// `X-Voice-Connector-Record-Only`: no metadata is expected.
    public private(set) var isRecordOnly = false

    /// A session that waits for its INVITE.
    public init(configuration: Configuration) {
        self.configuration = configuration
        origin = configuration.origin
    }

    /// Every stream of the session, removed ones included, in order of ``RecordedMedia/leg``.
    public var media: [RecordedMedia] { legs }
    /// The metadata merged so far; nil where none was readable.
    public var metadata: RecordingMetadata? { documents.metadata }
    /// How good the metadata is now.
    public var metadataStatus: MetadataStatus { documents.status }

    /// Our latest session description, as octets; nil before the first exchange.
    public var localDescription: [UInt8]? {
        switch state {
        case .idle(let local), .answering(_, let local), .offering(let local): local?.serialized()
        case .awaitingAck(let local): local.serialized()
        case .ended: nil
        }
    }

    /// The INVITE that starts the session.
    ///
    /// - Parameters:
    ///   - recordOnly: Whether header or URI say `X-Voice-Connector-Record-Only: true`.
    ///   - from: The value of `From`, for roles.
    ///   - to: The value of `To`, for roles.
    public mutating func receiveInvite(
        _ body: SessionBody, recordOnly: Bool, from: String?, to: String?
    ) -> OfferAction {
        isRecordOnly = recordOnly
        self.from = from
        self.to = to
        return receive(body, isInvite: true, isFirst: true)
    }

    /// A re-INVITE: SDP, metadata, both, or nothing (then we offer, RFC 3261 §14.2).
    public mutating func receiveReinvite(_ body: SessionBody) -> OfferAction {
        receive(body, isInvite: true, isFirst: false)
    }

    /// An UPDATE (RFC 3311): as a re-INVITE, but without a description there is nothing to negotiate.
    public mutating func receiveUpdate(_ body: SessionBody) -> OfferAction {
        receive(body, isInvite: false, isFirst: false)
    }

    private mutating func receive(_ body: SessionBody, isInvite: Bool, isFirst: Bool) -> OfferAction {
        let parts = body.parts
        let local: SessionDescription?
        switch state {
        case .ended: return .reject(.ended)
        case .answering, .offering: return .reject(.exchangePending)
        case .awaitingAck:
            // Metadata alone does not touch the open exchange.
            guard parts.sessionDescription == nil, !isInvite else { return .reject(.exchangePending) }
            return .acknowledge(takeMetadata(parts, isFirst: false))
        case .idle(let latest): local = latest
        }
        guard let description = parts.sessionDescription else {
            return receiveWithoutDescription(parts, local: local, isInvite: isInvite, isFirst: isFirst)
        }
        let offer: SessionDescription
        do throws(SDPParseError) {
            offer = try SessionDescription(parsing: description)
        } catch {
            guard let local else { return .reject(.unreadable(error)) }
            return .repeatAnswer(local.serialized(), takeMetadata(parts, isFirst: isFirst))
        }
        return receive(offer, parts: parts, local: local)
    }

    private mutating func receiveWithoutDescription(
        _ parts: MultipartBody, local: SessionDescription?, isInvite: Bool, isFirst: Bool
    ) -> OfferAction {
        let update = takeMetadata(parts, isFirst: isFirst)
        guard isInvite else { return .acknowledge(update) }
        if local == nil {
            legs = []
            var proposed = proposedLegs()
            assignRoles(&proposed)
            legs = proposed
        }
        state = .offering(local: local)
        let open = legs.filter { !$0.isRemoved }
        return .offer(
            MediaPlan(
                needsPorts: open.filter { $0.local == nil }, needsKeys: open.filter(\.isSecure), open: open,
                refused: [:], metadata: update))
    }

    private mutating func receive(
        _ offer: SessionDescription, parts: MultipartBody, local: SessionDescription?
    ) -> OfferAction {
        let verdicts = offer.verdicts(policy: configuration.policy)
        // RFC 3261 §14.2: an offer inside the call that cannot be taken is refused, and the recording goes on as it was.
        if !verdicts.contains(.accepted), let rejection = OfferRejection(offer, verdicts, configuration.policy) {
            return .reject(rejection)
        }
        let update = takeMetadata(parts, isFirst: local == nil)
        var refused: [Int: MediaVerdict] = [:]
        for (index, verdict) in verdicts.enumerated() where verdict != .accepted { refused[index] = verdict }
        var next = LegMatching.next(
            legs: legs, offer: offer, verdicts: verdicts, policy: configuration.policy, refused: &refused)
        assignRoles(&next)
        state = .answering(PendingAnswer(offer: offer, legs: next), local: local)
        let open = next.filter { !$0.isRemoved }.sorted { $0.index < $1.index }
        return .answer(
            MediaPlan(
                needsPorts: open.filter { $0.local == nil }, needsKeys: open.filter(\.isSecure), open: open,
                refused: refused, metadata: update))
    }

    /// Makes the answer to the offer received last.
    ///
    /// - Parameters:
    ///   - local: Where we receive, by ``RecordedMedia/leg``. Streams that had a port keep it and need no entry, and with
    ///     one they move; a stream without a port is answered with port 0 and not reported.
    ///   - keys: Our key for each encrypted stream, by ``RecordedMedia/leg``: tag and suite of the line that is taken.
    ///     A stream without one is answered with port 0; where it ran, it is removed.
    public mutating func answer(local ports: [Int: LocalMedia], keys: [Int: CryptoAttribute] = [:]) -> MediaExchange {
        guard case .answering(let pending, let previous) = state else { return MediaExchange(sdp: [], changes: []) }
        var next = pending.legs
        let known = Set(legs.map(\.leg))
        for position in next.indices where !next[position].isRemoved {
            next[position].place(ports, key: keys[next[position].leg])
            if next[position].lacksKey { next[position].remove() }
        }
        // A stream that got no port or key is as if it had not been offered.
        next.removeAll { $0.local == nil && (!$0.isRemoved || !known.contains($0.leg)) }
        var places: [Int: LocalMedia] = [:]
        for leg in next where !leg.isRemoved { places[leg.index] = leg.local }
        let policy = configuration.policy
        let answer = versioned(previous: previous) {
            pending.offer.answer(origin: $0, local: places, policy: policy)
        }
        state = .idle(local: answer)
        return MediaExchange(sdp: answer.serialized(), changes: commit(next, isNegotiated: true))
    }

    /// Makes our offer, where ``OfferAction/offer(_:)`` asked for one. Streams start with it: packets may come before
    /// the ACK. Encrypted ones wait for it, since the sender's key comes in its answer.
    ///
    /// - Parameters: As of ``answer(local:keys:)``. Where encryption is required, `RTP/SAVP` is offered; else plain
    ///   `RTP/AVP`, for a source that leaves the offer to us cannot be asked what it is able to.
    public mutating func offer(local ports: [Int: LocalMedia], keys: [Int: CryptoAttribute] = [:]) -> MediaExchange {
        guard case .offering(let previous) = state else { return MediaExchange(sdp: [], changes: []) }
        var next = legs
        for position in next.indices where !next[position].isRemoved {
            // A re-offer goes on with the key that the stream has, unless there is a new one.
            next[position].place(ports, key: keys[next[position].leg] ?? next[position].local?.crypto)
        }
        let isFirst = previous == nil
        if isFirst { next.removeAll { $0.local == nil || $0.lacksKey } }
        let placed = next
        let description = versioned(previous: previous) {
            ServerOffer.make(origin: $0, legs: placed, previous: previous)
        }
        if isFirst { legs = [] }
        state = .awaitingAck(local: description)
        return MediaExchange(sdp: description.serialized(), changes: commit(next, isNegotiated: false))
    }

    /// The ACK of the INVITE: its body is the answer where we offered, and nothing otherwise.
    public mutating func receiveAck(_ body: SessionBody) -> MediaExchange {
        guard case .awaitingAck(let local) = state else { return MediaExchange(sdp: [], changes: []) }
        state = .idle(local: local)
        let parts = body.parts
        guard let bytes = parts.sessionDescription, let answer = try? SessionDescription(parsing: bytes) else {
            return MediaExchange(sdp: [], changes: [])
        }
        return MediaExchange(sdp: [], changes: commit(ServerOffer.answered(legs, by: answer), isNegotiated: true))
    }

    /// The exchange came to nothing (CANCEL, no ports, our 200 was never acknowledged): everything is as before it.
    public mutating func abandonExchange() {
        switch state {
        case .answering(_, let local), .offering(let local):
            if local == nil { legs = [] }
            state = .idle(local: local)
        case .awaitingAck(let local): state = .idle(local: local)
        case .idle, .ended: return
        }
    }

    /// The BYE; it may carry metadata (RFC 8068 §3.2.4). Never asks for a snapshot.
    public mutating func receiveBye(_ body: SessionBody) -> MetadataUpdate? {
        let update = takeMetadata(body.parts, isFirst: false, mayAsk: false)
        state = .ended
        return update
    }

    private mutating func takeMetadata(
        _ parts: MultipartBody, isFirst: Bool, mayAsk: Bool = true
    ) -> MetadataUpdate? {
        let update = documents.take(parts, isFirst: isFirst, mayAsk: mayAsk)
        if update?.isChanged == true {
            var current = legs
            assignRoles(&current)
            legs = current
        }
        return update
    }

    /// Roles as the metadata is now; what was decided for a known stream stays.
    private func assignRoles(_ legs: inout [RecordedMedia]) {
        let present = legs.indices.filter { !legs[$0].isRemoved }.sorted { legs[$0].index < legs[$1].index }
        let lines = present.map { RoleAssignment.Line(index: legs[$0].index, label: legs[$0].label) }
        let known = Set(self.legs.map(\.leg))
        let roles = RoleAssignment.decide(metadata: metadata, media: lines, from: from, to: to)
        for (position, role) in zip(present, roles) {
            let old = legs[position].role
            let isKnown = known.contains(legs[position].leg)
            legs[position].role = isKnown ? role.keepingDecision(of: old) : role
        }
    }

    private mutating func commit(_ next: [RecordedMedia], isNegotiated: Bool) -> [MediaChange] {
        let changes = next.compactMap { new in
            MediaChange.between(legs.first { $0.leg == new.leg }, new, isNegotiated: isNegotiated)
        }
        legs = next.sorted { $0.leg < $1.leg }
        return changes
    }

    /// RFC 3264 §8: the version grows by one where anything else changed, and only then.
    private mutating func versioned(
        previous: SessionDescription?, make: (Origin) -> SessionDescription
    ) -> SessionDescription {
        let description = make(origin)
        guard let previous, previous != description else { return description }
        origin = origin.incremented()
        return make(origin)
    }

    private func proposedLegs() -> [RecordedMedia] {
        (0..<max(1, configuration.delayedOfferStreams)).map { position in
            let label = String(position + 1)
            return RecordedMedia(
                leg: position, index: position, label: label, remoteAddress: nil, remotePort: 0,
                remoteRTCPAddress: nil, remoteRTCPPort: nil, namesRTCP: false, multiplexesRTCP: false,
                isSecure: configuration.policy.secureMedia == .required, crypto: [],
                payloads: configuration.delayedOfferPayloads, packetTime: nil, isActive: true, isRemoved: false,
                local: nil,
                role: RoleAssignment(
                    index: position, label: label, participant: nil, isCaller: position == 0,
                    rule: .mediaLineOrder, callerRule: .mediaLineOrder))
        }
    }
}

extension RoleAssignment {
    /// The participant of now with the decision of then.
    func keepingDecision(of old: RoleAssignment) -> RoleAssignment {
        RoleAssignment(
            index: index, label: label, participant: participant ?? old.participant, isCaller: old.isCaller,
            rule: old.rule, callerRule: old.callerRule)
    }
}
