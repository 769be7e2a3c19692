import Addressing
import Foundation
import SIP
import SIPREC
import Testing
import UserAgent

@testable import RecordingClient

@Suite("Recording calls against a server", .serialized, .timeLimit(.minutes(1)))
struct CallCampaignTests {
    @Test("A call over each transport: INVITE, both voices to their streams, BYE", arguments: SIPTransport.allCases)
    func placesCall(_ transport: SIPTransport) async throws {
        try await FakeServer.run { server in
            var settings = CampaignSettings(target: try server.uri(transport))
            settings.verification = .none
            let voices = try voices()
            let report = try await CallCampaign(settings, voices: voices).run()
            #expect(report.isGood)
            #expect(report.answered == 1)
            #expect(report.packetsSent == 50)
            #expect(report.legs == 2)
            #expect(report.failureLines.isEmpty)
            for (index, receiver) in server.receivers.enumerated() {
                let packets = receiver.drain()
                #expect(packets.count == 25)
                #expect(packets.flatMap(\.payload) == SpeechCodec.pcmu.encode(voices[index].samples))
            }
            for _ in 0..<100 where server.invites.ends.isEmpty { try await Task.sleep(for: .milliseconds(10)) }
            #expect(server.invites.ends == [.bye])
        }
    }

    @Test(
        "Each dialect is accepted, and says what RFC 7866 asks where its vendor does", arguments: SIPRECDialect.allCases
    )
    func speaksDialect(_ dialect: SIPRECDialect) async throws {
        try await FakeServer.run { server in
            var settings = CampaignSettings(target: try server.uri())
            settings.dialect = dialect
            settings.duration = .milliseconds(400)
            let report = try await CallCampaign(settings, voices: voices()).run()
            #expect(report.isGood)
            let invite = try #require(server.invites.all.first)
            #expect(invite.headers.values(.require).contains("siprec") == dialect.requiresSIPREC)
            #expect((invite.contact?.parameters.contains { $0.name == "+sip.src" } ?? false) == dialect.requiresSIPREC)
            #expect((invite.headers["X-Voice-Connector-Record-Only"] == "true") == (dialect == .none))
            #expect(invite.uri == (try server.uri().description))
            // This family tells the callee's number later.
            let updates = server.invites.allUpdates.filter { $0.method == .update }
            #expect(updates.count == (dialect == .avaya ? 1 : 0))
        }
    }

    @Test("A-law, packets of 40 ms, and voices that repeat in a longer call")
    func followsSettings() async throws {
        try await FakeServer.run { server in
            var settings = CampaignSettings(target: try server.uri())
            settings.codec = .pcma
            settings.packetTime = 40
            settings.duration = .milliseconds(600)
            settings.caller = .init(number: "+4930123456", name: "Ada \"Countess\" Lovelace")
            let report = try await CallCampaign(settings, voices: voices(3200)).run()
            #expect(report.isGood)
            let packets = server.receivers[0].drain()
            #expect(packets.count == 15)
            #expect(packets.allSatisfy { $0.type == 8 && $0.payload.count == 320 })
            #expect(packets[0].payload == packets[10].payload)
            let invite = try #require(server.invites.all.first)
            #expect(invite.from?.sipURI?.user == "+4930123456")
            #expect(invite.from?.displayName == "Ada \"Countess\" Lovelace")
            let body = String(decoding: invite.body, as: UTF8.self)
            #expect(body.contains("m=audio"))
            #expect(body.contains("a=ptime:40"))
            #expect(body.contains("+4930123456@127.0.0.1"))
        }
    }

    @Test("Many calls at a rate, each with ports of its own")
    func placesMany() async throws {
        try await FakeServer.run { server in
            var settings = CampaignSettings(target: try server.uri())
            settings.calls = 20
            settings.rate = 100
            settings.duration = .milliseconds(200)
            let began = ContinuousClock.now
            let report = try await CallCampaign(settings, voices: voices()).run()
            #expect(report.isGood)
            #expect(report.calls == 20 && report.answerTimes.count == 20)
            #expect(report.packetsSent == 20 * 2 * 10)
            #expect(ContinuousClock.now - began > .milliseconds(390))
            let ports = server.invites.all.flatMap { request in
                String(decoding: request.body, as: UTF8.self).split(separator: "\r\n").filter {
                    $0.hasPrefix("m=audio ")
                }
            }
            #expect(ports.count == 40 && Set(ports).count == 40)
        }
    }

    struct Refusal: CustomTestStringConvertible, Sendable {
        let status: Int
        var headers: [(HeaderName, String)] = []
        let says: [String]
        var testDescription: String { "\(status)" }
    }

