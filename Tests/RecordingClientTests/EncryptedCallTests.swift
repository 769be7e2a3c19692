import CPacedSender
import Foundation
import SDP
import SIPREC
import SecureMedia
import Testing
import UserAgent

@testable import RecordingClient

@Suite("Encrypted recording calls", .serialized, .timeLimit(.minutes(1)))
struct EncryptedCallTests {
    /// An answer that takes the first `a=crypto` of each stream, with keys of its own.
    static func answer(_ ports: [Int], _ keys: [SDESKey]) -> String {
        let head = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        return head
            + zip(ports, keys).map { port, key in
                "m=audio \(port) RTP/SAVP 0 9\r\na=recvonly\r\n"
                    + "a=crypto:\(key.tag) \(key.suiteName) \(key.keyParameter)\r\n"
            }.joined()
    }

    static func keys(_ suite: CryptoSuite) -> [SDESKey] {
        var generator = SystemRandomNumberGenerator()
        return (0..<2).map { _ in SDESKey.generate(suite: suite, using: &generator) }
    }

    /// The keys of an INVITE's body, one a stream.
    static func offered(_ body: [UInt8]) throws -> [SDESKey] {
        try String(decoding: body, as: UTF8.self).split(separator: "\r\n").filter { $0.hasPrefix("a=crypto:") }.map {
            let line = try #require(CryptoAttribute(parsing: $0.dropFirst("a=crypto:".count)))
            return try SDESKey(
                tag: line.tag, suite: line.suite, keyParameters: line.keyParameters,
                sessionParameters: line.sessionParameters)
        }
    }

    @Test(
        "Each suite is offered, and what is sent can be opened with the key of the offer",
        arguments: CryptoSuite.allCases)
    func encrypts(_ suite: CryptoSuite) async throws {
        let receivers = [try LoopbackReceiver(), try LoopbackReceiver()]
        let body = Self.answer(receivers.map { Int($0.sockets.port) }, Self.keys(suite))
        try await FakeServer.run(.answer(body)) { server in
            var settings = CampaignSettings(target: try server.uri())
            settings.suite = suite
            let voices = try voices()
            let report = try await CallCampaign(settings, voices: voices).run()
            #expect(report.isGood, "\(report.failureLines)")
            let invite = try #require(server.invites.all.first)
            let text = String(decoding: invite.body, as: UTF8.self)
            #expect(text.components(separatedBy: "RTP/SAVP").count == 3 && !text.contains("RTP/AVP"))
            let keys = try Self.offered(invite.body)
            #expect(keys.map(\.suite) == [suite, suite] && keys[0] != keys[1])
            for (index, (receiver, key)) in zip(receivers, keys).enumerated() {
                var opener = try SRTPReceiver(key)
                var heard: [UInt8] = []
                for packet in receiver.drain() {
                    var bytes = packet.bytes
                    let length = try bytes.withUnsafeMutableBytes { try opener.unprotect($0) }
                    heard += bytes[12..<length]
                }
                #expect(heard == SpeechCodec.pcmu.encode(voices[index].samples))
                let reports = receiver.drainReports()
                #expect(!reports.isEmpty)
                for report in reports {
                    var bytes = report
                    let length = try bytes.withUnsafeMutableBytes { try opener.unprotectControl($0) }
                    #expect(bytes[1] == 200 && length % 4 == 0)
                }
            }
        }
    }

    @Test("An answer without a key, or with one of another suite, is explained")
    func explainsBadKeys() async throws {
        let ports = [4000, 4002]
        for body in [
            FakeServer.answer(ports).replacing("RTP/AVP", with: "RTP/SAVP"),
            Self.answer(ports, Self.keys(.galois128)),
        ] {
            try await FakeServer.run(.answer(body)) { server in
                var settings = CampaignSettings(target: try server.uri())
                settings.suite = .counter128Tag80
                let report = try await CallCampaign(settings, voices: voices()).run()
                #expect(report.failures == ["badAnswer": 1])
                #expect(report.failureLines.joined().contains("a=crypto"))
            }
        }
    }

    @Test(
        "In every dialect a key is offered for each stream, and the body stays what it says",
        arguments: SIPRECDialect.allCases)
    func encryptsDialect(_ dialect: SIPRECDialect) throws {
        var generator = SystemRandomNumberGenerator()
        let party = RecordingClientOffer.Party(number: "1", host: "127.0.0.1")
        var offer = RecordingClientOffer(
            dialect: dialect, caller: party, callee: party, address: ConnectionAddress(host: "127.0.0.1"),
            ports: [4000, 4002], time: "2026-01-01T00:00:00Z", generator: &generator)
        let plain = offer.invite()
        let body = EncryptedOffer.encrypt(plain, keys: Self.keys(.galois256))
        #expect(body.contentType == plain.contentType)
        let lines = try offer.receivers(inAnswer: body)
        #expect(lines.count == 2)
        #expect(lines.allSatisfy { $0.crypto.count == 1 && $0.crypto.first?.suite == "AEAD_AES_256_GCM" })
        let text = String(decoding: body.content, as: UTF8.self)
        #expect(!text.contains("RTP/AVP"))
        func attributes(of text: String) -> [String] {
            text.replacing("\r\n", with: "\n").components(separatedBy: "\n").filter { !$0.hasPrefix("a=crypto:") }
        }
        #expect(
            attributes(of: text.replacing("RTP/SAVP", with: "RTP/AVP"))
                == attributes(of: String(decoding: plain.content, as: UTF8.self)))
        // AudioCodes writes bare line feeds, the others CRLF, in the new lines as well.
        let bare = body.content.indices.filter {
            body.content[$0] == 0x0A && ($0 == 0 || body.content[$0 - 1] != 0x0D)
        }
        #expect(bare.isEmpty == (dialect != .audiocodes))
    }

    @Test("A packet that cannot be protected is not sent at all")
    func sendsNothingPlain() async throws {
        let sender = try PacedSender(packetTime: 20)
        let receiver = try LoopbackReceiver()
        let key = Self.keys(.counter128Tag80)[0]
        var stream = try receiver.makeStream(EncodedSpeech(PacedSenderTests.ramp(160), codec: .pcmu))
        // Two packets may be sent under this key.
        let short = try SDESKey(
            tag: 1, suite: key.suiteName, keyParameters: [key.keyParameter + "|2"], sessionParameters: [])
        stream.protection = try StreamProtection(own: short, theirs: nil)
        let result = await sender.play([stream], packets: 5)
        #expect(result.packetsSent == 2 && result.packetsFailed == 3)
        #expect(receiver.drain().count == 2)
    }
}
