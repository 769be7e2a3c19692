import SDP
import Testing

@Suite("Formats of an answer")
struct AnsweredFormatTests {
    private func answered(_ formats: String, _ mappings: [String], oneCodec: Bool = false) throws -> [String] {
        let text = "v=0\nm=audio 4000 RTP/AVP \(formats)\n" + mappings.map { "a=\($0)\n" }.joined()
        let offer = try SessionDescription(parsing: Array(text.utf8))
        var policy = AnswerPolicy()
        policy.namesOneCodec = oneCodec
        let answer = offer.answer(
            origin: Origin(sessionID: 1, address: ConnectionAddress(host: "198.51.100.9")),
            local: [0: LocalMedia(port: 10000)], policy: policy)
        return answer.media[0].payloads.map { "\($0)" + ($0.formatParameters.map { " " + $0 } ?? "") }
    }

    private static let opus = "rtpmap:96 opus/48000/2"
    private static let events8 = "rtpmap:101 telephone-event/8000"
    private static let events48 = "rtpmap:102 telephone-event/48000"

    @Test("Wideband codecs are kept in the offer's order")
    func wideband() throws {
        #expect(
            try answered("9 96 0 18", [Self.opus]) == ["9 G722/8000", "96 opus/48000/2 useinbandfec=1", "0 PCMU/8000"])
        // Some write Opus with one channel, against RFC 7587 §7.
        #expect(try answered("96", ["rtpmap:96 OPUS/48000"]) == ["96 OPUS/48000 useinbandfec=1"])
    }

    @Test("Opus is asked for in-band error correction, whatever the offer wants for itself (RFC 7587 §7.1)")
    func opusParameters() throws {
        #expect(
            try answered("96", [Self.opus, "fmtp:96 maxplaybackrate=8000;stereo=1;useinbandfec=0"]) == [
                "96 opus/48000/2 useinbandfec=1"
            ])
    }

    @Test("Telephone events and comfort noise stay where a kept codec has their clock")
    func events() throws {
        let mappings = [Self.opus, Self.events8, Self.events48, "rtpmap:98 CN/16000"]
        #expect(
            try answered("96 101 102 13 98", mappings) == [
                "96 opus/48000/2 useinbandfec=1", "102 telephone-event/48000",
            ])
        #expect(
            try answered("0 101 102 13 98", mappings) == ["0 PCMU/8000", "101 telephone-event/8000", "13 CN/8000"])
        #expect(
            try answered("0 96 102 101", mappings) == [
                "0 PCMU/8000", "96 opus/48000/2 useinbandfec=1", "102 telephone-event/48000",
                "101 telephone-event/8000",
            ])
    }

    @Test("Events of 8 kHz beside Opus stay where no others are offered")
    func eventsBesideOpus() throws {
        #expect(
            try answered("96 101 13", [Self.opus, Self.events8]) == [
                "96 opus/48000/2 useinbandfec=1", "101 telephone-event/8000",
            ])
        #expect(
            try answered("96 101", [Self.opus, "rtpmap:101 telephone-event/16000"]) == [
                "96 opus/48000/2 useinbandfec=1"
            ])
    }

    @Test("Where no codec can be decoded, all that is offered is answered as it stands")
    func unknown() throws {
        let amr = ["rtpmap:97 AMR/8000", "fmtp:97 octet-align=1", Self.events8]
        #expect(
            try answered("18 97 101", amr) == [
                "18 G729/8000", "97 AMR/8000 octet-align=1", "101 telephone-event/8000",
            ])
        // G.722 and Opus of another clock are other codecs.
        #expect(try answered("97", ["rtpmap:97 opus/16000"]) == ["97 opus/16000"])
        #expect(try answered("97", ["rtpmap:97 PCMU/16000"]) == ["97 PCMU/16000"])
        #expect(try answered("97", ["rtpmap:97 PCMU/8000/2"]) == ["97 PCMU/8000/2"])
        #expect(try answered("101", [Self.events8]) == ["101 telephone-event/8000"])
    }

    @Test("One decodable codec is enough for the others to go")
    func oneDecodable() throws {
        #expect(try answered("18 97 8", ["rtpmap:97 AMR/8000"]) == ["8 PCMA/8000"])
    }

    @Test("An answer of one codec names the first that can be decoded, else the first")
    func oneCodec() throws {
        let mappings = [Self.opus, Self.events8, Self.events48, "rtpmap:97 AMR/8000"]
        #expect(
            try answered("97 8 96 101 102", mappings, oneCodec: true) == ["8 PCMA/8000", "101 telephone-event/8000"])
        #expect(
            try answered("96 8 101 102", mappings, oneCodec: true) == [
                "96 opus/48000/2 useinbandfec=1", "102 telephone-event/48000",
            ])
        #expect(
            try answered("97 18 101", mappings, oneCodec: true) == ["97 AMR/8000", "101 telephone-event/8000"])
        #expect(try answered("101", mappings, oneCodec: true) == ["101 telephone-event/8000"])
    }
}
