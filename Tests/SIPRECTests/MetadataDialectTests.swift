import Testing

@testable import SIPREC

@Suite("Recording metadata in every dialect")
struct MetadataDialectTests {
    private func read(_ text: String) -> RecordingMetadata { RecordingMetadata(parsing: Array(text.utf8)) }

    struct Dialect: Sendable, CustomTestStringConvertible {
        let name: String
        let text: String
        var namespace = "urn:ietf:params:xml:ns:recording:1"
        var aors = ["sip:1001@h", "sip:1002@h"]
        var testDescription: String { name }
    }

    static let dialects: [Dialect] = [
        Dialect(
            name: "RFC 7865",
            text: """
                <recording xmlns='urn:ietf:params:xml:ns:recording:1'><datamode>complete</datamode>
                <session session_id="s"/>
                <participant participant_id="p1"><nameID aor="sip:1001@h"><name xml:lang="en">Ann</name></nameID></participant>
                <participant participant_id="p2"><nameID aor="sip:1002@h"/></participant>
                <stream stream_id="a" session_id="s"><label>1</label></stream>
                <stream stream_id="b" session_id="s"><label>2</label></stream>
                <participantstreamassoc participant_id="p1"><send>a</send><recv>b</recv></participantstreamassoc>
                <participantstreamassoc participant_id="p2"><send>b</send><recv>a</recv></participantstreamassoc></recording>
                """),
        Dialect(
            name: "draft: id, session and send inside",
            text: """
                <recording xmlns='urn:ietf:params:xml:ns:recording'><dataMode>complete</dataMode><session id="s=="/>
                <participant id="p1" session="s=="><nameID aor="sip:1001@h"><name>&quot;Ann&quot;</name></nameID><send>a</send></participant>
                <participant id="p2" session="s=="><nameID aor="sip:1002@h"><name> </name></nameID><send> b
                </send></participant>
                <stream id="a" session="s=="><label>1</label><mode>separate</mode></stream>
                <stream id="b" session="s=="><label> 2 </label></stream></recording>
                """, namespace: "urn:ietf:params:xml:ns:recording"),
        Dialect(
            name: "recording_metadata with aor and send/id",
            text: """
                <recording_metadata xmlns="urn:ietf:params:xml:ns:siprec"><dataMode>Complete</dataMode><recording id="r"/>
                <session id="s"/><participant id="p1" session="s"><aor>sip:1001@h</aor><name>Ann</name><send><id>a</id></send></participant>
                <participant id="p2" session="s"><aor>sip:1002@h</aor><send><id>b</id></send></participant>
                <stream id="a"><label>1</label></stream><stream id="b"><label>2</label></stream></recording_metadata>
                """, namespace: "urn:ietf:params:xml:ns:siprec"),
        Dialect(
            name: "any prefix, no XML declaration",
            text: """
                <x:recording xmlns:x='urn:ietf:params:xml:ns:recording:1'><x:datamode>complete</x:datamode><x:session session_id="s"/>
                <x:participant participant_id="p1"><x:nameID aor="sip:1001@h"><x:name>Ann</x:name></x:nameID></x:participant>
                <x:participant participant_id="p2"><x:nameID aor="sip:1002@h"></x:nameID></x:participant>
                <x:stream stream_id="a"><x:label>1</x:label></x:stream><x:stream stream_id="b"><x:label>2</x:label></x:stream>
                <x:participantstreamassoc participant_id="p1"><x:send>a</x:send></x:participantstreamassoc>
                <x:participantstreamassoc participant_id="p2"><x:send>b</x:send></x:participantstreamassoc></x:recording>
                """),
        Dialect(
            name: "empty ids: associations follow the order",
            text: """
                <recording xmlns='urn:ietf:params:xml:ns:recording:1'><session session_id=""/>
                <participant participant_id=""><nameID aor="sip:1001@h"><name>Ann</name></nameID></participant>
                <participant><nameID aor="sip:1002@h"/></participant>
                <stream stream_id="a"><label>1</label></stream><stream stream_id="b"><label>2</label></stream>
                <participantstreamassoc participant_id=""><send>a</send></participantstreamassoc>
                <participantstreamassoc><send>b</send></participantstreamassoc></recording>
                """),
        Dialect(
            name: "a bare address in text, a missing end tag",
            text: """
                <recording xmlns='urn:ietf:params:xml:ns:recording:1'><session session_id="s"/>
                <participant participant_id="p1"><nameID>"Ann" <sip:1001@h><name>Ann</name></nameID></participant>
                <participant participant_id="p2"><nameID aor="sip:1002@h">
                <stream stream_id="a"><label>1</label></stream></participant>
                <stream stream_id="a"><label>1</label></stream><stream stream_id="b"><label>2</label></stream>
                <participantstreamassoc participant_id="p1"><send>a</send></participantstreamassoc>
                <participantstreamassoc participant_id="p2"><send>b</send></participantstreamassoc>
                """, aors: ["\"Ann\" <sip:1001@h>", "sip:1002@h"]),
    ]

