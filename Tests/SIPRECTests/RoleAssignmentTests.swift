import Testing

@testable import SIPREC

@Suite("Who is the caller")
struct RoleAssignmentTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        var participants = ["p1": "1001", "p2": "1002"]
        /// Stream id to label.
        var streams: [(String, String)] = [("a", "1"), ("b", "2")]
        /// Participant, sends, receives.
        var associations: [(String, [String], [String])] = []
        var extra = ""
        var labels: [String?] = ["1", "2"]
        var from: String?
        var to: String?
        /// For each line: number (nil: none), caller, rule.
        let expected: [(String?, Bool, RoleRule)]
        var callerRule = CallerRule.participantOrder
        var testDescription: String { name }
    }

    static let cases: [Case] = [
        Case(
            name: "senders by association", associations: [("p1", ["a"], ["b"]), ("p2", ["b"], ["a"])],
            expected: [("1001", true, .metadataSendAssociation), ("1002", false, .metadataSendAssociation)]),
        Case(
            name: "the caller's stream is the second line", associations: [("p1", ["b"], []), ("p2", ["a"], [])],
            expected: [("1002", false, .metadataSendAssociation), ("1001", true, .metadataSendAssociation)]),
        Case(
            name: "only recv is written", associations: [("p1", [], ["b"]), ("p2", [], ["a"])],
            expected: [("1001", true, .metadataReceiveAssociation), ("1002", false, .metadataReceiveAssociation)]),
        Case(
            name: "no associations: participants in order",
            expected: [("1001", true, .metadataParticipantOrder), ("1002", false, .metadataParticipantOrder)]),
        Case(
            name: "everybody sends everything: not believed",
            associations: [("p1", ["a", "b"], []), ("p2", ["a", "b"], [])],
            expected: [("1001", true, .metadataParticipantOrder), ("1002", false, .metadataParticipantOrder)]),
        Case(
            name: "one participant sends every line: not believed", associations: [("p1", ["a", "b"], [])],
            expected: [("1001", true, .metadataParticipantOrder), ("1002", false, .metadataParticipantOrder)]),
        Case(
            name: "labels differ: streams in order", associations: [("p1", ["b"], []), ("p2", ["a"], [])],
            labels: ["x", "y"],
            expected: [("1002", false, .metadataStreamOrder), ("1001", true, .metadataStreamOrder)]),
        Case(
            name: "no labels in the description: streams in order",
            associations: [("p1", ["a"], []), ("p2", ["b"], [])], labels: [nil, nil],
            expected: [("1001", true, .metadataStreamOrder), ("1002", false, .metadataStreamOrder)]),
        Case(
            name: "one line known, the other follows", associations: [("p2", ["b"], [])],
            expected: [("1001", true, .metadataOtherParticipant), ("1002", false, .metadataSendAssociation)]),
        Case(
            name: "flagged calling party is the second", associations: [("p1", ["a"], []), ("p2", ["b"], [])],
            extra: "<v:x xmlns:v='u'><callingParty participant_id='p2'/></v:x>",
            expected: [("1001", false, .metadataSendAssociation), ("1002", true, .metadataSendAssociation)],
            callerRule: .callingPartyFlag),
        Case(
            name: "called number is the first", associations: [("p1", ["a"], []), ("p2", ["b"], [])],
            extra: "<v:x xmlns:v='u'><calledPartyNumber>+1001</calledPartyNumber></v:x>",
            expected: [("1001", false, .metadataSendAssociation), ("1002", true, .metadataSendAssociation)],
            callerRule: .callData),
        Case(
            name: "From and To are both participants", associations: [("p1", ["a"], []), ("p2", ["b"], [])],
            from: "\"B\" <sip:1002@h>;tag=1", to: "<sip:1001@h>",
            expected: [("1001", false, .metadataSendAssociation), ("1002", true, .metadataSendAssociation)],
            callerRule: .fromAndTo),
        Case(
            name: "From alone proves nothing", associations: [("p1", ["a"], []), ("p2", ["b"], [])],
            from: "sip:1002@h", to: "sip:recorder@h",
            expected: [("1001", true, .metadataSendAssociation), ("1002", false, .metadataSendAssociation)]),
        Case(
            name: "no metadata: lines in order", participants: [:], streams: [],
            expected: [(nil, true, .mediaLineOrder), (nil, false, .mediaLineOrder)], callerRule: .mediaLineOrder),
        Case(
            name: "one mixed line", streams: [("a", "1")], associations: [("p1", ["a"], ["a"]), ("p2", ["a"], ["a"])],
            labels: ["1"],
            expected: [(nil, true, .singleMixedStream)], callerRule: .mediaLineOrder),
        Case(
            name: "one line without metadata", participants: [:], streams: [], labels: [nil],
            expected: [(nil, true, .singleMixedStream)], callerRule: .mediaLineOrder),
        Case(
            name: "one line that is one participant's alone", streams: [("a", "1")], associations: [("p2", ["a"], [])],
            labels: ["1"],
            expected: [("1002", true, .metadataSendAssociation)]),
        Case(
            name: "a dummy participant without streams is not the caller",
            participants: ["p0": "dummy", "p1": "1001", "p2": "1002"],
            associations: [("p1", ["a"], []), ("p2", ["b"], [])],
            expected: [("1001", true, .metadataSendAssociation), ("1002", false, .metadataSendAssociation)]),
        Case(
            name: "three parties, three lines", participants: ["p1": "1001", "p2": "1002", "p3": "1003"],
            streams: [("a", "1"), ("b", "2"), ("c", "3")],
            associations: [("p1", ["a"], []), ("p2", ["b"], []), ("p3", ["c"], [])], labels: ["1", "2", "3"],
            expected: [
                ("1001", true, .metadataSendAssociation), ("1002", false, .metadataSendAssociation),
                ("1003", false, .metadataSendAssociation),
            ]),
        Case(
            name: "two lines a party", streams: [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")],
            associations: [("p1", ["a", "c"], []), ("p2", ["b", "d"], [])], labels: ["1", "2", "3", "4"],
            expected: [
                ("1001", true, .metadataSendAssociation), ("1002", false, .metadataSendAssociation),
                ("1001", true, .metadataSendAssociation), ("1002", false, .metadataSendAssociation),
            ]),
        Case(name: "no audio line at all", labels: [], expected: []),
    ]

    private static func document(_ one: Case) -> RecordingMetadata? {
        guard !one.participants.isEmpty else { return nil }
        var text = "<recording xmlns='urn:ietf:params:xml:ns:recording:1'><session session_id='s'/>"
        for (id, number) in one.participants.sorted(by: { $0.key < $1.key }) {
            text += "<participant participant_id='\(id)'><nameID aor='sip:\(number)@h'/></participant>"
        }
        for (id, label) in one.streams { text += "<stream stream_id='\(id)'><label>\(label)</label></stream>" }
        for (id, sends, receives) in one.associations {
            text +=
                "<participantstreamassoc participant_id='\(id)'>" + sends.map { "<send>\($0)</send>" }.joined()
                + receives.map { "<recv>\($0)</recv>" }.joined() + "</participantstreamassoc>"
        }
        return RecordingMetadata(parsing: Array((text + one.extra + "</recording>").utf8))
    }

    @Test("Participant, caller and rule of each line", arguments: cases)
    func table(_ one: Case) {
        let lines = one.labels.enumerated().map { RoleAssignment.Line(index: $0 * 2, label: $1) }
        let roles = RoleAssignment.decide(metadata: Self.document(one), media: lines, from: one.from, to: one.to)
        #expect(roles.map(\.index) == lines.map(\.index))
        #expect(roles.map { $0.participant?.number } == one.expected.map { $0.0 })
        #expect(roles.map(\.isCaller) == one.expected.map { $0.1 })
        #expect(roles.map(\.rule) == one.expected.map { $0.2 })
        #expect(roles.allSatisfy { $0.callerRule == one.callerRule })
    }

    @Test("Oracle's callingParty is read from inside the participant", arguments: [true, false])
    func oracleFlag(_ isFirst: Bool) {
        func participant(_ id: String, _ stream: String, _ flag: Bool) -> String {
            "<participant id='\(id)' session='s'><nameID aor='sip:\(id)@h'/><send>\(stream)</send><extensiondata xmlns:apkt='u'><apkt:callingParty>\(flag)</apkt:callingParty></extensiondata></participant>"
        }
        let text =
            "<recording><session id='s'/>" + participant("1001", "a", isFirst) + participant("1002", "b", !isFirst)
            + "<stream id='a'><label>1</label></stream><stream id='b'><label>2</label></stream></recording>"
        let roles = RoleAssignment.decide(
            metadata: RecordingMetadata(parsing: Array(text.utf8)),
            media: [.init(index: 0, label: "1"), .init(index: 1, label: "2")],
            from: nil, to: nil)
        #expect(roles.map(\.isCaller) == [isFirst, !isFirst])
        #expect(roles.allSatisfy { $0.callerRule == .callingPartyFlag })
    }

    @Test(
        "Exactly one line is the caller's whatever the documents say, wherever there are two parties",
        arguments: 0..<200)
    func alwaysACaller(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let lineCount = Int.random(in: 2...4, using: &generator)
        var text = "<recording>"
        for id in 0..<Int.random(in: 0...4, using: &generator) {
            text += "<participant id='p\(id)'><nameID aor='sip:\(id)@h'/></participant>"
        }
        for id in 0..<Int.random(in: 0...4, using: &generator) {
            text += "<stream id='s\(id)'><label>\(Int.random(in: 0...4, using: &generator))</label></stream>"
        }
        for _ in 0..<Int.random(in: 0...4, using: &generator) {
            text +=
                "<participantstreamassoc participant_id='p\(Int.random(in: 0...4, using: &generator))'><send>s\(Int.random(in: 0...4, using: &generator))</send><recv>s\(Int.random(in: 0...4, using: &generator))</recv></participantstreamassoc>"
        }
        let metadata = RecordingMetadata(parsing: Array((text + "</recording>").utf8))
        let lines = (0..<lineCount).map { RoleAssignment.Line(index: $0, label: String($0)) }
        let roles = RoleAssignment.decide(metadata: metadata, media: lines, from: "sip:1@h", to: "sip:2@h")
        #expect(roles.count == lineCount)
        #expect(roles.contains { $0.isCaller })
    }
}
