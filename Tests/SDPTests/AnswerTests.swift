import SDP
import Testing

@Suite("Answering an offer as a recorder")
struct AnswerTests {
    private let origin = Origin(
        username: "earshot", sessionID: 42, version: 1, address: ConnectionAddress(host: "198.51.100.9"))

    private func parse(_ text: String) throws -> SessionDescription {
        try SessionDescription(parsing: Array(text.utf8))
    }

    private func answer(_ text: String, ports: [Int: UInt16], policy: AnswerPolicy = AnswerPolicy()) throws -> String {
        let local = ports.mapValues { LocalMedia(port: $0) }
        let bytes = try parse(text).answer(origin: origin, local: local, policy: policy).serialized()
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("Two sendonly lines are answered recvonly, labels echoed, byte for byte")
    func twoStreams() throws {
        let offer = """
            v=0
            o=SRC 1 1 IN IP4 192.0.2.1
            s=-
            c=IN IP4 192.0.2.1
            t=0 0
            m=audio 12240 RTP/AVP 0 4 8 101
            a=rtpmap:101 telephone-event/8000
            a=fmtp:101 0-15
            a=ptime:20
            a=sendonly
            a=label:1
            m=audio 12242 RTP/AVP 0
            a=inactive
            a=label:b_leg
            """
        let expected = [
            "v=0", "o=earshot 42 1 IN IP4 198.51.100.9", "s=-", "c=IN IP4 198.51.100.9", "t=0 0",
            "m=audio 10000 RTP/AVP 0 8 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "a=ptime:20", "a=recvonly", "a=label:1",
            "m=audio 10002 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=inactive", "a=label:b_leg", "",
        ].joined(separator: "\r\n")
        #expect(try answer(offer, ports: [0: 10000, 1: 10002]) == expected)
    }

    @Test(
        "Direction table",
        arguments: [
            (MediaDirection.sendonly, MediaDirection.recvonly, MediaDirection.recvonly),
            (.sendrecv, .recvonly, .sendrecv), (.recvonly, .inactive, .sendonly), (.inactive, .inactive, .inactive),
        ])
    func directions(offered: MediaDirection, recorder: MediaDirection, mirror: MediaDirection) throws {
        let text = "v=0\nm=audio 4000 RTP/AVP 0\na=\(offered.rawValue)\n"
        #expect(try answer(text, ports: [0: 10000]).contains("a=\(recorder.rawValue)\r\n"))
        var policy = AnswerPolicy()
        policy.direction = .mirror
        #expect(try answer(text, ports: [0: 10000], policy: policy).contains("a=\(mirror.rawValue)\r\n"))
    }

    @Test("A session direction counts where the section says none; without any it is sendrecv")
    func sessionDirection() throws {
        #expect(try answer("v=0\na=inactive\nm=audio 4000 RTP/AVP 0\n", ports: [0: 10000]).contains("a=inactive"))
        #expect(try answer("v=0\nm=audio 4000 RTP/AVP 0\n", ports: [0: 10000]).contains("a=recvonly"))
    }

    @Test("Formats keep the offer's order, unsupported ones go")
    func formats() throws {
        let text = "v=0\nm=audio 4000 RTP/AVP 18 101 8 9 0 13\na=rtpmap:101 telephone-event/8000\n"
        #expect(try answer(text, ports: [0: 10000]).contains("m=audio 10000 RTP/AVP 101 8 9 0 13\r\n"))
    }

    @Test("Where no audio encoding is supported, all offered formats stay and the call is taken")
    func unsupportedFormats() throws {
        let text = "v=0\nm=audio 4000 RTP/AVP 18 97 100\na=rtpmap:97 AMR/8000\na=rtpmap:100 telephone-event/8000\n"
        let answer = try answer(text, ports: [0: 10000])
        #expect(answer.contains("m=audio 10000 RTP/AVP 18 97 100\r\n"))
        #expect(answer.contains("a=rtpmap:97 AMR/8000\r\n"))
    }

    @Test("A line without any format is taken with PCMU and PCMA")
    func noFormats() throws {
        #expect(try answer("v=0\nm=audio 4000 RTP/AVP\n", ports: [0: 10000]).contains("m=audio 10000 RTP/AVP 0 8\r\n"))
    }

    @Test("Video, application, T.38 and the fifth audio line get port 0 and keep their place")
    func refusals() throws {
        let text = """
            v=0
            m=video 5000 RTP/AVP 96
            a=label:v
            m=audio 4000 RTP/AVP 0
            m=image 6000 udptl t38
            m=audio 4002 RTP/AVP 0
            m=application 9 DTLS/SCTP 5000
            m=audio 4004 RTP/AVP 0
            m=audio 4006 RTP/AVP 0
            m=audio 4008 RTP/AVP 0
            m=audio 0 RTP/AVP 0
            """
        let offer = try parse(text)
        #expect(
            offer.verdicts(policy: AnswerPolicy()) == [
                .notAudio, .accepted, .notAudio, .accepted, .notAudio, .accepted, .accepted, .tooManyAudio, .removed,
            ])
        let local = Dictionary(
            uniqueKeysWithValues: offer.media.indices.map { ($0, LocalMedia(port: UInt16(10000 + 2 * $0))) })
        let answer = offer.answer(origin: origin, local: local)
        #expect(answer.media.map(\.port) == [0, 10002, 0, 10006, 0, 10010, 10012, 0, 0])
        #expect(answer.media.map(\.kind) == offer.media.map(\.kind))
        #expect(answer.media.map(\.transport) == offer.media.map(\.transport))
        #expect(answer.media[0].label == "v")
    }

