import SDP
import Testing

@Suite("Any octets at all")
struct SDPMutationTests {
    private static let seeds = [
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=rtcp:4001 IN IP4 192.0.2.2\r\na=label:1\r\na=sendonly\r\nm=audio 4002 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA|2^20|1:4\r\n",
        "m=audio 65535 RTP/AVP 0",
    ]

    @Test(
        "Reading what was written gives the same description; every answer keeps the lines of its offer",
        arguments: 0..<8)
    func properties(_ round: UInt64) throws {
        var generator = SeededGenerator(seed: 0xEA55_0000 + round)
        let origin = Origin(sessionID: 1, address: ConnectionAddress(host: "192.0.2.9"))
        let started = ContinuousClock.now
        for _ in 0..<400 {
            var bytes = Array(Self.seeds[Int.random(in: 0..<Self.seeds.count, using: &generator)].utf8)
            for _ in 0..<Int.random(in: 1...3, using: &generator) { bytes = generator.mutated(bytes) }
            guard let description = try? SessionDescription(parsing: bytes) else { continue }
            #expect(try SessionDescription(parsing: description.serialized()) == description)
            let local = Dictionary(
                uniqueKeysWithValues: description.media.indices.map { ($0, LocalMedia(port: 10000)) })
            let answer = description.answer(origin: origin, local: local)
            let read = try SessionDescription(parsing: answer.serialized())
            #expect(read.media.count == description.media.count)
            #expect(read.media.map(\.label) == description.media.map(\.label))
            #expect(read.media.count { $0.port != 0 } <= 4)
            _ = description.mediaParameters
        }
        #expect(ContinuousClock.now - started < .seconds(20))
    }

    @Test(
        "Whatever is offered, what is answered is as the policy wants it: encrypted with one key of ours, or plain",
        arguments: [AnswerPolicy.SecureMedia.refuse, .accept, .required])
    func encryption(_ secureMedia: AnswerPolicy.SecureMedia) throws {
        var generator = SeededGenerator(seed: 0x5EC4_0000)
        let origin = Origin(sessionID: 1, address: ConnectionAddress(host: "192.0.2.9"))
        var policy = AnswerPolicy()
        policy.secureMedia = secureMedia
        var encrypted = 0
        for _ in 0..<1_000 {
            var bytes = Array(Self.seeds[0].utf8)
            for _ in 0..<Int.random(in: 0...3, using: &generator) { bytes = generator.mutated(bytes) }
            guard let offer = try? SessionDescription(parsing: bytes) else { continue }
            var local: [Int: LocalMedia] = [:]
            for (index, section) in offer.media.enumerated() {
                let taken = section.usableCrypto(allowing: policy.cryptoSuites)
                let ours = taken.map { CryptoAttribute(tag: $0.tag, suite: $0.suite, keyParameters: ["inline:OURS"]) }
                local[index] = LocalMedia(port: 10000, crypto: ours)
            }
            let answer = offer.answer(origin: origin, local: local, policy: policy)
            for (section, offered) in zip(answer.media, offer.media) {
                guard section.port != 0 else {
                    #expect(section.attributes("crypto").isEmpty)
                    continue
                }
                let isEncrypted = offered.isEncrypted(under: policy)
                #expect(section.attributes("crypto").count == (isEncrypted ? 1 : 0))
                #expect(section.crypto.allSatisfy { $0.keyParameters == ["inline:OURS"] })
                #expect(secureMedia != .required || isEncrypted)
                #expect(secureMedia != .refuse || !isEncrypted)
                encrypted += isEncrypted ? 1 : 0
            }
        }
        // The property would hold of a generator that makes rubbish only.
        #expect(secureMedia == .refuse ? encrypted == 0 : encrypted > 100)
    }
}
