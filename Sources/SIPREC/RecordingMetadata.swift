/// Recording metadata, RFC 7865, in one shape for every dialect met in the field.
///
/// Reading never fails: ``status`` tells how much was understood, ``raw`` holds what was sent. Bounded: at most
/// ``maximumRecords`` records of a kind; more are dropped.
public struct RecordingMetadata: Sendable, Equatable {
    /// More records of one kind are dropped.
    public static let maximumRecords = 64

    /// The latest document as it was sent.
    public internal(set) var raw: [UInt8]
    /// How much of it all is known.
    public internal(set) var status: MetadataStatus
    /// What the latest document said of itself.
    public internal(set) var mode: MetadataMode
    /// The namespace of the root element, e.g. `urn:ietf:params:xml:ns:recording:1`.
    public internal(set) var namespace: String
    /// In document order.
    public internal(set) var groups: [Group] = []
    /// In document order.
    public internal(set) var sessions: [Session] = []
    /// In document order; joined ones are added at the end.
    public internal(set) var participants: [Participant] = []
    /// In document order.
    public internal(set) var streams: [Stream] = []
    /// One or more a participant.
    public internal(set) var sessionAssociations: [SessionAssociation] = []
    /// As a rule one a participant.
    public internal(set) var streamAssociations: [StreamAssociation] = []
    /// What vendor extensions say of who called whom.
    public internal(set) var callParties = CallParties()
    /// Elements of other namespaces as written; at most ``maximumRecords``.
    public internal(set) var extensions: [Extension] = []
    /// Whether this source writes `send` for what a participant hears (Ribbon/Sonus `callData` dialect).
    public internal(set) var swapsSendAndReceive = false
    /// What was odd in the latest document, for logs: names of the oddities.
    public internal(set) var findings: [String] = []

    /// A group of communication sessions, RFC 7865 §6.2.
    public struct Group: Sendable, Equatable {
        /// As written; `#0`, `#1`, … where the source writes none.
        public var id: String
        /// As written.
        public var associateTime: String?
        /// As written; set: it has ended.
        public var disassociateTime: String?
    }

    /// A communication session, RFC 7865 §6.3. Times are as written.
    public struct Session: Sendable, Equatable {
        /// As written; `#0`, `#1`, … where the source writes none.
        public var id: String
        /// The id of its group.
        public var groupID: String?
        /// Each `sipSessionID` (RFC 7989), as written.
        public var sipSessionIDs: [String]
        /// As written.
        public var startTime: String?
        /// As written.
        public var stopTime: String?
    }

    /// A participant, RFC 7865 §6.5.
    public struct Participant: Sendable, Equatable {
        /// As written; `#0`, `#1`, … where the source writes none.
        public var id: String
        /// Nil where none is written.
        public var address: AddressOfRecord?
        /// Display name without surrounding quotes; nil where it is blank.
        public var name: String?

        /// The address as written.
        public var aor: String? { address?.text }
        /// The address's user part.
        public var user: String? { address?.user }
        /// The address's user part where it is a number.
        public var number: String? { address?.number }
    }

    /// A media stream, RFC 7865 §6.7: its label is that of an `m=` line.
    public struct Stream: Sendable, Equatable {
        /// As written; `#0`, `#1`, … where the source writes none.
        public var id: String
        /// The id of its session.
        public var sessionID: String?
        /// That of the `m=` line.
        public var label: String?
        /// `separate` or `mixed` where a source writes it.
        public var mode: String?
    }

    /// Which session a participant takes part in, RFC 7865 §6.6.
    public struct SessionAssociation: Sendable, Equatable {
        /// The id of the participant.
        public var participantID: String
        /// The id of its session.
        public var sessionID: String?
        /// As written.
        public var associateTime: String?
        /// Set: the participant has left.
        public var disassociateTime: String?
    }

    /// Which streams a participant sends and receives, RFC 7865 §6.8.
    public struct StreamAssociation: Sendable, Equatable {
        /// The id of the participant.
        public var participantID: String
        /// Ids of streams, as written.
        public var sends: [String]
        /// Ids of streams, as written.
        public var receives: [String]
        /// As written; set: it has ended.
        public var disassociateTime: String?
    }

    /// Who called whom, by vendor extensions.
    public struct CallParties: Sendable, Equatable {
        /// Ids of participants that are flagged (Oracle `callingParty`, NetSapiens `callingParty`).
        public var callingParticipantID: String?
        /// As ``callingParticipantID``.
        public var calledParticipantID: String?
        /// Addresses (BroadWorks `callingPartyNumber`, Sonus `fromhdr`).
        public var calling: AddressOfRecord?
        /// As ``calling``.
        public var called: AddressOfRecord?
    }

    /// An element of another namespace, kept as it was written.
    public struct Extension: Sendable, Equatable {
        /// The key of the record it belongs to: `participant`, `session`, …; `recording` for the document.
        public var owner: String
        /// The id of that record, where it has one.
        public var ownerID: String?
        /// The element's name without prefix.
        public var name: String
        /// The element's namespace.
        public var namespace: String
        /// The element with all it contains.
        public var raw: [UInt8]
    }

    /// Reads a document. References that cannot be resolved are left open: see ``openReferences``.
    public init(parsing bytes: [UInt8]) {
        self = MetadataReader.read(bytes)
    }

    /// Nothing known yet.
    init(raw: [UInt8], status: MetadataStatus) {
        self.raw = raw
        self.status = status
        mode = .unspecified
        namespace = ""
    }

    /// Participants that have not left, in order.
    public var activeParticipants: [Participant] {
        participants.filter { participant in
            let associations = sessionAssociations.filter { $0.participantID == participant.id }
            return associations.isEmpty || associations.contains { $0.disassociateTime == nil }
        }
    }

    /// The ids of streams that the participant sends, as ``swapsSendAndReceive`` reads them.
    public func streamIDs(sentBy participantID: String) -> [String] {
        associations(of: participantID).flatMap { swapsSendAndReceive ? $0.receives : $0.sends }
    }

    /// The ids of streams that the participant receives, as ``swapsSendAndReceive`` reads them.
    public func streamIDs(receivedBy participantID: String) -> [String] {
        associations(of: participantID).flatMap { swapsSendAndReceive ? $0.sends : $0.receives }
    }

    private func associations(of participantID: String) -> [StreamAssociation] {
        streamAssociations.filter { $0.participantID == participantID && $0.disassociateTime == nil }
    }

    /// What associations and streams refer to and no record describes.
    public var openReferences: [SnapshotReason] {
        var reasons: [SnapshotReason] = []
        let participantIDs = Set(participants.map(\.id))
        let streamIDs = Set(streams.map(\.id))
        let named = sessionAssociations.map(\.participantID) + streamAssociations.map(\.participantID)
        for id in named where !participantIDs.contains(id) {
            if !reasons.contains(.unknownParticipant(id)) { reasons.append(.unknownParticipant(id)) }
        }
        for id in streamAssociations.flatMap(\.sends) where !streamIDs.contains(id) {
            if !reasons.contains(.unknownStream(id)) { reasons.append(.unknownStream(id)) }
        }
        return reasons
    }
}
