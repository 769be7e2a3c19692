import SDP
import Testing

@testable import SIPREC

@Suite("The server's recording session")
struct RecordingSessionTests {
    static let configuration = RecordingSession.Configuration(
        origin: Origin(username: "earshot", sessionID: 9, address: ConnectionAddress(host: "198.51.100.9")))

    static func sdp(_ version: Int = 1, _ lines: [String]) -> String {
        "v=0\r\no=SRC 1 \(version) IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
            + lines.joined(separator: "\r\n") + "\r\n"
    }

    static func line(_ port: Int, label: String, direction: String = "sendonly", formats: String = "0") -> String {
        "m=audio \(port) RTP/AVP \(formats)\r\na=label:\(label)\r\na=\(direction)"
    }

    static let two = sdp(1, [line(4000, label: "1"), line(4002, label: "2")])

    static let metadata = """
        <recording xmlns='urn:ietf:params:xml:ns:recording:1'><datamode>complete</datamode><session session_id='s'/>
        <participant participant_id='p1'><nameID aor='sip:1001@h'/></participant><participant participant_id='p2'><nameID aor='sip:1002@h'/></participant>
        <stream stream_id='a'><label>1</label></stream><stream stream_id='b'><label>2</label></stream>
        <participantstreamassoc participant_id='p1'><send>a</send></participantstreamassoc>
        <participantstreamassoc participant_id='p2'><send>b</send></participantstreamassoc></recording>
        """

    static func body(_ sdp: String?, _ metadata: String? = nil) -> SessionBody {
        switch (sdp, metadata) {
        case (let sdp?, nil): return SessionBody(Array(sdp.utf8), contentType: "application/sdp")
        case (nil, let xml?):
            return SessionBody(
                Array(xml.utf8), contentType: "application/rs-metadata+xml", contentDisposition: "recording-session")
        case (nil, nil): return .none
        case (let sdp?, let xml?):
            let text =
                "--b\r\nContent-Type: application/sdp\r\n\r\n\(sdp)\r\n--b\r\nContent-Type: application/rs-metadata\r\n\r\n\(xml)\r\n--b--\r\n"
            return SessionBody(Array(text.utf8), contentType: "multipart/mixed;boundary=b")
        }
    }

    /// Gives every stream that asks for one the port 10000 + 2 × leg.
    static func ports(_ plan: MediaPlan) -> [Int: LocalMedia] {
        Dictionary(uniqueKeysWithValues: plan.needsPorts.map { ($0.leg, LocalMedia(port: UInt16(10000 + 2 * $0.leg))) })
    }

    struct Unexpected: Error { let action: OfferAction }

    static func answer(_ session: inout RecordingSession, _ action: OfferAction) throws -> (MediaPlan, MediaExchange) {
        guard case .answer(let plan) = action else { throw Unexpected(action: action) }
        return (plan, session.answer(local: ports(plan)))
    }

    static func invite(_ session: inout RecordingSession, _ body: SessionBody) throws -> (MediaPlan, MediaExchange) {
        let action = session.receiveInvite(body, recordOnly: false, from: nil, to: nil)
        return try answer(&session, action)
    }

    static func reinvite(_ session: inout RecordingSession, _ body: SessionBody) throws -> (MediaPlan, MediaExchange) {
        let action = session.receiveReinvite(body)
        return try answer(&session, action)
    }

    private func started() throws -> RecordingSession {
        var session = RecordingSession(configuration: Self.configuration)
        _ = try Self.invite(&session, Self.body(Self.two, Self.metadata))
        return session
    }

