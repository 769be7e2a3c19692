import SDP
import Testing

@Suite("Reading session descriptions")
struct SessionDescriptionTests {
    private static let plain = """
        v=0
        o=SBC 100 7 IN IP4 192.0.2.1
        s=call
        c=IN IP4 192.0.2.2
        t=0 0
        a=sendonly
        m=audio 4000 RTP/AVP 0 8 101 13
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-15
        a=ptime:20
        a=label:left
        m=audio 4010/2 RTP/AVP 97
        c=IN IP6 2001:db8::1
        a=rtpmap:97 opus/48000/2
        a=rtcp:4099 IN IP6 2001:db8::2
        a=inactive
        """

    private func parse(_ text: String) throws -> SessionDescription {
        try SessionDescription(parsing: Array(text.utf8))
    }

    @Test("Session defaults hold for a section that says nothing, and give way where it does")
    func defaults() throws {
        let media = try parse(Self.plain).mediaParameters
        try #require(media.count == 2)
        #expect(media[0].address == "192.0.2.2")
        #expect(media[0].port == 4000)
        #expect(media[0].rtcpPort == 4001 && !media[0].namesRTCP)
        #expect(media[0].direction == .sendonly)
        #expect(media[0].label == "left")
        #expect(media[0].packetTime == 20)
        #expect(
            media[0].payloads.map(\.description) == [
                "0 PCMU/8000", "8 PCMA/8000", "101 telephone-event/8000", "13 CN/8000",
            ])
        #expect(media[0].payloads[2].formatParameters == "0-15")
        #expect(media[1].address == "2001:db8::1")
        #expect(media[1].rtcpPort == 4099 && media[1].namesRTCP)
        #expect(media[1].rtcpAddress == "2001:db8::2")
        #expect(media[1].direction == .inactive)
        #expect(
            media[1].payloads == [PayloadFormat(payloadType: 97, encodingName: "opus", clockRate: 48000, channels: 2)])
    }

    @Test("CRLF, LF and CR end a line alike", arguments: ["\r\n", "\n", "\r"])
    func lineEnds(_ end: String) throws {
        let text = Self.plain.split(separator: "\n").joined(separator: end)
        #expect(try parse(text) == parse(Self.plain))
    }

    @Test("What is read is written again with CRLF, odd lines in their places")
    func exactSerialiser() throws {
        let text =
            "v=0\r\nX-Odd: line\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nm=audio 4000 RTP/AVP 0\r\n=\r\na=rtpmap:x\r\nzz=9\r\n"
        #expect(try String(decoding: parse(text).serialized(), as: UTF8.self) == text)
    }

    @Test(
        "A connection without a usable address is no address",
        arguments: ["", "c=IN IP4 0.0.0.0\r\n", "c=IN IP6 ::\r\n", "c=IN IP4\r\n", "c=\r\n"])
    func noAddress(_ line: String) throws {
        let media = try parse("v=0\r\n\(line)m=audio 4000 RTP/AVP 0\r\n").mediaParameters
        #expect(media.first?.address == nil)
        #expect(media.first?.port == 4000)
    }

    @Test("TTL and count of a multicast address are taken off, brackets of an IPv6 address too")
    func addresses() {
        #expect(ConnectionAddress(parsing: "IN IP4 224.2.1.1/127/3")?.host == "224.2.1.1")
        #expect(ConnectionAddress(parsing: "IN IP6 [2001:db8::9]")?.host == "2001:db8::9")
        #expect(ConnectionAddress(parsing: "IN IP4 2001:db8::9")?.family == .ip6)
        #expect(ConnectionAddress(host: "2001:db8::9").description == "IN IP6 2001:db8::9")
    }

    @Test("With rtcp-mux, RTCP shares the RTP port, whatever a=rtcp says")
    func multiplexing() throws {
        let media = try parse("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\na=rtcp:5000\na=rtcp-mux\n")
            .mediaParameters
        #expect(media.first?.rtcpPort == 4000)
        #expect(media.first?.multiplexesRTCP == true)
    }

    @Test("Port 65535 has no RTCP port after it")
    func lastPort() throws {
        #expect(try parse("v=0\nm=audio 65535 RTP/AVP 0\n").mediaParameters.first?.rtcpPort == nil)
    }

    @Test(
        "An m= line that cannot be read keeps its place",
        arguments: ["m=", "m=audio", "m=audio x RTP/AVP 0", "m=audio 99999 RTP/AVP 0", "m=audio 4000"])
    func unreadableMedia(_ line: String) throws {
        let description = try parse("v=0\r\n\(line)\r\nm=audio 4000 RTP/AVP 0\r\n")
        #expect(description.media.count == 2)
        #expect(description.verdicts(policy: AnswerPolicy()) == [.unreadable, .accepted])
    }

    @Test("Words that are no direction do not change it: a=direction:both, a=sendonly-x")
    func otherAttributes() throws {
        let text = "v=0\nm=audio 4000 RTP/AVP 8\na=direction:both\na=sendonly-x\na=sendonly \n"
        #expect(try parse(text).mediaParameters.first?.direction == .sendonly)
    }

    @Test("Payload numbers: static ones need no rtpmap, doubled ones count once, others are named empty")
    func payloads() throws {
        let text =
            "v=0\nm=audio 4000 RTP/AVP 9 18 9 77 200 x\na=rtpmap:18 G729/8000\na=rtpmap:18 other/1\na=rtpmap:300 x/1\n"
        let payloads = try #require(try parse(text).mediaParameters.first).payloads
        #expect(payloads.map(\.payloadType) == [9, 18, 77])
        #expect(payloads.map(\.encodingName) == ["G722", "G729", ""])
        #expect(payloads.map(\.clockRate) == [8000, 8000, 8000])
    }

    @Test("Keys of a=crypto are read, and never shown")
    func crypto() throws {
        let key = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
        let text =
            "v=0\nm=audio 4000 RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:\(key)|2^20|1:4 UNENCRYPTED_SRTCP\na=crypto:zero none inline:x\n"
        let description = try parse(text)
        let media = try #require(description.mediaParameters.first)
        #expect(media.isSecure)
        try #require(media.crypto.count == 1)
        #expect(media.crypto[0].tag == 1)
        #expect(media.crypto[0].suite == "AES_CM_128_HMAC_SHA1_80")
        #expect(media.crypto[0].keyParameters == ["inline:\(key)|2^20|1:4"])
        #expect(media.crypto[0].sessionParameters == ["UNENCRYPTED_SRTCP"])
        #expect(!description.description.contains(key))
        #expect(!"\(media)".contains(key))
        #expect(!String(reflecting: media.crypto).contains(key))
    }

    @Test("DTLS offers are noticed")
    func dtls() throws {
        let text = "v=0\nm=audio 9 UDP/TLS/RTP/SAVPF 0\na=setup:actpass\na=fingerprint:sha-256 AA:BB\n"
        let section = try #require(try parse(text).media.first)
        #expect(section.offersDTLS)
        #expect(section.isSecure)
        #expect(section.attribute("setup") == "actpass")
    }

    @Test("Errors say what was found and what was expected")
    func errors() {
        func message(_ bytes: [UInt8]) -> String {
            do throws(SDPParseError) {
                _ = try SessionDescription(parsing: bytes)
                return "read"
            } catch {
                return error.description
            }
        }
        #expect(
            message([])
                == #"the session description is empty; expected lines such as "v=0" and "m=audio 4000 RTP/AVP 0""#)
        #expect(message(Array(" \r\n\r\n".utf8)).hasPrefix("the session description is empty"))
        #expect(
            message(Array("<?xml version='1.0'?>".utf8))
                == #"no v=, o= or m= line found; the text starts with "<?xml version='1.0'?>" and is not a session description"#
        )
        #expect(
            message([UInt8](repeating: 0x61, count: 70_000))
                == "the session description has 70000 octets; at most 65535 are read")
        let many = Array(String(repeating: "m=audio 1 RTP/AVP 0\n", count: 65).utf8)
        #expect(message(many) == "the session description has more than 64 m= lines")
        #expect(
            message(Array(String(repeating: "a=\n", count: 5000).utf8))
                == "the session description has more than 4096 lines")
    }
}
