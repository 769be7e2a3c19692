import SDP
import Testing

@testable import SIPREC

@Suite("Any body at all")
struct SIPRECMutationTests {
    private static func seeds() -> [SessionBody] {
        var generator = SeededGenerator(seed: 1)
        return SIPRECDialect.allCases.map { dialect in
            var client = RecordingClientOffer(
                dialect: dialect, caller: .init(number: "1001", name: "Ann", host: "a.test"),
                callee: .init(number: "1002", host: "b.test"), address: ConnectionAddress(host: "192.0.2.5"),
                ports: [6000, 6002], time: "2026-01-01T10:00:00Z", generator: &generator)
            return client.invite()
        }
    }

    @Test("No body crashes the session; what it answers can be read and keeps its lines", arguments: 0..<8)
    func mutated(_ round: UInt64) throws {
        var generator = SeededGenerator(seed: 0x51_93EC + round)
        let seeds = Self.seeds()
        let started = ContinuousClock.now
        for _ in 0..<120 {
            var session = RecordingSession(configuration: RecordingSessionTests.configuration)
            for step in 0..<4 {
                let seed = seeds[Int.random(in: 0..<seeds.count, using: &generator)]
                let type =
                    Bool.random(using: &generator)
                    ? seed.contentType
                    : String(decoding: generator.mutated(Array(seed.contentType.utf8)), as: UTF8.self)
                let body = SessionBody(generator.mutated(seed.content), contentType: type)
                let action: OfferAction
                switch (step, Int.random(in: 0..<6, using: &generator)) {
                case (0, _): action = session.receiveInvite(body, recordOnly: false, from: "sip:1001@a", to: nil)
                case (_, 0): action = session.receiveUpdate(body)
                default: action = session.receiveReinvite(body)
                }
                switch action {
                case .answer(let plan):
                    let exchange = session.answer(local: RecordingSessionTests.ports(plan))
                    let read = try SessionDescription(parsing: exchange.sdp)
                    #expect(read.media.count { $0.port != 0 } <= 4)
                case .offer(let plan):
                    _ = session.offer(local: RecordingSessionTests.ports(plan))
                    _ = session.receiveAck(body)
                case .repeatAnswer, .acknowledge, .reject: continue
                }
                #expect(Set(session.media.map(\.leg)).count == session.media.count)
                #expect(session.media.filter { !$0.isRemoved }.count <= 4)
            }
            _ = session.receiveBye(.none)
        }
        #expect(ContinuousClock.now - started < .seconds(60))
    }

    @Test("Every part comes out of the body it went into", arguments: 0..<4)
    func partsAreSlices(_ round: UInt64) {
        var generator = SeededGenerator(seed: 0xB0D1 + round)
        let seeds = Self.seeds()
        for _ in 0..<200 {
            let bytes = generator.mutated(seeds[Int.random(in: 0..<seeds.count, using: &generator)].content)
            let body = MultipartBody(parsing: bytes, contentType: "multipart/mixed")
            #expect(body.parts.count <= MultipartBody.maximumParts)
            #expect(body.parts.map(\.content.count).reduce(0, +) <= bytes.count)
        }
    }

    @Test("Random octets are metadata of no harm", arguments: 0..<4)
    func randomOctets(_ round: UInt64) {
        var generator = SeededGenerator(seed: round)
        for _ in 0..<300 {
            let bytes = (0..<Int.random(in: 0...600, using: &generator)).map { _ in
                let alphabet = Array("<>/=\"'&; abrecordingpt!-[]?\u{0}:".utf8)
                return alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
            }
            let metadata = RecordingMetadata(parsing: bytes)
            #expect(metadata.raw == bytes)
        }
    }

    @Test(
        "A body of 64 kB of boundary lines, parts or tags is read at once",
        arguments: ["--b\r\n", "--b\r\nA: b\r\n\r\n", "-", "\r\n", "--", "<a>", " --b--x\r\n", "A:\r\n"])
    func large(_ piece: String) {
        let bytes = Array(String(repeating: piece, count: 65_535 / piece.utf8.count).utf8)
        let started = ContinuousClock.now
        let body = MultipartBody(parsing: bytes, contentType: "multipart/mixed;boundary=b")
        #expect(body.parts.count <= MultipartBody.maximumParts)
        #expect(ContinuousClock.now - started < .seconds(5))
    }
}