    @Test("An INVITE with two streams and metadata: two streams appear, with roles, and the answer is plain SDP")
    func twoStreams() throws {
        var session = RecordingSession(configuration: Self.configuration)
        let (plan, exchange) = try Self.invite(&session, Self.body(Self.two, Self.metadata))
        #expect(plan.needsPorts.map(\.leg) == [0, 1])
        #expect(plan.refused.isEmpty)
        #expect(plan.metadata?.status == .complete)
        #expect(plan.metadata?.raw == Array(Self.metadata.utf8))
        #expect(plan.metadata?.snapshot == nil)
        #expect(exchange.changes.map(\.kind) == [.added, .added])
        let media = exchange.changes.map(\.media)
        #expect(media.map(\.remoteAddress) == ["192.0.2.1", "192.0.2.1"])
        #expect(media.map(\.remotePort) == [4000, 4002])
        #expect(media.map(\.local?.port) == [10000, 10002])
        #expect(media.map(\.isActive) == [true, true])
        #expect(media.map(\.role.participant?.number) == ["1001", "1002"])
        #expect(media.map(\.role.isCaller) == [true, false])
        #expect(media.allSatisfy { $0.role.rule == .metadataSendAssociation })
        #expect(exchange.sdp == session.localDescription)
        let answer = try SessionDescription(parsing: exchange.sdp)
        #expect(answer.mediaParameters.map(\.direction) == [.recvonly, .recvonly])
        #expect(answer.mediaParameters.map(\.label) == ["1", "2"])
        #expect(answer.origin?.version == "1")
    }

