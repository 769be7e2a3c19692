import Foundation
import SDP
import Testing

@testable import SIPREC

/// Bodies of real sources and of the RFCs, read from `../shared/testdata/siprec`.
@Suite("Third-party SIPREC bodies", .enabled(if: ThirdPartyData.isPresent, "skipped: no ../shared/testdata"))
struct ThirdPartyOfferTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let file: String
        let labels: [String?]
        let numbers: [String?]
        var callers = [true, false]
        let rule: RoleRule
        let callerRule: CallerRule
        var status = MetadataStatus.complete
        var isActive = true
        var findings: [String] = []
        var refused: [Int: MediaVerdict] = [:]
        var testDescription: String { file }
    }

    static let vendors: [Row] = [
        Row(
            file: "vendor-offers/acme-siprec-offer.txt", labels: ["16777227", "16777228"], numbers: ["9000", "1002"],
            rule: .metadataSendAssociation, callerRule: .callingPartyFlag),
        Row(
            file: "vendor-offers/acme-siprec-offer-quoted-name.txt", labels: ["33675086", "33675087"],
            numbers: ["22938884455", "+12298558585"], rule: .metadataSendAssociation, callerRule: .callingPartyFlag),
        Row(
            file: "vendor-offers/audiocodes-siprec-offer.txt", labels: ["1", "2"],
            numbers: ["+31534889935", "+31886601071"], rule: .metadataSendAssociation, callerRule: .participantOrder),
        Row(
            file: "vendor-offers/audiocodes-siprec-offer2.txt", labels: ["1", "2"],
            numbers: ["+31534889935", "+31886601019"], rule: .metadataSendAssociation, callerRule: .participantOrder),
        Row(
            file: "vendor-offers/avaya-siprec-offer.txt", labels: ["201835599", "201835600"],
            numbers: ["31624895902", "33187164021"], rule: .metadataSendAssociation, callerRule: .callingPartyFlag),
        Row(
            file: "vendor-offers/broadworks-lineport-recording-metadata-offer.txt", labels: ["1", "2"],
            numbers: [nil, "+12295556666"], rule: .metadataSendAssociation, callerRule: .callData),
        Row(
            file: "vendor-offers/broadworks-offer-2.txt", labels: ["10", "20"], numbers: ["9878942259", nil],
            rule: .metadataSendAssociation, callerRule: .participantOrder),
        Row(
            file: "vendor-offers/broadworks-offer.txt", labels: ["1"], numbers: [nil], callers: [true],
            rule: .singleMixedStream, callerRule: .mediaLineOrder, status: .unreadable, findings: ["wrongPartLength"]),
        Row(
            file: "vendor-offers/broadworks-recording-metadata-offer.txt", labels: ["1", "2"],
            numbers: [nil, "15550001002"], rule: .metadataSendAssociation, callerRule: .callData),
        Row(
            file: "vendor-offers/broadworks-termcall-recording-metadata-offer.txt", labels: ["1", "2"],
            numbers: [nil, "+15550001002"], callers: [false, true], rule: .metadataSendAssociation,
            callerRule: .callData),
        Row(
            file: "vendor-offers/cisco-siprec-offer.txt", labels: ["1", "2"], numbers: ["7301", "7300"],
            rule: .metadataSendAssociation, callerRule: .participantOrder, findings: ["missingFinalBoundary"]),
        Row(
            file: "vendor-offers/connectel-offer.txt", labels: ["1", "2"], numbers: ["0771121212", "0760516936"],
            rule: .metadataParticipantOrder, callerRule: .participantOrder),
        Row(
            file: "vendor-offers/connectel-offer2.txt", labels: ["1", "2"], numbers: ["0771121212", "0760516936"],
            rule: .metadataParticipantOrder, callerRule: .participantOrder),
        Row(
            file: "vendor-offers/connectel-offer3.txt", labels: ["1", "2"], numbers: ["0771121212", "0760516936"],
            rule: .metadataParticipantOrder, callerRule: .participantOrder),
        Row(
            file: "vendor-offers/inactive-sdp-offer.txt", labels: ["1", "2"], numbers: ["0733165805", "+972546136443"],
            rule: .metadataParticipantOrder, callerRule: .participantOrder, isActive: false),
        Row(
            file: "vendor-offers/non-siprec-payload.txt", labels: ["1"], numbers: [nil], callers: [true],
            rule: .singleMixedStream, callerRule: .mediaLineOrder, status: .missing),
        Row(
            file: "vendor-offers/procomm-siprec-offer.txt", labels: ["a_leg", "b_leg"], numbers: ["016190200", nil],
            rule: .metadataSendAssociation, callerRule: .participantOrder, findings: ["missingFinalBoundary"]),
        Row(
            file: "vendor-offers/sonus-siprec-offer.txt", labels: ["1", "2"], numbers: ["2249888500", "2249888012"],
            rule: .metadataReceiveSwapped, callerRule: .callData, findings: ["missingFinalBoundary"]),
        Row(
            file: "rfc/7866/fig12-invite.sip", labels: ["1"], numbers: [nil], callers: [true], rule: .singleMixedStream,
            callerRule: .mediaLineOrder),
        Row(
            file: "rfc/8068/01-sec3.2.1.sip", labels: ["96", "98"], numbers: [nil, nil], rule: .metadataSendAssociation,
            callerRule: .participantOrder, refused: [1: .notAudio, 3: .notAudio]),
        Row(
            file: "rfc/8068/06-sec3.2.3.sip", labels: ["96", "98"], numbers: [nil, nil], callers: [false, true],
            rule: .metadataSendAssociation, callerRule: .participantOrder, refused: [1: .notAudio, 3: .notAudio]),
        Row(
            file: "rfc/8068/08-sec3.3.1.sip", labels: ["96"], numbers: [nil], callers: [true], rule: .singleMixedStream,
            callerRule: .mediaLineOrder),
    ]

    /// The body of a file: after the header of a message, or all of it with the boundary that it shows.
    private func body(_ file: String) throws -> SessionBody {
        let bytes = try ThirdPartyData.bytes("siprec/" + file)
        guard file.hasSuffix(".sip") else {
            let first = bytes.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }).map {
                String(decoding: $0, as: UTF8.self)
            }
            .first { $0.hasPrefix("--") }
            let type = first.map {
                "multipart/mixed;boundary=\"\($0.dropFirst(2).trimmingCharacters(in: .whitespaces))\""
            }
            return SessionBody(bytes, contentType: type ?? "application/sdp")
        }
        let text = String(decoding: bytes, as: UTF8.self).replacingOccurrences(of: "\r\n", with: "\n")
        let parts = text.components(separatedBy: "\n\n")
        let content = Array(parts.dropFirst().joined(separator: "\n\n").utf8)
        let header = { (name: String) in
            parts[0].components(separatedBy: "\n").first { $0.hasPrefix(name + ":") }
                .map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
        }
        return SessionBody(
            content, contentType: header("Content-Type"), contentDisposition: header("Content-Disposition"))
    }

    @Test("Streams, roles and rules of an INVITE", arguments: vendors)
    func invite(_ row: Row) throws {
        var session = RecordingSession(configuration: RecordingSessionTests.configuration)
        let (plan, exchange) = try RecordingSessionTests.invite(&session, body(row.file))
        #expect(exchange.changes.allSatisfy { $0.kind == .added })
        let media = exchange.changes.map(\.media)
        #expect(media.map(\.label) == row.labels)
        #expect(media.map(\.role.participant?.number) == row.numbers)
        #expect(media.map(\.role.isCaller) == row.callers)
        #expect(media.allSatisfy { $0.role.rule == row.rule })
        #expect(media.allSatisfy { $0.role.callerRule == row.callerRule })
        #expect(media.allSatisfy { $0.isActive == row.isActive })
        #expect(plan.refused == row.refused)
        #expect(plan.metadata?.status == row.status)
        #expect(plan.metadata?.findings == row.findings)
        #expect(plan.metadata?.snapshot == nil)
        let answer = try SessionDescription(parsing: exchange.sdp)
        let directions = answer.mediaParameters.filter { $0.port != 0 }.map(\.direction)
        #expect(directions == row.labels.map { _ in row.isActive ? .recvonly : .inactive })
    }

    @Test("Every vendor body has its row")
    func complete() {
        let files = ThirdPartyData.files("siprec/vendor-offers", ending: ".txt").map { $0.dropFirst("siprec/".count) }
        #expect(Set(files.map(String.init)).subtracting(Self.vendors.map(\.file)).isEmpty)
        #expect(!files.isEmpty)
    }

    @Test(
        "A body without the boundary in Content-Type gives the same streams",
        arguments: vendors.filter { $0.file.hasSuffix(".txt") })
    func guessedBoundary(_ row: Row) throws {
        var session = RecordingSession(configuration: RecordingSessionTests.configuration)
        let bytes = try ThirdPartyData.bytes("siprec/" + row.file)
        let (_, exchange) = try RecordingSessionTests.invite(
            &session, SessionBody(bytes, contentType: "multipart/mixed"))
        #expect(exchange.changes.map(\.media.label) == row.labels)
        #expect(exchange.changes.map(\.media.role.isCaller) == row.callers)
    }

    @Test("RFC 8068 §3.2: call, hold, resume, transfer, end")
    func callFlow() throws {
        var session = RecordingSession(configuration: RecordingSessionTests.configuration)
        _ = try RecordingSessionTests.invite(&session, body("rfc/8068/01-sec3.2.1.sip"))
        func names() -> [String?] { session.media.map(\.role.participant?.name) }
        #expect(names() == ["Alice", "Bob"])
        let (hold, _) = try RecordingSessionTests.reinvite(&session, body("rfc/8068/02-sec3.2.2.sip"))
        #expect(hold.metadata?.status == .complete)
        #expect(session.metadata?.streamIDs(sentBy: "srfBElmCRp2QB23b7Mpk0w==") == [])
        #expect(names() == ["Alice", "Bob"])
        let (resume, _) = try RecordingSessionTests.reinvite(&session, body("rfc/8068/03-sec3.2.2.sip"))
        #expect(resume.metadata?.status == .complete)
        #expect(session.metadata?.streamIDs(sentBy: "srfBElmCRp2QB23b7Mpk0w==").count == 2)
        // The RFC's own transfer names streams that no document describes: a snapshot closes the gap.
        let (transfer, moved) = try RecordingSessionTests.reinvite(&session, body("rfc/8068/04-sec3.2.3.sip"))
        #expect(transfer.metadata?.status == .partial)
        #expect(transfer.metadata?.snapshot?.reason == .unknownStream("60JAJm9UTvik0Ltlih/Gzw=="))
        #expect(transfer.metadata?.snapshot?.contentType == "application/rs-metadata")
        #expect(session.metadata?.activeParticipants.map(\.name) == ["Bob", "Carol"])
        #expect(moved.changes.map(\.kind) == [.updated, .updated])
        let (snapshot, _) = try RecordingSessionTests.reinvite(&session, body("rfc/8068/06-sec3.2.3.sip"))
        #expect(snapshot.metadata?.status == .complete)
        #expect(session.media.map(\.role.participant?.aor) == ["sip:carol@example.com", "sip:Bob@biloxy.com"])
        #expect(session.media.map(\.role.isCaller) == [true, false])
        let update = session.receiveBye(try body("rfc/8068/07-sec3.2.4.sip"))
        #expect(update?.isChanged == true)
    }

    @Test("RFC 8068 §3.3: a mixed stream whose speakers change")
    func mixedFlow() throws {
        var session = RecordingSession(configuration: RecordingSessionTests.configuration)
        _ = try RecordingSessionTests.invite(&session, body("rfc/8068/08-sec3.3.1.sip"))
        for file in ["09-sec3.3.2", "10-sec3.3.2", "11-sec3.3.3", "12-sec3.3.3"] {
            let (plan, exchange) = try RecordingSessionTests.reinvite(&session, body("rfc/8068/\(file).sip"))
            #expect(plan.metadata?.status == .complete, "\(file)")
            #expect(plan.metadata?.snapshot == nil, "\(file)")
            #expect(exchange.changes.isEmpty, "\(file)")
        }
        #expect(session.metadata?.activeParticipants.map(\.name) == ["Bob", "Carol"])
    }

    @Test(
        "An INVITE that carries metadata only is a delayed offer",
        arguments: ["rfc/8068/13-sec3.4.1.sip", "rfc/8068/14-sec3.5.sip"])
    func metadataOnlyInvite(_ file: String) throws {
        var session = RecordingSession(configuration: RecordingSessionTests.configuration)
        let action = session.receiveInvite(try body(file), recordOnly: false, from: nil, to: nil)
        guard case .offer(let plan) = action else { throw RecordingSessionTests.Unexpected(action: action) }
        #expect(plan.metadata?.raw != nil)
    }

    @Test("RFC 7866 figure 13 is a snapshot request like ours")
    func figure13() throws {
        let theirs = XMLReader.read(try body("rfc/7866/fig13-srs-update-requestsnapshot.sip").content)
        let ours = XMLReader.read(SnapshotRequest(reason: .noBase, sourceType: nil).body)
        #expect(theirs.elements.map(\.name) == ours.elements.map(\.name))
        #expect(theirs.elements.map(\.namespace) == ours.elements.map(\.namespace))
    }

    struct Document: Sendable, CustomTestStringConvertible {
        let file: String
        let status: MetadataStatus
        let participants: Int
        let streams: Int
        /// Numbers of first and second line (labels 1 and 2), and which is the caller's.
        var numbers: [String?]?
        var rule = RoleRule.metadataSendAssociation
        var testDescription: String { file }
    }

    @Test(
        "Documents on their own",
        arguments: [
            Document(
                file: "netsapiens/attended-transfer-1-initial.xml", status: .complete, participants: 2, streams: 2,
                numbers: ["1001", "1002"]),
            Document(
                file: "netsapiens/attended-transfer-2-consultation.xml", status: .complete, participants: 2, streams: 2,
                numbers: ["1002", "1006"]),
            Document(
                file: "netsapiens/attended-transfer-3-post-transfer.xml", status: .complete, participants: 2,
                streams: 2, numbers: ["1001", "1006"]),
            Document(
                file: "netsapiens/v1.0-two-party-0720.xml", status: .complete, participants: 2, streams: 2,
                numbers: ["1003", nil], rule: .metadataParticipantOrder),
            Document(
                file: "netsapiens/v1.0-no-streams-0722.xml", status: .complete, participants: 2, streams: 0,
                numbers: [nil, "1002"], rule: .metadataParticipantOrder),
            Document(file: "rfc/7865/example-1.xml", status: .complete, participants: 2, streams: 4),
            Document(file: "rfc/7865/example-2.xml", status: .partial, participants: 1, streams: 0),
            Document(file: "rfc/7865/recording.xsd", status: .unreadable, participants: 0, streams: 0),
            Document(file: "rfc/8068/04-sec3.2.3.xml", status: .partial, participants: 1, streams: 0),
            Document(file: "rfc/8068/14-sec3.5.xml", status: .complete, participants: 3, streams: 1),
        ])
    func documents(_ document: Document) throws {
        let metadata = RecordingMetadata(parsing: try ThirdPartyData.bytes("siprec/" + document.file))
        #expect(metadata.status == document.status)
        #expect(metadata.participants.count == document.participants)
        #expect(metadata.streams.count == document.streams)
        guard let numbers = document.numbers else { return }
        let roles = RoleAssignment.decide(
            metadata: metadata, media: [.init(index: 0, label: "1"), .init(index: 1, label: "2")], from: nil, to: nil)
        #expect(roles.map { $0.participant?.number } == numbers)
        #expect(roles.map(\.isCaller) == [true, false])
        #expect(roles.allSatisfy { $0.rule == document.rule })
    }

    @Test("NetSapiens' attended transfer, one document after the other")
    func attendedTransfer() throws {
        var metadata = RecordingMetadata(
            parsing: try ThirdPartyData.bytes("siprec/netsapiens/attended-transfer-1-initial.xml"))
        let outcome = metadata.apply(
            RecordingMetadata(
                parsing: try ThirdPartyData.bytes("siprec/netsapiens/attended-transfer-3-post-transfer.xml")))
        #expect(outcome == .applied)
        #expect(metadata.participants.map(\.name) == ["Din Djarin", "Obi Wan Kenobi"])
        #expect(metadata.callParties.callingParticipantID == metadata.participants.first?.id)
    }
}