    @Test("Participants, names, streams and senders", arguments: dialects)
    func dialect(_ dialect: Dialect) {
        let metadata = read(dialect.text)
        #expect(metadata.status == .complete)
        #expect(metadata.namespace == dialect.namespace)
        #expect(metadata.participants.map(\.aor) == dialect.aors)
        #expect(metadata.participants.map(\.number) == ["1001", "1002"])
        #expect(metadata.participants.map(\.name) == ["Ann", nil])
        #expect(metadata.streams.map(\.label) == ["1", "2"])
        #expect(metadata.participants.map { metadata.streamIDs(sentBy: $0.id) } == [["a"], ["b"]])
        #expect(metadata.sessions.count == 1)
        #expect(metadata.raw == Array(dialect.text.utf8))
    }

    @Test("Sonus: send and recv are exchanged")
    func sonus() {
        let metadata = read(
            """
            <tns:recording xmlns:tns='urn:ietf:params:xml:ns:recording'><tns:group group_id="g">
            <callData xmlns='urn:ietf:params:xml:ns:callData'><fromhdr>"x" &lt;sip:1002@h&gt;;tag=1</fromhdr><tohdr>&lt;sip:1001@h&gt;</tohdr></callData></tns:group>
            <tns:participant participant_id="p1"><tns:nameID aor="1001@h"/></tns:participant>
            <tns:participantstreamassoc participant_id="p1"><tns:send>b</tns:send><tns:recv>a</tns:recv></tns:participantstreamassoc></tns:recording>
            """)
        #expect(metadata.swapsSendAndReceive)
        #expect(metadata.streamIDs(sentBy: "p1") == ["a"])
        #expect(metadata.streamIDs(receivedBy: "p1") == ["b"])
        #expect(metadata.callParties.calling?.user == "1002")
        #expect(metadata.callParties.called?.user == "1001")
    }

    @Test("Extensions are kept as written, with their owner")
    func extensions() throws {
        let inner = #"<my:data xmlns:my="urn:my"><my:a>1 &amp; 2</my:a></my:data>"#
        let metadata = read(
            """
            <recording xmlns='urn:ietf:params:xml:ns:recording:1'><session session_id="s"/>
            <participant participant_id="p1"><nameID aor="sip:1@h"/>\(inner)</participant></recording>
            """)
        try #require(metadata.extensions.count == 1)
        #expect(metadata.extensions[0].owner == "participant")
        #expect(metadata.extensions[0].ownerID == "p1")
        #expect(metadata.extensions[0].namespace == "urn:my")
        #expect(metadata.extensions[0].raw == Array(inner.utf8))
    }

    @Test("A participant that has left is not active")
    func disassociated() {
        let metadata = read(
            """
            <recording xmlns='urn:ietf:params:xml:ns:recording:1'><datamode>complete</datamode><session session_id="s"/>
            <participant participant_id="p1"/><participant participant_id="p2"/>
            <participantsessionassoc participant_id="p1" session_id="s"><disassociate-time>2026-01-01T00:00:00Z</disassociate-time></participantsessionassoc>
            <participantsessionassoc participant_id="p2" session_id="s"/></recording>
            """)
        #expect(metadata.participants.map(\.id) == ["p1", "p2"])
        #expect(metadata.activeParticipants.map(\.id) == ["p2"])
    }

    @Test(
        "What is no metadata is unreadable, and its octets are kept",
        arguments: [
            "", "hello", "<html><body/></html>", "<recording/>", "<recording_metadata>completeSRCselective",
            "\u{0}\u{1}<", "<recording><datamode>partial</datamode>",
        ])
    func unreadable(_ text: String) {
        let metadata = read(text)
        #expect(metadata.status == .unreadable)
        #expect(metadata.raw == Array(text.utf8))
        #expect(metadata.participants.isEmpty)
    }

    @Test("At most 64 records of a kind are kept")
    func bounds() {
        let many = String(
            repeating:
                #"<participant/><stream/><session/><group id="g"/><participantstreamassoc/><participantsessionassoc/><x xmlns="u"/>"#,
            count: 300)
        let metadata = read("<recording>\(many)</recording>")
        #expect(metadata.participants.count == 64)
        #expect(metadata.streams.count == 64)
        #expect(metadata.sessions.count == 64)
        #expect(metadata.groups.count == 64)
        #expect(metadata.streamAssociations.count == 64)
        #expect(metadata.sessionAssociations.count == 64)
        #expect(metadata.extensions.count == 64)
    }
}
