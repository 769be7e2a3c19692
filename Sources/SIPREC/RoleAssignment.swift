/// How an `m=` line was given its participant; the raw values appear in events.
public enum RoleRule: String, Sendable, Equatable, CaseIterable {
    /// The line's label names a stream, and one participant sends that stream.
    case metadataSendAssociation = "metadata-send-association"
    /// As above, with `send` and `recv` exchanged because this source is known to write them so.
    case metadataReceiveSwapped = "metadata-recv-swapped"
    /// Nobody is said to send the stream; of two participants, one receives it.
    case metadataReceiveAssociation = "metadata-recv-association"
    /// Labels of SDP and metadata differ throughout; as many streams as audio lines, taken in order.
    case metadataStreamOrder = "metadata-stream-order"
    /// The other line has its participant, one line and one participant are left.
    case metadataOtherParticipant = "metadata-other-participant"
    /// No usable associations: the first participant on the first audio line, and so on.
    case metadataParticipantOrder = "metadata-participant-order"
    /// No usable metadata: the first audio line is the caller's.
    case mediaLineOrder = "m-line-order"
    /// One audio line that carries everybody.
    case singleMixedStream = "single-mixed-stream"
}

/// How the calling participant was found; the raw values are for logs.
public enum CallerRule: String, Sendable, Equatable, CaseIterable {
    /// A vendor extension flags the participant.
    case callingPartyFlag = "calling-party-flag"
    /// A vendor extension has the numbers of calling and called party.
    case callData = "call-data"
    /// `From` and `To` of the INVITE are two of the participants.
    case fromAndTo = "from-and-to"
    /// The first participant in the document.
    case participantOrder = "participant-order"
    /// The first audio line.
    case mediaLineOrder = "m-line-order"
}

/// Who speaks on an audio `m=` line, and whether that is the caller.
///
/// The order of decision, for all audio lines of a call at once:
///
/// 1. **Line to stream**: the line's `a=label` equals a stream's `label` (as text). If no label matches at all and there
///    are as many streams as audio lines, they are paired in order (`metadata-stream-order`).
/// 2. **Stream to participant**: the one active participant that sends the stream (`metadata-send-association`; for
///    sources that exchange the two, the one that receives it: `metadata-recv-swapped`). If nobody sends it and exactly
///    one of two participants receives it, the other one (`metadata-recv-association`).
/// 3. If every line would get the same participant although there are others, the associations are not believed.
/// 4. **A single audio line** that is not one participant's alone is mixed (`single-mixed-stream`), counted as caller's.
/// 5. Exactly one line and one participant left: they belong together (`metadata-other-participant`).
/// 6. No line found its participant and there are at least two: participants in document order on lines in order
///    (`metadata-participant-order`).
/// 7. Else lines in order, no participant (`m-line-order`).
///
/// **The caller** is, among the participants found in 1–6: the one flagged as calling party by an extension, or the one
/// opposite the flagged called party; else the one whose number the extension gives as calling, or opposite the called;
/// else the one of `From`, if `From` and `To` of the INVITE are two different participants (the headers of a SIPREC
/// INVITE often name the recorder, so one match alone proves nothing); else the first in the document. Where no
/// participant was found, the first audio line is the caller's.
public struct RoleAssignment: Sendable, Equatable {
    /// Position among all `m=` lines of the session description, from 0.
    public let index: Int
    /// The line's label, where it has one.
    public let label: String?
    /// Nil where no metadata tells, or the line is mixed.
    public let participant: RecordingMetadata.Participant?
    /// Whether the line carries the caller.
    public let isCaller: Bool
    /// How the participant was found.
    public let rule: RoleRule
    /// How the caller was found.
    public let callerRule: CallerRule

    /// An audio line as far as roles need it.
    public struct Line: Sendable, Equatable {
        /// Position among all `m=` lines, from 0.
        public let index: Int
        /// The line's label, where it has one.
        public let label: String?

        /// Makes a line.
        public init(index: Int, label: String?) {
            self.index = index
            self.label = label
        }
    }

    /// Decides for all audio lines of a session, in the order of `media`.
    ///
    /// - Parameters:
    ///   - metadata: Nil where none was sent or none could be read.
    ///   - media: The audio lines only.
    ///   - from: The URI or name-addr of `From` of the INVITE.
    ///   - to: The URI or name-addr of `To` of the INVITE.
    public static func decide(
        metadata: RecordingMetadata?, media: [Line], from: String?, to: String?
    ) -> [RoleAssignment] {
        RoleDecision(metadata: metadata, lines: media, from: from, to: to).run()
    }
}