    @Test("No metadata: the call is taken, and the status says missing", arguments: [true, false])
    func noMetadata(recordOnly: Bool) throws {
        var session = RecordingSession(configuration: Self.configuration)
        let action = session.receiveInvite(Self.body(Self.two), recordOnly: recordOnly, from: nil, to: nil)
        let (plan, exchange) = try Self.answer(&session, action)
        #expect(
            plan.metadata == MetadataUpdate(status: .missing, raw: nil, isChanged: false, snapshot: nil, findings: []))
        #expect(exchange.changes.map(\.media.role.isCaller) == [true, false])
        #expect(exchange.changes.map(\.media.role.rule) == [.mediaLineOrder, .mediaLineOrder])
        let isRecordOnly = session.isRecordOnly
        #expect(isRecordOnly == recordOnly)
    }

    @Test("Metadata that cannot be read: the call is taken, octets kept, no snapshot asked")
    func unreadableMetadata() throws {
        var session = RecordingSession(configuration: Self.configuration)
        let (plan, exchange) = try Self.invite(&session, Self.body(Self.two, "<recording_metadata>oops"))
        #expect(plan.metadata?.status == .unreadable)
        #expect(plan.metadata?.raw == Array("<recording_metadata>oops".utf8))
        #expect(plan.metadata?.snapshot == nil)
        #expect(exchange.changes.count == 2)
    }

    @Test("Pause and resume by SDP alone; nothing else changes, versions grow")
    func pauseResume() throws {
        var session = try started()
        let paused = Self.sdp(
            2, [Self.line(4000, label: "1", direction: "inactive"), Self.line(4002, label: "2", direction: "inactive")])
        let (plan, exchange) = try Self.reinvite(&session, Self.body(paused))
        #expect(plan.needsPorts.isEmpty)
        #expect(plan.metadata == nil)
        #expect(exchange.changes.map(\.kind) == [.paused, .paused])
        #expect(exchange.changes.map(\.media.local?.port) == [10000, 10002])
        let answer = try SessionDescription(parsing: exchange.sdp)
        #expect(answer.mediaParameters.map(\.direction) == [.inactive, .inactive])
        #expect(answer.origin?.version == "2")
        let (_, resumed) = try Self.reinvite(&session, Self.body(Self.two))
        #expect(resumed.changes.map(\.kind) == [.resumed, .resumed])
        #expect(resumed.changes.map(\.media.role.participant?.number) == ["1001", "1002"])
        #expect(try SessionDescription(parsing: resumed.sdp).origin?.version == "3")
    }

    @Test("A refresh with the same offer changes nothing and keeps the version")
    func refresh() throws {
        var session = try started()
        let before = session.localDescription
        let (_, exchange) = try Self.reinvite(&session, Self.body(Self.two))
        #expect(exchange.changes.isEmpty)
        #expect(exchange.sdp == before)
    }

    @Test("Inactive at the start is a stream that waits")
    func inactiveAtStart() throws {
        var session = RecordingSession(configuration: Self.configuration)
        let offer = Self.sdp(1, [Self.line(4000, label: "1", direction: "inactive")])
        let (_, exchange) = try Self.invite(&session, Self.body(offer))
        #expect(exchange.changes.map(\.kind) == [.added])
        #expect(exchange.changes.map(\.media.isActive) == [false])
        #expect(String(decoding: exchange.sdp, as: UTF8.self).contains("m=audio 10000 RTP/AVP 0"))
    }

    @Test("A change of address, port or payloads is an update")
    func updated() throws {
        var session = try started()
        let moved = Self.sdp(2, [Self.line(5000, label: "1"), Self.line(4002, label: "2", formats: "8 0")])
        let (_, exchange) = try Self.reinvite(&session, Self.body(moved))
        #expect(exchange.changes.map(\.kind) == [.updated, .updated])
        #expect(exchange.changes.map(\.media.remotePort) == [5000, 4002])
        #expect(exchange.changes[1].media.payloads.map(\.payloadType) == [8, 0])
    }

    @Test(
        "A missing line removes its stream and gives its port back; it returns on a new one",
        arguments: ["missing", "port 0"])
    func removed(_ how: String) throws {
        var session = try started()
        let lines =
            how == "missing" ? [Self.line(4000, label: "1")] : [Self.line(4000, label: "1"), Self.line(0, label: "2")]
        let (_, exchange) = try Self.reinvite(&session, Self.body(Self.sdp(2, lines)))
        #expect(exchange.changes.map(\.kind) == [.removed])
        #expect(exchange.changes.map(\.media.leg) == [1])
        #expect(exchange.changes[0].media.isActive == false)
        let (plan, restored) = try Self.reinvite(&session, Self.body(Self.two))
        #expect(plan.needsPorts.map(\.leg) == [1])
        #expect(restored.changes.map(\.kind) == [.restored])
        #expect(restored.changes.map(\.media.role.isCaller) == [false])
    }

    @Test("A re-INVITE with the second line alone is the second stream, by its label")
    func singleLineByLabel() throws {
        var session = try started()
        let (_, exchange) = try Self.reinvite(&session, Self.body(Self.sdp(2, [Self.line(4002, label: "2")])))
        #expect(exchange.changes.map(\.kind) == [.updated, .removed])
        #expect(exchange.changes.map(\.media.leg) == [1, 0])
        #expect(exchange.changes[0].media.index == 0)
        #expect(String(decoding: exchange.sdp, as: UTF8.self).contains("m=audio 10002 RTP/AVP 0"))
        #expect(session.media.map(\.leg) == [0, 1])
    }

    @Test("A new label in the same place is the same stream")
    func relabelled() throws {
        var session = try started()
        let (_, exchange) = try Self.reinvite(
            &session, Self.body(Self.sdp(2, [Self.line(4000, label: "x"), Self.line(4002, label: "y")])))
        #expect(exchange.changes.map(\.kind) == [.updated, .updated])
        #expect(exchange.changes.map(\.media.leg) == [0, 1])
        #expect(exchange.changes.map(\.media.label) == ["x", "y"])
    }

    @Test("A third stream is added, a fifth is refused")
    func addedStreams() throws {
        var session = try started()
        let five = (0..<5).map { Self.line(4000 + 2 * $0, label: String($0 + 1)) }
        let (plan, exchange) = try Self.reinvite(&session, Self.body(Self.sdp(2, five)))
        #expect(plan.needsPorts.map(\.leg) == [2, 3])
        #expect(plan.refused == [4: .tooManyAudio])
        #expect(exchange.changes.map(\.kind) == [.added, .added])
        #expect(try SessionDescription(parsing: exchange.sdp).media.map(\.port) == [10000, 10002, 10004, 10006, 0])
    }

    @Test("A stream that gets no port is refused and not reported")
    func noPort() throws {
        var session = RecordingSession(configuration: Self.configuration)
        _ = session.receiveInvite(Self.body(Self.two), recordOnly: false, from: nil, to: nil)
        let exchange = session.answer(local: [1: LocalMedia(port: 10002)])
        #expect(exchange.changes.map(\.media.leg) == [1])
        #expect(try SessionDescription(parsing: exchange.sdp).media.map(\.port) == [0, 10002])
    }

    @Test("Metadata alone in an UPDATE: the late participant is known, roles of running streams stay")
    func lateParticipant() throws {
        var session = RecordingSession(configuration: Self.configuration)
        let dummy = Self.metadata.replacing("sip:1002@h", with: "sip:dummy@h")
        _ = try Self.invite(&session, Self.body(Self.two, dummy))
        let swapped = Self.metadata.replacing("<send>a</send>", with: "<send>x</send>").replacing(
            "<send>b</send>", with: "<send>a</send>"
        )
        .replacing("<send>x</send>", with: "<send>b</send>")
        let action = session.receiveUpdate(Self.body(nil, swapped))
        guard case .acknowledge(let update?) = action else { throw Unexpected(action: action) }
        #expect(update.isChanged)
        #expect(update.status == .complete)
        #expect(session.media.map(\.role.participant?.number) == ["1002", "1001"])
        #expect(session.media.map(\.role.isCaller) == [true, false])
    }

    @Test("The same metadata again is no change")
    func sameMetadata() throws {
        var session = try started()
        let action = session.receiveUpdate(Self.body(nil, Self.metadata))
        guard case .acknowledge(let update?) = action else { throw Unexpected(action: action) }
        #expect(!update.isChanged)
    }

    @Test("An UPDATE without a body is a refresh")
    func emptyUpdate() throws {
        var session = try started()
        let action = session.receiveUpdate(.none)
        #expect(action == .acknowledge(nil))
    }

    @Test("A partial update that cannot be applied asks for a snapshot, three times at most")
    func snapshot() throws {
        var session = try started()
        for round in 0..<5 {
            let partial =
                "<recording><datamode>partial</datamode><participantstreamassoc participant_id='q\(round)'/></recording>"
            let action = session.receiveUpdate(Self.body(nil, partial))
            guard case .acknowledge(let update?) = action else { throw Unexpected(action: action) }
            #expect(update.status == .partial)
            #expect((update.snapshot != nil) == (round < 3))
            guard round == 0 else { continue }
            let request = try #require(update.snapshot)
            #expect(request.contentType == "application/rs-metadata+xml")
            #expect(request.contentDisposition == "recording-session")
            let tree = XMLReader.read(request.body)
            #expect(tree.findings.isEmpty)
            #expect(tree.elements.map(\.name) == ["requestsnapshot", "requestreason"])
            #expect(tree.elements.last?.text == #"participant "q0" is not known"#)
        }
    }

    @Test("An INVITE without a description: we offer recvonly, the ACK answers", arguments: [1, 2])
    func delayedOffer(_ count: Int) throws {
        var configuration = Self.configuration
        configuration.delayedOfferStreams = count
        var session = RecordingSession(configuration: configuration)
        let action = session.receiveInvite(.none, recordOnly: true, from: nil, to: nil)
        guard case .offer(let plan) = action else { throw Unexpected(action: action) }
        #expect(plan.needsPorts.count == count)
        let offer = session.offer(local: Self.ports(plan))
        #expect(offer.changes.map(\.kind) == Array(repeating: .added, count: count))
        let written = try SessionDescription(parsing: offer.sdp).mediaParameters
        #expect(written.count == count)
        #expect(written.allSatisfy { $0.direction == .recvonly && $0.payloads.map(\.payloadType) == [0, 8, 101] })
        let busy = session.receiveReinvite(Self.body(Self.two))
        #expect(busy == .reject(.exchangePending))
        let ack = session.receiveAck(Self.body(Self.sdp(1, [Self.line(4000, label: "1", formats: "8")])))
        #expect(ack.sdp.isEmpty)
        #expect(ack.changes.map(\.kind) == (count == 1 ? [.updated] : [.updated, .removed]))
        #expect(ack.changes.first?.media.remotePort == 4000)
        #expect(ack.changes.first?.media.payloads.map(\.payloadType) == [8])
        let again = session.receiveAck(Self.body(Self.two))
        #expect(again.changes.isEmpty)
    }

    @Test("Metadata that comes without a description decides the roles of what we offer")
    func delayedOfferWithMetadata() throws {
        var configuration = Self.configuration
        configuration.delayedOfferStreams = 2
        var session = RecordingSession(configuration: configuration)
        let action = session.receiveInvite(Self.body(nil, Self.metadata), recordOnly: false, from: nil, to: nil)
        guard case .offer(let plan) = action else { throw Unexpected(action: action) }
        #expect(plan.needsPorts.map(\.role.participant?.number) == ["1001", "1002"])
        #expect(plan.needsPorts.map(\.role.isCaller) == [true, false])
    }

    @Test("A re-INVITE without a body is answered by an offer of the same lines; hold is opened again")
    func emptyReinvite() throws {
        var session = RecordingSession(configuration: Self.configuration)
        let offer = Self.sdp(1, ["m=video 5000 RTP/AVP 96", Self.line(4000, label: "1", direction: "inactive")])
        _ = try Self.invite(&session, Self.body(offer))
        let action = session.receiveReinvite(.none)
        guard case .offer(let plan) = action else { throw Unexpected(action: action) }
        #expect(plan.needsPorts.isEmpty)
        let ours = session.offer(local: [:])
        #expect(ours.changes.isEmpty)
        let written = try SessionDescription(parsing: ours.sdp)
        #expect(written.media.map(\.port) == [0, 10002])
        #expect(written.mediaParameters[1].direction == .recvonly)
        #expect(written.origin?.version == "2")
        let ack = session.receiveAck(Self.body(Self.sdp(2, ["m=video 0 RTP/AVP 96", Self.line(4000, label: "1")])))
        #expect(ack.changes.map(\.kind) == [.resumed])
    }

    @Test("An ACK without the answer leaves the streams as offered")
    func missingAnswer() throws {
        var session = RecordingSession(configuration: Self.configuration)
        let action = session.receiveInvite(.none, recordOnly: false, from: nil, to: nil)
        guard case .offer(let plan) = action else { throw Unexpected(action: action) }
        _ = session.offer(local: Self.ports(plan))
        let ack = session.receiveAck(.none)
        #expect(ack.changes.isEmpty)
        #expect(session.media.map(\.isActive) == [true])
    }

    @Test("A BYE with metadata ends the session and updates it, without asking for more")
    func bye() throws {
        var session = try started()
        let partial =
            "<recording><datamode>partial</datamode><participantsessionassoc participant_id='q' session_id='s'/></recording>"
        let update = session.receiveBye(Self.body(nil, partial))
        #expect(update?.isChanged == true)
        #expect(update?.snapshot == nil)
        let after = session.receiveReinvite(Self.body(Self.two))
        #expect(after == .reject(.ended))
        #expect(OfferRejection.ended.status == 481)
    }

    @Test(
        "Offers that cannot be taken, each with its status and a reason a person understands",
        arguments: [
            (["m=video 5000 RTP/AVP 96"], OfferRejection.noAudio, 488, "no m=audio line"),
            (["m=audio 4000 RTP/SAVP 0"], .noUsableKey([]), 488, "a=crypto"),
            (["m=image 5000 udptl t38"], .noAudio, 488, "no m=audio line"), ([], .noAudio, 488, "no m=audio line"),
        ])
    func rejected(_ lines: [String], _ reason: OfferRejection, _ status: Int, _ words: String) {
        var session = RecordingSession(configuration: Self.configuration)
        let action = session.receiveInvite(Self.body(Self.sdp(1, lines)), recordOnly: false, from: nil, to: nil)
        #expect(action == .reject(reason))
        #expect(reason.status == status)
        #expect(reason.description.contains(words))
    }

    @Test("An unreadable description: 400 at first, the standing answer later")
    func unreadable() throws {
        var fresh = RecordingSession(configuration: Self.configuration)
        let rubbish = SessionBody(Array("rubbish".utf8), contentType: "application/sdp")
        let action = fresh.receiveInvite(rubbish, recordOnly: false, from: nil, to: nil)
        #expect(action == .reject(.unreadable(.notASessionDescription(firstLine: "rubbish"))))
        #expect(OfferRejection.unreadable(.empty).status == 400)
        var session = try started()
        let description = session.localDescription
        let standing = try #require(description)
        let later = session.receiveReinvite(rubbish)
        #expect(later == .repeatAnswer(standing, nil))
    }

    @Test("A re-INVITE of which nothing can be taken is refused, and the recording goes on as it was (RFC 3261 §14.2)")
    func reofferOfNothing() throws {
        var session = try started()
        let before = session.media
        let action = session.receiveReinvite(
            Self.body(Self.sdp(2, ["m=audio 4000 RTP/SAVP 0", "m=video 1 RTP/AVP 96"])))
        #expect(action == .reject(.noUsableKey([])))
        #expect(session.media == before)
        let (_, exchange) = try Self.reinvite(&session, Self.body(Self.two))
        #expect(exchange.changes.isEmpty)
    }

    @Test("An abandoned exchange leaves everything as it was")
    func abandoned() throws {
        var session = try started()
        let before = session.media
        _ = session.receiveReinvite(Self.body(Self.sdp(2, [Self.line(9000, label: "1")])))
        let busy = session.receiveReinvite(Self.body(Self.two))
        #expect(busy == .reject(.exchangePending))
        session.abandonExchange()
        #expect(session.media == before)
        let nothing = session.answer(local: [:])
        #expect(nothing.changes.isEmpty && nothing.sdp.isEmpty)
        let (_, exchange) = try Self.reinvite(&session, Self.body(Self.two))
        #expect(exchange.changes.isEmpty)
    }

    @Test("Streams over the life of a session are bounded")
    func bounded() throws {
        var session = try started()
        for round in 0..<40 {
            let lines =
                ["m=audio 0 RTP/AVP 0", "m=audio 0 RTP/AVP 0"]
                + (0..<2).map { Self.line(4000, label: "r\(round)-\($0)") }
            let shifted = Array(repeating: "m=audio 0 RTP/AVP 0", count: 2 + round % 20) + lines
            _ = try Self.reinvite(&session, Self.body(Self.sdp(round + 2, shifted)))
        }
        #expect(session.media.count <= RecordingSession.maximumLegs)
        #expect(Set(session.media.map(\.leg)).count == session.media.count)
    }

    @Test("A stream that has a port moves to another where it is given one, and says so")
    func move() throws {
        var session = RecordingSession(configuration: Self.configuration)
        _ = try Self.invite(&session, Self.body(Self.two))
        let offer = Self.sdp(2, [Self.line(4000, label: "1", formats: "8"), Self.line(4002, label: "2")])
        let action = session.receiveReinvite(Self.body(offer))
        guard case .answer(let plan) = action else { throw Unexpected(action: action) }
        #expect(plan.needsPorts.isEmpty && plan.open.map(\.leg) == [0, 1])
        #expect(plan.open.map(\.codec) == [.pcma, .pcmu])
        let exchange = session.answer(local: [0: LocalMedia(port: 20_000)])
        let answer = try SessionDescription(parsing: exchange.sdp)
        #expect(answer.media.map(\.port) == [20_000, 10_002])
        #expect(exchange.changes.map(\.kind) == [.updated])
        #expect(exchange.changes.first?.media.local?.port == 20_000)
    }
}
