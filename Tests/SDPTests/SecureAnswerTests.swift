import SDP
import Testing

@Suite("Keys in offer and answer, RFC 4568")
struct SecureAnswerTests {
    private let origin = Origin(sessionID: 42, address: ConnectionAddress(host: "198.51.100.9"))
    private static let key = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
    private static let standard = "AES_CM_128_HMAC_SHA1_80"

    private func offer(_ profile: String, _ crypto: [String] = []) throws -> SessionDescription {
        let lines = ["v=0", "m=audio 4000 \(profile) 0"] + crypto.map { "a=crypto:" + $0 }
        return try SessionDescription(parsing: Array(lines.joined(separator: "\n").utf8))
    }

    private func policy(_ secureMedia: AnswerPolicy.SecureMedia) -> AnswerPolicy {
        var policy = AnswerPolicy()
        policy.secureMedia = secureMedia
        return policy
    }

    @Test(
        "Which lines each policy takes",
        arguments: [
            ("RTP/AVP", false, [MediaVerdict.accepted, .accepted, .plainMediaRefused]),
            ("RTP/AVPF", false, [.accepted, .accepted, .plainMediaRefused]),
            ("RTP/SAVP", true, [.secureMediaRefused, .accepted, .accepted]),
            ("RTP/SAVPF", true, [.secureMediaRefused, .accepted, .accepted]),
            ("rtp/savp", true, [.secureMediaRefused, .accepted, .accepted]),
            ("RTP/SAVP", false, [.secureMediaRefused, .noUsableKey, .noUsableKey]),
            // RFC 8643: encrypted where it can be.
            ("RTP/AVP", true, [.accepted, .accepted, .accepted]),
            ("UDP/TLS/RTP/SAVPF", true, [.dtlsRefused, .dtlsRefused, .dtlsRefused]),
            ("UDP/TLS/RTP/SAVP", false, [.dtlsRefused, .dtlsRefused, .dtlsRefused]),
        ])
    func verdicts(_ profile: String, _ hasKey: Bool, _ expected: [MediaVerdict]) throws {
        let offer = try offer(profile, hasKey ? ["1 \(Self.standard) \(Self.key)"] : [])
        let policies: [AnswerPolicy.SecureMedia] = [.refuse, .accept, .required]
        #expect(policies.map { offer.verdicts(policy: policy($0))[0] } == expected)
    }

    @Test("A recorder takes both plain and encrypted lines unless told otherwise")
    func defaultPolicy() {
        #expect(AnswerPolicy().secureMedia == .accept)
    }

    @Test(
        "A crypto line is usable only where everything in it is understood",
        arguments: [
            ("AES_CM_128_HMAC_SHA1_80 \(key)", nil), ("aes_cm_128_hmac_sha1_32 INLINE:AAAA", nil),
            ("AES_256_CM_HMAC_SHA1_80 \(key)", nil), ("AEAD_AES_256_GCM \(key)|2^31|1:4 WSH=128", nil),
            ("AES_CM_128_HMAC_SHA1_80 \(key) -FUTURE=1 KDR=0", nil),
            ("F8_128_HMAC_SHA1_80 \(key)", CryptoRefusal.unknownSuite("F8_128_HMAC_SHA1_80")),
            ("AES_CM_128_HMAC_SHA1_80 \(key);\(key)", .keyCount(2)),
            ("AES_CM_128_HMAC_SHA1_80 uri:https://example.com/key", .unknownKeyMethod),
            ("AES_CM_128_HMAC_SHA1_80 \(key) UNENCRYPTED_SRTP", .sessionParameter("UNENCRYPTED_SRTP")),
            ("AES_CM_128_HMAC_SHA1_80 \(key) UNENCRYPTED_SRTCP", .sessionParameter("UNENCRYPTED_SRTCP")),
            ("AES_CM_128_HMAC_SHA1_80 \(key) UNAUTHENTICATED_SRTP", .sessionParameter("UNAUTHENTICATED_SRTP")),
            ("AES_CM_128_HMAC_SHA1_80 \(key) FEC_ORDER=FEC_SRTP", .sessionParameter("FEC_ORDER")),
            ("AES_CM_128_HMAC_SHA1_80 \(key) KDR=5", .sessionParameter("KDR")),
            ("AES_CM_128_HMAC_SHA1_80 \(key) WSH=32", .sessionParameter("WSH")),
            ("AES_CM_128_HMAC_SHA1_80 \(key) WSH=99999999999999999999", .sessionParameter("WSH")),
            ("AES_CM_128_HMAC_SHA1_80 \(key) FUTURE", .sessionParameter("FUTURE")),
        ] as [(String, CryptoRefusal?)])
    func usability(_ line: String, _ refusal: CryptoRefusal?) throws {
        let offer = try offer("RTP/SAVP", ["1 " + line])
        let crypto = try #require(offer.media[0].crypto.first)
        #expect(crypto.refusal(allowing: AnswerPolicy.standardCryptoSuites) == refusal)
        let verdict = offer.verdicts(policy: AnswerPolicy())[0]
        #expect(verdict == (refusal == nil ? .accepted : .noUsableKey))
    }

