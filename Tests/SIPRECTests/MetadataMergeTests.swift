import Testing

@testable import SIPREC

@Suite("Partial and complete metadata updates")
struct MetadataMergeTests {
    private static let base = """
        <recording xmlns='urn:ietf:params:xml:ns:recording:1'><datamode>complete</datamode>
        <session session_id="s"><start-time>t0</start-time></session>
        <participant participant_id="p1"><nameID aor="sip:1001@h"><name>Ann</name></nameID></participant>
        <participant participant_id="p2"><nameID aor="sip:1002@h"/></participant>
        <stream stream_id="a"><label>1</label></stream><stream stream_id="b"><label>2</label></stream>
        <participantsessionassoc participant_id="p1" session_id="s"/><participantsessionassoc participant_id="p2" session_id="s"/>
        <participantstreamassoc participant_id="p1"><send>a</send><recv>b</recv></participantstreamassoc>
        <participantstreamassoc participant_id="p2"><send>b</send><recv>a</recv></participantstreamassoc></recording>
        """

    private func read(_ text: String) -> RecordingMetadata { RecordingMetadata(parsing: Array(text.utf8)) }

    private func partial(_ text: String) -> RecordingMetadata {
        read("<recording xmlns='urn:ietf:params:xml:ns:recording:1'><datamode>partial</datamode>\(text)</recording>")
    }

    private func merged(_ update: RecordingMetadata) -> (RecordingMetadata, MergeOutcome) {
        var metadata = read(Self.base)
        let outcome = metadata.apply(update)
        return (metadata, outcome)
    }

    @Test("Hold: the participant's association comes again without send")
    func hold() {
        let (metadata, outcome) = merged(
            partial("<participantstreamassoc participant_id='p1'><recv>b</recv></participantstreamassoc>"))
        #expect(outcome == .applied)
        #expect(metadata.status == .complete)
        #expect(metadata.streamIDs(sentBy: "p1").isEmpty)
        #expect(metadata.streamIDs(receivedBy: "p1") == ["b"])
        #expect(metadata.streamIDs(sentBy: "p2") == ["b"])
        #expect(metadata.participants.count == 2)
    }

    @Test("Transfer: one leaves, one joins with its stream")
    func transfer() {
        let (metadata, outcome) = merged(
            partial(
                """
                <participant participant_id='p3'><nameID aor='sip:1003@h'/></participant>
                <participantsessionassoc participant_id='p1' session_id='s'><disassociate-time>t1</disassociate-time></participantsessionassoc>
                <participantsessionassoc participant_id='p3' session_id='s'/>
                <stream stream_id='c'><label>1</label></stream>
                <participantstreamassoc participant_id='p3'><send>c</send></participantstreamassoc>
                """))
        #expect(outcome == .applied)
        #expect(metadata.activeParticipants.map(\.id) == ["p2", "p3"])
        #expect(metadata.streamIDs(sentBy: "p3") == ["c"])
        #expect(metadata.sessions.first?.startTime == "t0")
    }

    @Test("A participant that left and joins again is active")
    func rejoin() {
        var (metadata, _) = merged(
            partial(
                "<participantsessionassoc participant_id='p1' session_id='s'><disassociate-time>t1</disassociate-time></participantsessionassoc>"
            ))
        #expect(metadata.activeParticipants.map(\.id) == ["p2"])
        let outcome = metadata.apply(
            partial(
                "<participantsessionassoc participant_id='p1' session_id='s'><associate-time>t2</associate-time></participantsessionassoc>"
            ))
        #expect(outcome == .applied)
        #expect(metadata.activeParticipants.map(\.id) == ["p1", "p2"])
    }

    @Test("A late name is added to what is known")
    func lateName() {
        let (metadata, _) = merged(
            partial("<participant participant_id='p2'><nameID><name>Bob</name></nameID></participant>"))
        #expect(metadata.participants.map(\.name) == ["Ann", "Bob"])
        #expect(metadata.participants.map(\.number) == ["1001", "1002"])
    }

    @Test("Unknown participants and streams need a snapshot; what can be applied is")
    func openReferences() {
        let (metadata, outcome) = merged(
            partial(
                """
                <participantstreamassoc participant_id='p9'><send>a</send></participantstreamassoc>
                <participant participant_id='p2'><nameID><name>Bob</name></nameID></participant>
                """))
        #expect(outcome == .needsSnapshot(.unknownParticipant("p9")))
        #expect(metadata.status == .partial)
        #expect(metadata.participants.last?.name == "Bob")
        let (_, stream) = merged(
            partial("<participantstreamassoc participant_id='p1'><send>zz</send></participantstreamassoc>"))
        #expect(stream == .needsSnapshot(.unknownStream("zz")))
    }

    @Test("An unreadable update changes nothing but the raw octets")
    func unreadable() {
        let (metadata, outcome) = merged(read("rubbish"))
        #expect(outcome == .needsSnapshot(.unreadable))
        #expect(metadata.raw == Array("rubbish".utf8))
        #expect(metadata.participants.count == 2)
        #expect(metadata.status == .complete)
    }

    @Test("A partial update of nothing needs a snapshot, a complete one closes the gap")
    func noBase() {
        var metadata = RecordingMetadata(raw: [], status: .missing)
        let first = metadata.apply(partial("<participant participant_id='p1'/>"))
        #expect(first == .needsSnapshot(.noBase))
        #expect(metadata.status == .partial)
        let second = metadata.apply(read(Self.base))
        #expect(second == .applied)
        #expect(metadata.status == .complete)
    }

    @Test("A complete document replaces everything")
    func complete() {
        let (metadata, outcome) = merged(
            read(
                "<recording><datamode>complete</datamode><session session_id='n'/><participant participant_id='x'/></recording>"
            ))
        #expect(outcome == .applied)
        #expect(metadata.participants.map(\.id) == ["x"])
        #expect(metadata.streams.isEmpty)
    }

    @Test("Updates without end stay within the bounds")
    func bounds() {
        var metadata = read(Self.base)
        for round in 0..<300 {
            let outcome = metadata.apply(
                partial(
                    "<participant participant_id='q\(round)'/><stream stream_id='t\(round)'/><participantsessionassoc participant_id='p1' session_id='s\(round)'/>"
                ))
            #expect(outcome == .applied)
        }
        #expect(metadata.participants.count == 64)
        #expect(metadata.streams.count == 64)
        #expect(metadata.sessionAssociations.count == 64)
    }
}
