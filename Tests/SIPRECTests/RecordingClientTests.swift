import SDP
import SIPREC
import Testing

@Suite("The client's recording session against the server's")
struct RecordingClientTests {
    private func client(_ dialect: SIPRECDialect, ports: [UInt16] = [6000, 6002]) -> RecordingClientOffer {
        var generator = SeededGenerator(seed: 7)
        return RecordingClientOffer(
            dialect: dialect, caller: .init(number: "+15550100", name: "Ann <&> \"A\"", host: "192.0.2.1"),
            callee: .init(number: "1002", name: "Bob", host: "192.0.2.2"),
            address: ConnectionAddress(host: "192.0.2.5"),
            ports: ports, time: "2026-01-01T10:00:00Z", generator: &generator)
    }

    private func server() -> RecordingSession { RecordingSession(configuration: RecordingSessionTests.configuration) }

    @Test("Every dialect gives two streams, caller first, with the right people", arguments: SIPRECDialect.allCases)
    func dialects(_ dialect: SIPRECDialect) throws {
        var client = client(dialect)
        var server = server()
        let (plan, exchange) = try RecordingSessionTests.invite(&server, client.invite())
        #expect(exchange.changes.map(\.media.role.isCaller) == [true, false])
        #expect(exchange.changes.map(\.media.remoteAddress) == ["192.0.2.5", "192.0.2.5"])
        #expect(exchange.changes.map(\.media.remotePort) == [6000, 6002])
        #expect(plan.metadata?.status == (dialect == .none ? .missing : .complete))
        let numbers = exchange.changes.map(\.media.role.participant?.number)
        let expectedRule: RoleRule
        switch dialect {
        case .none:
            expectedRule = .mediaLineOrder
            #expect(numbers == [nil, nil])
        case .avaya:
            expectedRule = .metadataSendAssociation
            #expect(numbers == ["+15550100", nil])
        case .sonus:
            expectedRule = .metadataReceiveSwapped
            #expect(numbers == ["+15550100", "1002"])
        case .rfc, .oracle, .cisco, .audiocodes, .broadworks:
            expectedRule = .metadataSendAssociation
            #expect(numbers == ["+15550100", "1002"])
        }
        #expect(exchange.changes.allSatisfy { $0.media.role.rule == expectedRule })
        if [.rfc, .oracle, .cisco, .sonus, .avaya].contains(dialect) {
            let name = exchange.changes[0].media.role.participant?.name
            #expect(name == "Ann <&> \"A\"")
        }
        let receivers = try client.receivers(inAnswer: SessionBody(exchange.sdp, contentType: "application/sdp"))
        #expect(receivers.map(\.port) == [10000, 10002])
        #expect(receivers.map(\.address) == ["198.51.100.9", "198.51.100.9"])
    }

    @Test("Bodies have the habits they are named for")
    func habits() {
        func text(_ dialect: SIPRECDialect) -> String {
            var client = client(dialect)
            return String(decoding: client.invite().content, as: UTF8.self)
        }
        #expect(!text(.audiocodes).utf8.contains(0x0D))
        #expect(!text(.cisco).contains("--uniqueBoundary--"))
        #expect(text(.cisco).contains("application/gtd"))
        #expect(text(.broadworks).hasPrefix("--UniqueBroadWorksBoundary\r\nContent-Type:application/ +xml\r\n"))
        #expect(text(.sonus).contains("<tns:recording"))
        #expect(text(.oracle).contains("--unique-boundary-1-- \r\n"))
        #expect(!text(.none).contains("recording"))
        #expect(text(.rfc) == text(.rfc))
    }

    @Test("Avaya's dummy is replaced by an UPDATE that carries metadata only")
    func lateParticipant() throws {
        var client = client(.avaya)
        var server = server()
        _ = try RecordingSessionTests.invite(&server, client.invite())
        let action = server.receiveUpdate(client.metadataUpdate())
        guard case .acknowledge(let update?) = action else { throw RecordingSessionTests.Unexpected(action: action) }
        #expect(update.isChanged && update.snapshot == nil)
        #expect(server.media.map(\.role.participant?.number) == ["+15550100", "1002"])
    }

    @Test("Pause, resume, and the departure of a party")
    func pauseResumeDeparture() throws {
        var client = client(.rfc)
        var server = server()
        _ = try RecordingSessionTests.invite(&server, client.invite())
        let (_, paused) = try RecordingSessionTests.reinvite(&server, client.pause())
        #expect(paused.changes.map(\.kind) == [.paused, .paused])
        let (_, resumed) = try RecordingSessionTests.reinvite(&server, client.resume())
        #expect(resumed.changes.map(\.kind) == [.resumed, .resumed])
        let update = server.receiveBye(client.departure(ofCaller: true))
        #expect(update?.status == .complete)
        #expect(server.metadata?.activeParticipants.map(\.number) == ["1002"])
    }

    @Test("One port is one mixed stream, four are two a party", arguments: [1, 4])
    func otherCounts(_ count: Int) throws {
        var client = client(.rfc, ports: (0..<count).map { UInt16(6000 + 2 * $0) })
        var server = server()
        let (_, exchange) = try RecordingSessionTests.invite(&server, client.invite())
        #expect(exchange.changes.count == count)
        let rules = Set(exchange.changes.map(\.media.role.rule))
        #expect(rules == (count == 1 ? [.singleMixedStream] : [.metadataSendAssociation]))
    }
}
