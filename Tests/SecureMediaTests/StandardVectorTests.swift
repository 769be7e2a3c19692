import SecureMedia
import Testing

@Suite("Vectors of the standards")
struct StandardVectorTests {
    @Test("RFC 3711 B.2: keystream of AES-CM, also at the end of the block counter")
    func keystream() throws {
        let keys = SessionKeys(
            encryption: octets("2B7E151628AED2A6ABF7158809CF4F3C"), authentication: [UInt8](repeating: 0, count: 20),
            salt: octets("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"))
        let cipher = try SessionCipher(.counter128Tag80, keys)
        var stream = [UInt8](repeating: 0, count: 0xFF02 * 16)
        let good = stream.withUnsafeMutableBytes { cipher.applyKeystream(ssrc: 0, index: 0, $0) }
        #expect(good)
        let expected: [(Int, String)] = [
            (0x0000, "E03EAD0935C95E80E166B16DD92B4EB4"), (0x0001, "D23513162B02D0F72A43A2FE4A5F97AB"),
            (0x0002, "41E95B3BB0A2E8DD477901E4FCA894C0"), (0xFEFF, "EC8CDF7398607CB0F2D21675EA9EA1E4"),
            (0xFF00, "362B7C3C6773516318A077D7FC5073AE"), (0xFF01, "6A2CC3787889374FBEB4C81B17BA6C44"),
        ]
        for (block, text) in expected {
            #expect(Array(stream[block * 16..<block * 16 + 16]) == octets(text), "block \(block)")
        }
    }

    struct Derivation: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let suite: CryptoSuite
        let key, salt, sessionKey, sessionAuthentication, sessionSalt: String
    }

    @Test(
        "Session keys follow from the master key",
        arguments: [
            Derivation(
                testDescription: "RFC 3711 B.3", suite: .counter128Tag80, key: "E1F97A0D3E018BE0D64FA32C06DE4139",
                salt: "0EC675AD498AFEEBB6960B3AABE6", sessionKey: "C61E7A93744F39EE10734AFE3FF7A087",
                sessionAuthentication: "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4",
                sessionSalt: "30CBBC08863D8C85D49DB34A9AE1"),
            Derivation(
                testDescription: "RFC 6188 7.2", suite: .counter256Tag80,
                key: "F0F04914B513F2763A1B1FA130F10E2998F6F6E43E4309D1E622A0E332B9F1B6",
                salt: "3B04803DE51EE7C96423AB5B78D2",
                sessionKey: "5BA1064E30EC51613CAD926C5A28EF731EC7FB397F70A960653CAF06554CD8C4",
                sessionAuthentication: "FD9C32D39ED5FBB5A9DC96B30818454D1313DC05",
                sessionSalt: "FA31791685CA444A9E07C6C64E93"),
            Derivation(
                testDescription: "RFC 6188 7.4", suite: .counter192Tag80,
                key: "73EDC66C4FA15776FB57F9505C17136550FFDA71F3E8E5F1", salt: "C8522F3ACD4CE86D5ADD78EDBB11",
                sessionKey: "31874736A8F1143870C26E4857D8A5B2C4A354407FAADABB",
                sessionAuthentication: "355B10973CD95B9EACF4061C7E1A7151E7CFBFCB",
                sessionSalt: "2372B82D639B6D8503A47ADC0A6C"),
        ])
    func derivation(_ vector: Derivation) throws {
        let keys = try SessionKeys(
            .media, vector.suite, masterKey: octets(vector.key), masterSalt: octets(vector.salt))
        #expect(keys.encryption == octets(vector.sessionKey))
        #expect(keys.authentication == octets(vector.sessionAuthentication))
        #expect(keys.salt == octets(vector.sessionSalt))
    }

    @Test("RFC 3711 B.3: the longer authentication key runs over several blocks")
    func longDerivation() throws {
        let derived = try SessionKeys.derive(
            1, 94, masterKey: octets("E1F97A0D3E018BE0D64FA32C06DE4139"),
            masterSalt: octets("0EC675AD498AFEEBB6960B3AABE6"))
        #expect(
            derived
                == octets(
                    """
                    CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCEE049646C43D9327AD175578EF7227098
                    6371C10C9A369AC2F94A8C5FBCDDDC256D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2
                    """))
    }

    struct Sealed: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let suite: CryptoSuite
        let media, control: String
    }

    static let sealed = [
        Sealed(
            testDescription: "AES-128", suite: .galois128,
            media: """
                8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a
                51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce
                """,
            control: """
                81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda
                4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4
                """),
        Sealed(
            testDescription: "AES-256", suite: .galois256,
            media: """
                8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02
                76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13
                """,
            control: """
                81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be
                8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4
                """),
    ]

    @Test("RFC 7714 §16 and §17: SRTP and SRTCP packets of the AEAD suites, both ways", arguments: sealed)
    func galois(_ vector: Sealed) throws {
        let keys = SessionKeys(
            encryption: (0..<vector.suite.keyLength).map { UInt8($0) }, authentication: [],
            salt: octets("5175696420 70726f20 71756f"))
        let media = octets(
            """
            8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465
            73207472 6573
            """)
        let control = octets(
            """
            81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef
            deadbeef deadbeef
            """)
        var sender = try SRTPSender(vector.suite, media: keys, control: keys, controlIndex: 0x5d4)
        let sent = sender.send(media)
        let sentControl = sender.sendControl(control)
        #expect(sent == .passed(octets(vector.media)))
        #expect(sentControl == .passed(octets(vector.control)))
        var receiver = try SRTPReceiver(vector.suite, media: keys, control: keys)
        let received = receiver.receive(octets(vector.media))
        let receivedControl = receiver.receiveControl(octets(vector.control))
        #expect(received == .passed(media))
        #expect(receivedControl == .passed(control))
    }
}