    @Test(
        "A refusal is counted by its status and explained",
        arguments: [
            Refusal(status: 401, says: ["asks for credentials", "--user", "EARSHOT_CALL_PASSWORD"]),
            Refusal(status: 403, says: ["add 127.0.0.1 to the connector's termination.cidrAllowedList"]),
            Refusal(status: 404, says: ["must be a connector's name"]),
            Refusal(status: 488, says: ["none of the streams"]),
            Refusal(status: 503, headers: [(.retryAfter, "30")], says: ["--rate", "try again in 30 s"]),
            Refusal(status: 486, says: ["486 Busy Here"]),
        ])
    func explainsRefusal(_ refusal: Refusal) async throws {
        try await FakeServer.run(.refuse(status: refusal.status, headers: refusal.headers)) { server in
            let report = try await CallCampaign(
                CampaignSettings(target: server.uri()), voices: voices()
            ).run()
            #expect(!report.isGood)
            #expect(report.failures == ["\(refusal.status)": 1])
            let text = report.failureLines.joined()
            for words in refusal.says { #expect(text.contains(words)) }
            #expect(report.legs == 0 && report.packetsSent == 0)
        }
    }

    @Test("A digest challenge is answered; a wrong password is explained without showing it")
    func authenticates() async throws {
        try await FakeServer.run(credentials: ["sbc": "right"]) { server in
            var settings = CampaignSettings(target: try server.uri())
            settings.duration = .milliseconds(100)
            settings.credentials = .init(username: "sbc", password: "right")
            #expect(try await CallCampaign(settings, voices: voices()).run().isGood)
            settings.credentials = .init(username: "sbc", password: "Wr0ng!")
            let report = try await CallCampaign(settings, voices: voices()).run()
            #expect(report.failures == ["401": 1])
            let text = report.failureLines.joined()
            #expect(text.contains("“sbc”") && !text.contains("Wr0ng!"))
        }
    }

    struct BadAnswer: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let body: String
        let says: String
    }

    @Test(
        "A 200 that cannot be used ends with BYE and is explained",
        arguments: [
            BadAnswer(testDescription: "no description", body: "", says: "empty"),
            BadAnswer(testDescription: "one stream of two", body: FakeServer.answer([4000]), says: "1 m= lines for 2"),
            BadAnswer(
                testDescription: "a refused stream", body: FakeServer.answer([4000, 0]), says: "refuses stream 2"),
            BadAnswer(
                testDescription: "inactive", body: FakeServer.answer([4000, 4002], direction: "inactive"),
                says: "does not listen to stream 1"),
            BadAnswer(
                testDescription: "another codec", body: FakeServer.answer([4000, 4002], formats: "9"),
                says: "does not take PCMU"),
        ])
    func explainsBadAnswer(_ bad: BadAnswer) async throws {
        try await FakeServer.run(.answer(bad.body)) { server in
            let report = try await CallCampaign(CampaignSettings(target: server.uri()), voices: voices()).run()
            #expect(report.failures == ["badAnswer": 1])
            #expect(report.answered == 1)
            #expect(report.failureLines.joined().contains(bad.says))
            for _ in 0..<100 where server.invites.ends.isEmpty { try await Task.sleep(for: .milliseconds(10)) }
            #expect(server.invites.ends == [.bye])
        }
    }

    @Test("A server that hangs up in the middle is a failure")
    func noticesEarlyEnd() async throws {
        try await FakeServer.run(.hangUp(after: .milliseconds(300))) { server in
            var settings = CampaignSettings(target: try server.uri())
            settings.duration = .seconds(30)
            let report = try await CallCampaign(settings, voices: voices()).run()
            #expect(report.failures == ["endedByServer": 1])
            #expect(report.seconds < 5)
            #expect(report.packetsSent > 0)
        }
    }