    @Test("A line that is given no port is refused")
    func noPort() throws {
        #expect(try answer("v=0\nm=audio 4000 RTP/AVP 0\n", ports: [:]).contains("m=audio 0 RTP/AVP 0\r\n"))
    }

    @Test("rtcp-mux is echoed where offered only; another RTCP port is told otherwise")
    func multiplexing() throws {
        let mux = "v=0\nm=audio 4000 RTP/AVP 0\na=rtcp-mux\n"
        #expect(try answer(mux, ports: [0: 10000]).contains("a=rtcp-mux\r\n"))
        let plain = try parse("v=0\nm=audio 4000 RTP/AVP 0\n")
        let text = { (media: LocalMedia) in
            String(decoding: plain.answer(origin: origin, local: [0: media]).serialized(), as: UTF8.self)
        }
        #expect(!text(LocalMedia(port: 10000)).contains("a=rtcp"))
        #expect(!text(LocalMedia(port: 10000, rtcpPort: 10001)).contains("a=rtcp"))
        #expect(text(LocalMedia(port: 10000, rtcpPort: 20001)).contains("a=rtcp:20001\r\n"))
    }

    @Test("A media address other than the session's has its own c= line; IPv6 is written as IP6")
    func mediaAddress() throws {
        let local = LocalMedia(address: ConnectionAddress(host: "2001:db8::5"), port: 10000)
        let answer = try parse("v=0\nt=5 6\nm=audio 4000 RTP/AVP 0\n").answer(origin: origin, local: [0: local])
        let text = String(decoding: answer.serialized(), as: UTF8.self)
        #expect(text.contains("t=5 6\r\nm=audio 10000 RTP/AVP 0\r\nc=IN IP6 2001:db8::5\r\n"))
    }

    @Test("A label cannot bring a line of its own into the answer")
    func noInjection() {
        let line = SDPLine("a", "label:x\r\nm=audio 1 RTP/AVP 0")
        #expect(line.text == "a=label:x  m=audio 1 RTP/AVP 0")
    }

    @Test("The version grows by one")
    func version() {
        #expect(origin.incremented().description == "earshot 42 2 IN IP4 198.51.100.9")
    }
}

@Suite("Making an offer")
struct OfferTests {
    @Test("An offer is read again with the values it was made of")
    func roundTrip() throws {
        var line = MediaOffer(local: LocalMedia(port: 4000, rtcpPort: 4005), direction: .sendonly, label: "96")
        line.multiplexesRTCP = false
        var second = MediaOffer(local: LocalMedia(port: 4002), payloads: [.pcma], direction: .inactive, label: "97")
        second.multiplexesRTCP = true
        let origin = Origin(sessionID: 7, address: ConnectionAddress(host: "192.0.2.1"))
        let bytes = SessionDescription.offer(origin: origin, media: [line, second]).serialized()
        let media = try SessionDescription(parsing: bytes).mediaParameters
        #expect(media.map(\.label) == ["96", "97"])
        #expect(media.map(\.direction) == [.sendonly, .inactive])
        #expect(media.map(\.rtcpPort) == [4005, 4002])
        #expect(media.map(\.packetTime) == [20, 20])
        #expect(media.map { $0.payloads.map(\.payloadType) } == [[0, 8, 101], [8]])
        #expect(media.allSatisfy { $0.address == "192.0.2.1" })
    }
}
