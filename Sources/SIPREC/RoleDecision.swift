/// The working of ``RoleAssignment/decide(metadata:media:from:to:)``; the order is documented there.
struct RoleDecision {
    typealias Participant = RecordingMetadata.Participant
    typealias Found = (participant: Participant, rule: RoleRule)

    private let metadata: RecordingMetadata?
    private let lines: [RoleAssignment.Line]
    private let from: AddressOfRecord?
    private let to: AddressOfRecord?
    private let participants: [Participant]

    init(metadata: RecordingMetadata?, lines: [RoleAssignment.Line], from: String?, to: String?) {
        self.metadata = metadata
        self.lines = lines
        self.from = from.map { AddressOfRecord(parsing: $0) }
        self.to = to.map { AddressOfRecord(parsing: $0) }
        participants = metadata?.activeParticipants ?? []
    }

    func run() -> [RoleAssignment] {
        var found = believed(associations())
        if lines.count == 1, found[0] == nil {
            return [assignment(0, nil, isCaller: true, rule: .singleMixedStream, callerRule: .mediaLineOrder)]
        }
        completeByExclusion(&found)
        if found.allSatisfy({ $0 == nil }), participants.count >= 2 {
            for position in lines.indices where participants.indices.contains(position) {
                found[position] = (participants[position], .metadataParticipantOrder)
            }
        }
        let candidates = participants.filter { one in found.contains { $0?.participant.id == one.id } }
        guard let (caller, callerRule) = caller(among: candidates) else {
            return lines.indices.map {
                assignment($0, nil, isCaller: $0 == 0, rule: .mediaLineOrder, callerRule: .mediaLineOrder)
            }
        }
        return lines.indices.map { position in
            guard let one = found[position] else {
                return assignment(
                    position, nil, isCaller: false, rule: .mediaLineOrder, callerRule: .mediaLineOrder)
            }
            let isCaller = one.participant.id == caller.id
            return assignment(position, one.participant, isCaller: isCaller, rule: one.rule, callerRule: callerRule)
        }
    }

    private func assignment(
        _ position: Int, _ participant: Participant?, isCaller: Bool, rule: RoleRule, callerRule: CallerRule
    ) -> RoleAssignment {
        RoleAssignment(
            index: lines[position].index, label: lines[position].label, participant: participant, isCaller: isCaller,
            rule: rule, callerRule: callerRule)
    }

    /// Steps 1 and 2.
    private func associations() -> [Found?] {
        guard let metadata, !participants.isEmpty else { return lines.map { _ in nil } }
        var streams = lines.map { line in
            line.label.flatMap { label in metadata.streams.first { $0.label == label.asciiTrimmed } }
        }
        let isOrdered = streams.allSatisfy { $0 == nil } && metadata.streams.count == lines.count
        if isOrdered { streams = metadata.streams }
        return streams.map { stream in
            guard let stream else { return nil }
            return participant(on: stream.id, in: metadata, isOrdered: isOrdered)
        }
    }

    private func participant(on streamID: String, in metadata: RecordingMetadata, isOrdered: Bool) -> Found? {
        let senders = participants.filter { metadata.streamIDs(sentBy: $0.id).contains(streamID) }
        if let sender = senders.first {
            guard senders.count == 1 else { return nil }
            let rule: RoleRule = metadata.swapsSendAndReceive ? .metadataReceiveSwapped : .metadataSendAssociation
            return (sender, isOrdered ? .metadataStreamOrder : rule)
        }
        let receivers = participants.filter { metadata.streamIDs(receivedBy: $0.id).contains(streamID) }
        guard participants.count == 2, receivers.count == 1 else { return nil }
        guard let other = participants.first(where: { $0.id != receivers[0].id }) else { return nil }
        return (other, isOrdered ? .metadataStreamOrder : .metadataReceiveAssociation)
    }

    /// Step 3.
    private func believed(_ found: [Found?]) -> [Found?] {
        let ids = Set(found.compactMap { $0?.participant.id })
        let isContradiction =
            lines.count >= 2 && participants.count >= 2 && ids.count == 1 && found.allSatisfy { $0 != nil }
        return isContradiction ? found.map { _ in nil } : found
    }

    /// Step 5.
    private func completeByExclusion(_ found: inout [Found?]) {
        let open = found.indices.filter { found[$0] == nil }
        let taken = Set(found.compactMap { $0?.participant.id })
        let left = participants.filter { !taken.contains($0.id) }
        guard open.count == 1, left.count == 1, !taken.isEmpty, let position = open.first, let other = left.first
        else { return }
        found[position] = (other, .metadataOtherParticipant)
    }

    private func caller(among candidates: [Participant]) -> (Participant, CallerRule)? {
        guard let first = candidates.first else { return nil }
        if let parties = metadata?.callParties {
            let flagged = pick(
                candidates, isCaller: { $0.id == parties.callingParticipantID },
                isCalled: { $0.id == parties.calledParticipantID })
            if let flagged { return (flagged, .callingPartyFlag) }
            let numbered = pick(
                candidates, isCaller: { Self.matches($0, parties.calling) },
                isCalled: { Self.matches($0, parties.called) })
            if let numbered { return (numbered, .callData) }
        }
        let callers = candidates.filter { Self.matches($0, from) }
        let called = candidates.filter { Self.matches($0, to) }
        if callers.count == 1, called.count == 1, callers[0].id != called[0].id { return (callers[0], .fromAndTo) }
        return (first, .participantOrder)
    }

    private func pick(
        _ candidates: [Participant], isCaller: (Participant) -> Bool, isCalled: (Participant) -> Bool
    ) -> Participant? {
        let callers = candidates.filter(isCaller)
        if callers.count == 1 { return callers.first }
        guard candidates.count == 2, candidates.filter(isCalled).count == 1 else { return nil }
        return candidates.first { !isCalled($0) }
    }

    private static func matches(_ participant: Participant, _ address: AddressOfRecord?) -> Bool {
        guard let address, let own = participant.address else { return false }
        return own.isSameUser(as: address)
    }
}