    @Test("Cancelling ends calls with BYE and places no more")
    func stops() async throws {
        try await FakeServer.run { server in
            var settings = CampaignSettings(target: try server.uri())
            settings.calls = 100
            settings.rate = 10
            settings.duration = .seconds(60)
            let campaign = try CallCampaign(settings, voices: voices())
            let run = Task { try await campaign.run() }
            try await Task.sleep(for: .milliseconds(550))
            run.cancel()
            let report = try await run.value
            #expect(report.failed == 0)
            #expect((2...50).contains(report.calls))
            #expect(!report.isGood)
            #expect(report.text.contains("not placed"))
            for _ in 0..<100 where server.invites.ends.count < report.calls {
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(server.invites.ends == [DialogEnd](repeating: .bye, count: report.calls))
        }
    }

    @Test("A call that nobody takes is given up with CANCEL when it is stopped")
    func stopsRinging() async throws {
        try await FakeServer.run(.ignore) { server in
            let campaign = try CallCampaign(CampaignSettings(target: server.uri()), voices: voices())
            let run = Task { try await campaign.run() }
            try await Task.sleep(for: .milliseconds(300))
            run.cancel()
            #expect(try await run.value.failures == ["cancelled": 1])
        }
    }

    @Test("A certificate that is not trusted is refused, and the way out is named")
    func checksCertificate() async throws {
        try await FakeServer.run { server in
            let report = try await CallCampaign(CampaignSettings(target: server.uri(.tls)), voices: voices()).run()
            #expect(report.failures == ["tlsFailed": 1])
            #expect(report.failureLines.joined().contains("--insecure"))
        }
    }

    @Test("Nobody at the port: the address is named")
    func namesAddress() async throws {
        let port = try await FakeServer.run { try $0.uri(.tcp).port ?? 0 }
        let target = SIPURI(host: "127.0.0.1", port: port, parameters: [Parameter("transport", "tcp")])
        let report = try await CallCampaign(CampaignSettings(target: target), voices: voices()).run()
        #expect(report.failures == ["notConnected": 1])
        #expect(report.failureLines.joined().contains("127.0.0.1:\(port)"))
    }

    @Test("A proxy gets the call, the URI stays")
    func usesProxy() async throws {
        try await FakeServer.run { server in
            var settings = CampaignSettings(target: SIPURI(host: "vc.example.test"))
            settings.proxy = "127.0.0.1:\(try server.uri().port ?? 0)"
            settings.duration = .milliseconds(100)
            #expect(try await CallCampaign(settings, voices: voices()).run().isGood)
            #expect(server.invites.all.first?.uri == "sip:vc.example.test")
        }
    }

    @Test("Settings that cannot be placed are refused before anything is sent")
    func refusesSettings() async throws {
        let voices = try voices()
        func error(_ change: (inout CampaignSettings) -> Void) async -> String {
            var settings = CampaignSettings(target: SIPURI(host: "127.0.0.1"))
            change(&settings)
            do {
                _ = try await CallCampaign(settings, voices: voices).run()
                return "placed"
            } catch {
                return "\(error)"
            }
        }
        #expect(await error { $0.calls = 0 } == "--calls must be 1 to 10000")
        #expect(await error { $0.rate = .nan }.contains("--rate"))
        #expect(await error { $0.packetTime = 25 }.contains("--ptime"))
        #expect(await error { $0.duration = .zero }.contains("--seconds"))
        #expect(await error { $0.target.parameters = [Parameter("transport", "sctp")] }.contains("transport=sctp"))
        #expect(
            await error { $0.target.host = "no-such-host.invalid" }.contains("“no-such-host.invalid” has no address"))
        #expect(await error { $0.localAddress = "::1" }.contains("IPv6"))
        #expect(await error { $0.localAddress = "eth0" }.contains("--local-address eth0"))
        #expect(await error { $0.proxy = "a b" }.contains("--proxy a b"))
        #expect(await error { $0.localAddress = "203.0.113.7" }.contains("203.0.113.7"))
    }
}

@Suite("The report of a campaign")
struct CampaignReportTests {
    @Test("JSON has every member, in milliseconds, and null where nothing was measured")
    func writesJSON() throws {
        var report = CampaignReport()
        report.wanted = 3
        for time in [12.5, 8.25] {
            var outcome = CallOutcome()
            outcome.answerMilliseconds = time
            outcome.legs = 2
            outcome.media.packetsSent = 100
            report.add(outcome) { _ in "" }
        }
        report.add(CallOutcome(failure: .refused(status: 403, reason: "Forbidden", retryAfter: nil))) { _ in "why" }
        report.answerTimes.sort()
        report.seconds = 2.0625
        let json = try #require(
            try JSONSerialization.jsonObject(with: Data(report.json.utf8)) as? [String: Any])
        #expect(
            Set(json.keys) == [
                "calls", "answered", "failed", "failures", "inviteToAnswerMs", "packetsSent", "packetsFailed",
                "reportedLost",
                "legs", "seconds", "pacingLateMs", "senderCpuSeconds",
            ])
        #expect(json["calls"] as? Int == 3)
        #expect(json["answered"] as? Int == 2)
        #expect(json["failed"] as? Int == 1)
        #expect(json["failures"] as? [String: Int] == ["403": 1])
        #expect(json["inviteToAnswerMs"] as? [String: Double] == ["p50": 8.25, "p99": 12.5, "max": 12.5])
        #expect(json["packetsSent"] as? Int == 200)
        #expect(json["legs"] as? Int == 4)
        #expect(json["seconds"] as? Double == 2.063)
        #expect(json["reportedLost"] is NSNull)
        #expect((json["pacingLateMs"] as? [String: Any])?["p50"] is NSNull)
        #expect(!report.json.contains("\n"))
        #expect(report.failureLines == ["failed: 1 of 3 calls: why"])
        #expect(!report.isGood)
    }

    @Test("No call at all is not good")
    func emptyIsNotGood() {
        var report = CampaignReport()
        report.wanted = 1
        #expect(!report.isGood)
        #expect(report.text == "calls: 0 placed, 0 answered, none failed, 1 not placed (stopped)")
    }
}
