import SecureMedia
import Testing

@Suite("Keys of a=crypto lines, RFC 4568")
struct SDESKeyTests {
    static let inline30 = "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"

    struct Good: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let lifetime: UInt64?
        let mki: [UInt8]?
    }

    @Test(
        "Lifetime, identifier and session parameters that are understood",
        arguments: [
            Good(testDescription: "1 AES_CM_128_HMAC_SHA1_80 \(inline30)", lifetime: nil, mki: nil),
            Good(
                testDescription: "1 AES_CM_128_HMAC_SHA1_80 \(inline30)|2^20|1:4", lifetime: 1 << 20,
                mki: [0, 0, 0, 1]),
            Good(testDescription: "1 AES_CM_128_HMAC_SHA1_80 \(inline30)|1:4", lifetime: nil, mki: [0, 0, 0, 1]),
            Good(
                testDescription: "1 aes_cm_128_hmac_sha1_32 INLINE:\(inline30.dropFirst(7))|1066:2", lifetime: nil,
                mki: [4, 42]),
            Good(testDescription: "1 AES_CM_128_HMAC_SHA1_80 \(inline30)|2^48", lifetime: 1 << 48, mki: nil),
            Good(testDescription: "1 AES_CM_128_HMAC_SHA1_80 \(inline30)|1048576", lifetime: 1 << 20, mki: nil),
            Good(
                testDescription: "1 AES_CM_128_HMAC_SHA1_80 \(inline30) WSH=64 KDR=0 -X-EXTRA=1", lifetime: nil,
                mki: nil),
        ])
    func good(_ row: Good) throws {
        let key = try SDESKey(parsing: row.testDescription)
        #expect(key.lifetime == row.lifetime)
        #expect(key.mki?.octets == row.mki)
        let again = try SDESKey(
            tag: key.tag, suite: key.suiteName, keyParameters: [key.keyParameter])
        #expect(again == key)
    }

    @Test(
        "Lines that are refused, and why",
        arguments: [
            (
                "1 AES_CM_128_HMAC_SHA1_80 \(inline30) UNENCRYPTED_SRTP",
                SDESKeyError.unsupportedSessionParameter("UNENCRYPTED_SRTP")
            ),
            (
                "1 AES_CM_128_HMAC_SHA1_80 \(inline30) UNENCRYPTED_SRTCP",
                .unsupportedSessionParameter("UNENCRYPTED_SRTCP")
            ),
            (
                "1 AES_CM_128_HMAC_SHA1_80 \(inline30) UNAUTHENTICATED_SRTP",
                .unsupportedSessionParameter("UNAUTHENTICATED_SRTP")
            ),
            ("1 AES_CM_128_HMAC_SHA1_80 \(inline30) KDR=1", .unsupportedSessionParameter("KDR")),
            ("1 AES_CM_128_HMAC_SHA1_80 \(inline30) FEC_ORDER=FEC_SRTP", .unsupportedSessionParameter("FEC_ORDER")),
            ("1 AES_CM_128_HMAC_SHA1_80 \(inline30) X-EXTRA", .unsupportedSessionParameter("X-EXTRA")),
            ("1 AES_CM_128_HMAC_SHA1_80 \(inline30) WSH=1", .unsupportedSessionParameter("WSH")),
            ("1 F8_128_HMAC_SHA1_80 \(inline30)", .unknownSuite("F8_128_HMAC_SHA1_80")),
            ("1 AES_CM_256_HMAC_SHA1_80 \(inline30)", .wrongLength(needed: 46, got: 30)),
            ("1 AEAD_AES_128_GCM \(inline30)", .wrongLength(needed: 28, got: 30)),
            ("1 AES_CM_128_HMAC_SHA1_80 \(inline30)|2^49", .invalidLifetime),
            ("1 AES_CM_128_HMAC_SHA1_80 \(inline30)|0", .invalidLifetime),
            ("1 AES_CM_128_HMAC_SHA1_80 \(inline30)|2^20|2^20", .invalidLifetime),
            ("1 AES_CM_128_HMAC_SHA1_80 \(inline30)||1:4", .invalidLifetime),
            ("1 AES_CM_128_HMAC_SHA1_80 \(inline30)|256:1", .invalidIdentifier),
            ("1 AES_CM_128_HMAC_SHA1_80 \(inline30)|1:129", .invalidIdentifier),
            ("1 AES_CM_128_HMAC_SHA1_80 \(inline30)|1:0", .invalidIdentifier),
            ("1 AES_CM_128_HMAC_SHA1_80 \(inline30)|-1:4", .invalidIdentifier),
            ("1 AES_CM_128_HMAC_SHA1_80 \(inline30)|2^20|1:4|x", .excessKeyFields),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:d0Rm*mcm", .invalidBase64),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:", .wrongLength(needed: 30, got: 0)),
            ("1 AES_CM_128_HMAC_SHA1_80 uri:https://example.org", .unknownKeyMethod),
            ("1 AES_CM_128_HMAC_SHA1_80 \(inline30)|1:1;\(inline30)|2:1", .keyCount(2)),
        ])
    func refused(_ line: String, _ expected: SDESKeyError) {
        #expect(throws: expected) { try SDESKey(parsing: line) }
        #expect(!"\(expected)".contains("d0Rm"))
    }

    @Test("The answer takes the first line of the offer that can be used")
    func choice() {
        let lines = [
            (tag: 1, suite: "AES_CM_128_HMAC_SHA1_80", keyParameters: [Self.inline30], sessionParameters: ["KDR=3"]),
            (tag: 2, suite: "UNHEARD_OF", keyParameters: [Self.inline30], sessionParameters: []),
            (tag: 3, suite: "AES_CM_128_HMAC_SHA1_32", keyParameters: [Self.inline30], sessionParameters: []),
            (tag: 4, suite: "AES_CM_128_HMAC_SHA1_80", keyParameters: [Self.inline30], sessionParameters: []),
        ]
        let choice = SDESKey.choose(among: lines)
        #expect(choice.key?.tag == 3)
        #expect(choice.skipped == [.unsupportedSessionParameter("KDR"), .unknownSuite("UNHEARD_OF")])
        let strict = SDESKey.choose(among: lines, allowing: [.counter128Tag80])
        #expect(strict.key?.tag == 4)
        let none = SDESKey.choose(among: lines, allowing: [.galois256])
        #expect(none.key == nil)
        #expect(none.skipped.count == 4)
    }

    @Test("Our own keys have the right size, differ, and are read back", arguments: CryptoSuite.allCases)
    func generated(_ suite: CryptoSuite) throws {
        var generator = SystemRandomNumberGenerator()
        let offered = SDESKey.generate(tag: 7, suite: suite, using: &generator)
        let answered = offered.answer(using: &generator)
        #expect(answered.tag == 7)
        #expect(answered.suiteName == suite.rawValue)
        #expect(!answered.protectsLike(offered))
        let read = try SDESKey(tag: 7, suite: suite.rawValue, keyParameters: [answered.keyParameter])
        #expect(read == answered)
    }

    @Test("Both spellings of the longer suites are one, and an answer repeats the one offered")
    func spelling() throws {
        let material = material(.counter256Tag80)
        let key = try SDESKey(suite: .counter256Tag80, masterKey: material.key, masterSalt: material.salt)
        let read = try SDESKey(tag: 1, suite: "AES_256_CM_HMAC_SHA1_80", keyParameters: [key.keyParameter])
        #expect(read.suite == .counter256Tag80)
        var generator = SystemRandomNumberGenerator()
        #expect(read.answer(using: &generator).suiteName == "AES_256_CM_HMAC_SHA1_80")
    }

    @Test("No text about a key shows it")
    func secret() throws {
        let key = try SDESKey(parsing: "1 AES_CM_128_HMAC_SHA1_80 \(Self.inline30)")
        var dumped = ""
        dump(key, to: &dumped)
        let mirrored = Mirror(reflecting: key).children.map { "\($0)" }.joined()
        for text in [dumped, "\(key)", String(reflecting: key), mirrored, "\(Optional(key) as Any)"] {
            #expect(!text.contains("d0Rm") && !text.contains("119, 68") && !text.contains("masterKey"))
        }
    }
}
