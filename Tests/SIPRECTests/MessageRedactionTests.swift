import SIPREC
import Testing

@Suite("Messages in logs")
struct MessageRedactionTests {
    private static let key = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"

    private func text(_ lines: [String], end: String) -> String {
        MessageRedaction.text(Array((lines.joined(separator: end) + end).utf8))
    }

    @Test("Keys and credentials go, everything else stays", arguments: ["\r\n", "\n", "\r"])
    func message(_ end: String) {
        let written = [
            "INVITE sip:a@example.com SIP/2.0", "Authorization: Digest username=\"sbc\",", "\tresponse=\"00ff\"",
            "proxy-authorization : Digest response=\"11ff\"", "Supported: timer", "k: siprec", "", "v=0",
            "m=audio 4000 RTP/SAVP 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:\(Self.key)|2^20|1:4 WSH=64",
            "  a=crypto: 2 AES_CM_128_HMAC_SHA1_80 INLINE:\(Self.key)", "k=clear:secret", "a=label:1",
        ]
        let expected = [
            "INVITE sip:a@example.com SIP/2.0", "Authorization: ***", "", "proxy-authorization : ***",
            "Supported: timer", "k: siprec", "", "v=0", "m=audio 4000 RTP/SAVP 0",
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 ***", "a=crypto:2 AES_CM_128_HMAC_SHA1_80 ***", "k=***", "a=label:1",
        ]
        #expect(text(written, end: end) == expected.map { $0 + end }.joined())
    }

    @Test(
        "A key in a wrong place is masked, too",
        arguments: [
            "a=crypto:1 inline:\(key) AES_CM_128_HMAC_SHA1_80", "a=crypto:\(key) x y", "a=crypto:1 \(key)",
            "a=Crypto:1 AES_CM_128_HMAC_SHA1_80 \(key)", "X-Key: InLiNe:\(key)", "a=tcap:1 inline:\(key)",
            "a=acap:1 crypto:1 AES_CM_128_HMAC_SHA1_80 inline:\(key)", "a=crypto:\(key)",
        ])
    func wrongPlaces(_ line: String) {
        let text = text(["v=0", line, "a=label:1"], end: "\r\n")
        #expect(!text.contains(Self.key.prefix(12)))
        #expect(text.hasSuffix("\r\na=label:1\r\n"))
    }

    @Test("A message without secrets is untouched, octets that are no text apart")
    func untouched() {
        let lines = [
            "SIP/2.0 200 OK", "WWW-Authenticate: Digest realm=\"x\"", " , nonce=\"y\"", "", "v=0", "s=in line",
        ]
        #expect(text(lines, end: "\r\n") == lines.map { $0 + "\r\n" }.joined())
        #expect(MessageRedaction.text([]) == "")
        #expect(MessageRedaction.text([0x0D, 0x0A, 0xFF]) == "\r\n\u{FFFD}")
    }
}