    @Test("Key material in the wrong place is not part of the reason why the line was refused")
    func noKeyInReasons() throws {
        let secret = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
        for line in [
            "inline:\(secret) AES_CM_128_HMAC_SHA1_80", "\(secret) x", "A inline:\(secret)",
            "AES_CM_128_HMAC_SHA1_80 inline:\(secret) inline:\(secret)", "AES_CM_128_HMAC_SHA1_80 \(secret) x",
            "AES_CM_128_HMAC_SHA1_80 inline:\(secret) \(secret)=1", "AES_CM_128_HMAC_SHA1_80 x:y;inline:\(secret)",
        ] {
            let crypto = try #require(CryptoAttribute(parsing: "1 " + line))
            let refusal = try #require(crypto.refusal(allowing: AnswerPolicy.standardCryptoSuites), "\(line)")
            #expect(!"\(refusal) \(String(reflecting: refusal))".contains(secret.prefix(12)), "\(line)")
        }
    }

    @Test("The first usable line is taken; unusable ones before it are passed over")
    func preference() throws {
        let offer = try offer(
            "RTP/SAVP",
            [
                "1 F8_128_HMAC_SHA1_80 \(Self.key)", "2 AES_CM_256_HMAC_SHA1_80 \(Self.key) UNENCRYPTED_SRTP",
                "3 AES_CM_128_HMAC_SHA1_32 \(Self.key)", "4 \(Self.standard) \(Self.key)",
            ])
        #expect(offer.media[0].usableCrypto(allowing: AnswerPolicy.standardCryptoSuites)?.tag == 3)
        #expect(offer.media[0].usableCrypto(allowing: [Self.standard])?.tag == 4)
        #expect(offer.media[0].usableCrypto(allowing: ["AEAD_AES_128_GCM"]) == nil)
        var policy = AnswerPolicy()
        policy.cryptoSuites = ["AEAD_AES_128_GCM"]
        #expect(offer.verdicts(policy: policy) == [.noUsableKey])
    }

    @Test("The answer has the offer's profile and exactly one crypto line, ours", arguments: ["RTP/SAVP", "RTP/AVP"])
    func oneLine(_ profile: String) throws {
        let offer = try offer(
            profile, ["1 \(Self.standard) inline:AAAA", "7 AES_CM_256_HMAC_SHA1_80 inline:BBBB|2^20|1:4"])
        let ours = CryptoAttribute(tag: 7, suite: "AES_CM_256_HMAC_SHA1_80", keyParameters: ["inline:CCCC"])
        let answer = offer.answer(origin: origin, local: [0: LocalMedia(port: 10000, crypto: ours)])
        #expect(answer.media[0].port == 10000)
        #expect(answer.media[0].transport == profile)
        #expect(answer.media[0].attributes("crypto") == ["7 AES_CM_256_HMAC_SHA1_80 inline:CCCC"])
    }

    @Test(
        "An encrypted line without our key, or with one that the offer does not have, gets port 0 and no key",
        arguments: ["RTP/SAVP", "RTP/AVP"])
    func noLocalKey(_ profile: String) throws {
        let offer = try offer(profile, ["1 \(Self.standard) inline:AAAA"])
        let wrongTag = CryptoAttribute(tag: 2, suite: Self.standard, keyParameters: ["inline:CCCC"])
        let wrongSuite = CryptoAttribute(tag: 1, suite: "AEAD_AES_128_GCM", keyParameters: ["inline:CCCC"])
        for crypto in [nil, wrongTag, wrongSuite] {
            let answer = offer.answer(origin: origin, local: [0: LocalMedia(port: 10000, crypto: crypto)])
            #expect(answer.media[0].port == 0)
            #expect(answer.media[0].crypto.isEmpty)
        }
    }

    @Test("A plain line whose keys cannot be used is plain, and is answered without a key")
    func plainAfterAll() throws {
        let offer = try offer("RTP/AVP", ["1 F8_128_HMAC_SHA1_80 inline:AAAA"])
        let ours = CryptoAttribute(tag: 1, suite: "F8_128_HMAC_SHA1_80", keyParameters: ["inline:CCCC"])
        #expect(!offer.media[0].isEncrypted(under: AnswerPolicy()))
        let answer = offer.answer(origin: origin, local: [0: LocalMedia(port: 10000, crypto: ours)])
        #expect(answer.media[0].port == 10000)
        #expect(answer.media[0].crypto.isEmpty)
        #expect(offer.verdicts(policy: policy(.required)) == [.plainMediaRefused])
    }

    @Test("An encrypted and a plain line of one offer are both taken, each as it is")
    func mixed() throws {
        let text = "v=0\nm=audio 4000 RTP/SAVP 0\na=crypto:1 \(Self.standard) inline:AAAA\nm=audio 4002 RTP/AVP 0\n"
        let offer = try SessionDescription(parsing: Array(text.utf8))
        let ours = CryptoAttribute(tag: 1, suite: Self.standard, keyParameters: ["inline:CCCC"])
        let answer = offer.answer(
            origin: origin, local: [0: LocalMedia(port: 10000, crypto: ours), 1: LocalMedia(port: 10002, crypto: ours)])
        #expect(answer.media.map(\.port) == [10000, 10002])
        #expect(answer.media.map(\.crypto.count) == [1, 0])
        #expect(offer.verdicts(policy: policy(.required)) == [.accepted, .plainMediaRefused])
    }
}
