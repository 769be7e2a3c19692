/// Why the server needs the whole metadata again, RFC 7866 §9.2 (snapshot request).
public enum SnapshotReason: Sendable, Equatable, CustomStringConvertible {
    /// A partial update, and nothing to apply it to.
    case noBase
    case unreadable
    case unknownParticipant(String)
    case unknownStream(String)

    /// For the request to the source and for logs.
    public var description: String {
        switch self {
        case .noBase: "a partial update arrived before any complete metadata"
        case .unreadable: "the metadata update could not be read"
        case .unknownParticipant(let id): "participant \"\(id)\" is not known"
        case .unknownStream(let id): "stream \"\(id)\" is not known"
        }
    }
}

/// What became of a metadata update.
public enum MergeOutcome: Sendable, Equatable {
    case applied
    /// All that could be applied was applied; a snapshot would close the gap.
    case needsSnapshot(SnapshotReason)
}

extension RecordingMetadata {
    /// Takes in a later document of the same recording session.
    ///
    /// A complete document replaces everything (RFC 7865 §6.1). A partial one replaces records of the same id, adds new
    /// ones, and replaces the stream association of each participant it names (RFC 8068 §3.2.2: on hold, the
    /// participant's association comes again without `send`).
    public mutating func apply(_ update: RecordingMetadata) -> MergeOutcome {
        raw = update.raw
        findings = update.findings
        guard update.status != .unreadable else { return .needsSnapshot(.unreadable) }
        let hadBase = status == .complete || status == .partial
        guard update.isPartialUpdate(hasBase: hadBase) else {
            self = update
            return .applied
        }
        mode = update.mode
        if namespace.isEmpty { namespace = update.namespace }
        groups = RecordingMetadata.merged(groups, update.groups, id: \.id)
        for session in update.sessions { merge(session) }
        for participant in update.participants { merge(participant) }
        for stream in update.streams { merge(stream) }
        mergeAssociations(of: update)
        mergeHints(of: update)
        let open = openReferences
        status = hadBase && open.isEmpty && status == .complete ? .complete : .partial
        guard hadBase else { return .needsSnapshot(.noBase) }
        return open.first.map { .needsSnapshot($0) } ?? .applied
    }

    /// Without `datamode`, a document that describes sessions, streams and participants is a whole one.
    private func isPartialUpdate(hasBase: Bool) -> Bool {
        switch mode {
        case .partial: true
        case .complete: false
        case .unspecified: hasBase && (streams.isEmpty || participants.isEmpty)
        }
    }

    private mutating func merge(_ session: Session) {
        guard let index = sessions.firstIndex(where: { $0.id == session.id }) else {
            sessions = RecordingMetadata.merged(sessions, [session], id: \.id)
            return
        }
        sessions[index].groupID = session.groupID ?? sessions[index].groupID
        if !session.sipSessionIDs.isEmpty { sessions[index].sipSessionIDs = session.sipSessionIDs }
        sessions[index].startTime = session.startTime ?? sessions[index].startTime
        sessions[index].stopTime = session.stopTime ?? sessions[index].stopTime
    }

    private mutating func merge(_ participant: Participant) {
        guard let index = participants.firstIndex(where: { $0.id == participant.id }) else {
            participants = RecordingMetadata.merged(participants, [participant], id: \.id)
            return
        }
        participants[index].address = participant.address ?? participants[index].address
        participants[index].name = participant.name ?? participants[index].name
    }

    private mutating func merge(_ stream: Stream) {
        guard let index = streams.firstIndex(where: { $0.id == stream.id }) else {
            streams = RecordingMetadata.merged(streams, [stream], id: \.id)
            return
        }
        streams[index].sessionID = stream.sessionID ?? streams[index].sessionID
        streams[index].label = stream.label ?? streams[index].label
        streams[index].mode = stream.mode ?? streams[index].mode
    }

    private mutating func mergeAssociations(of update: RecordingMetadata) {
        for association in update.sessionAssociations {
            let known = sessionAssociations.firstIndex {
                $0.participantID == association.participantID
                    && (association.sessionID == nil || $0.sessionID == association.sessionID)
            }
            if let known {
                // Joining again clears the earlier leaving.
                sessionAssociations[known].disassociateTime = association.disassociateTime
                sessionAssociations[known].associateTime =
                    association.associateTime ?? sessionAssociations[known].associateTime
            } else if sessionAssociations.count < RecordingMetadata.maximumRecords {
                sessionAssociations.append(association)
            }
        }
        let named = Set(update.streamAssociations.map(\.participantID))
        let left = update.streamAssociations.filter { $0.disassociateTime == nil }
        streamAssociations.removeAll { named.contains($0.participantID) }
        streamAssociations += left.prefix(max(0, RecordingMetadata.maximumRecords - streamAssociations.count))
    }

    private mutating func mergeHints(of update: RecordingMetadata) {
        let hints = update.callParties
        callParties.callingParticipantID = hints.callingParticipantID ?? callParties.callingParticipantID
        callParties.calledParticipantID = hints.calledParticipantID ?? callParties.calledParticipantID
        callParties.calling = hints.calling ?? callParties.calling
        callParties.called = hints.called ?? callParties.called
        if !update.extensions.isEmpty { extensions = update.extensions }
    }

    private static func merged<Record>(
        _ old: [Record], _ new: [Record], id: KeyPath<Record, String>
    ) -> [Record] {
        var records = old
        for record in new {
            if let index = records.firstIndex(where: { $0[keyPath: id] == record[keyPath: id] }) {
                records[index] = record
            } else if records.count < maximumRecords {
                records.append(record)
            }
        }
        return records
    }
}
