import SIPREC
import Testing

@Suite("Pressed keys in messages that are logged")
struct DigitRedactionTests {
    /// Header lines from the type on, and a body that tells 7742 or, where the form has one octet a key, 7.
    private static let forms: [(lines: [String], body: String)] = [
        (["Content-Type: application/dtmf-relay"], "Signal=7742\r\nDuration=160\r\n"),
        (["Content-Type: application/dtmf-relay"], "Signal: 7742\r\nDuration=160\r\n"),
        (["Content-Type: application/dtmf-relay"], "\r\n\r\nsignal = 7742"),
        (["Content-Type: application/dtmf"], "7742"),
        (["c: application/dtmf;x=y"], "7742"),
        (["Content-Type:", " application/dtmf"], "7742"),
        (["Content-Type :", "\tapplication/", " dtmf"], "7742"),
        (["Content-Type: application/vnd.nortelnetworks.digits"], "p=Digit-Collection\r\ny=Digits\r\n\r\nd=7742\r\n"),
        (["Content-Type: application/kpml-response+xml"], "<kpml-response code=\"200\" digits = \"7742\"/>"),
        (["Content-Type: application/kpml-response+xml"], "<kpml-response digits\r\n=\r\n'7742'/>"),
        (["Content-Type: audio/telephone-event"], "07742008"),
        (["Content-Type: text/plain"], "keys: 7742"),
        (["Content-Type: application/dtmf-info"], "d=7742"),
        (["Content-Type: application/sdp", "Content-Type: application/dtmf"], "7742"),
        (["Content-Type: application/sdp"], "v=0\r\na=x-digits = 7742\r\n"),
        (["Content-Type: multipart/mixed;boundary=x"], "--x\r\nc: application/dtmf\r\n\r\n7742\r\n--x--\r\n"),
        (["Content-Type: multipart/mixed;", " boundary=\"x y\""], "--x y\nc:\n application/dtmf\n\n7742\n--x y--"),
        (["Content-Type: multipart/mixed"], "--x\r\nContent-Type: application/dtmf\r\n\r\n7742"),
        (["Content-Type: multipart/mixed;boundary=x"], "7742\r\n--x\r\n\r\n7742\r\n--x--\r\n7742"),
        (["Content-Type: multipart/mixed;boundary=x"], "--x\r\n7742\r\n--x--"),
        (["Content-Type: multipart/mixed;boundary=x"], "--x\r\nX-Key: 7742\r\n 7742\r\n\r\n--x--"),
        (
            ["Content-Type: multipart/mixed;boundary=x"],
            "--x\r\nContent-Type: multipart/mixed;boundary=y\r\n\r\n--y\r\n\r\n7742\r\n--y--\r\n--x--"
        ),
        (["Content-Type: multipart/mixed;boundary=z"], "no boundary: 7742"),
        (["Content-Length: 4"], "7742"),
        (["Signal: 7742"], ""), (["X-DTMF-Digits:", " 7742", "\t7742"], ""), (["X-Sent: a;digits = 7742"], ""),
        (["X-Sent: dtmf=7742;digits=7742", " 7742"], ""), (["Content-Type: application/dtmf", "7742"], ""),
        (["Content-Type: application/dtmf;digits=7742"], ""),
    ]

    private func message(_ start: String, _ form: (lines: [String], body: String), end: String) -> [UInt8] {
        let head = [start, "Call-ID: 1@example.com"] + form.lines + ["CSeq: 2 INFO", ""]
        return Array((head.map { $0 + end }.joined() + form.body).utf8)
    }

    @Test(
        "None is there where digits are redacted, in whatever form, method or answer it comes",
        arguments: forms.indices, ["\r\n", "\n", "\r"])
    func hidden(_ index: Int, _ end: String) {
        for start in ["INFO sip:a@example.com SIP/2.0", "NOTIFY sip:a@example.com SIP/2.0", "SIP/2.0 200 OK"] {
            let written = message(start, Self.forms[index], end: end)
            #expect(MessageRedaction.text(written).contains("7742"))
            for lead in ["", "\r\n\r\n"] {
                let text = MessageRedaction.text(Array(lead.utf8) + written, redactsDigits: true)
                #expect(!text.contains("77"), "\(text)")
                #expect(text.contains("***"))
                #expect(text.hasPrefix(lead + start + end + "Call-ID: 1@example.com" + end))
                #expect(text.contains("CSeq: 2 INFO" + end + end))
            }
        }
    }

    @Test("Of a body, its length stays")
    func length() {
        let info = "INFO sip:a@example.com SIP/2.0\r\nContent-Type: application/dtmf-relay\r\n\r\n"
        let text = MessageRedaction.text(Array((info + "Signal=5\r\nDuration=160\r\n").utf8), redactsDigits: true)
        #expect(text == info + "*** (length 24)\r\n")
        let octet = "INFO sip:a@example.com SIP/2.0\r\nc: audio/telephone-event\r\n\r\n"
        let binary = MessageRedaction.text(Array(octet.utf8) + [7, 0x8A, 3, 0xFF], redactsDigits: true)
        #expect(binary == octet + "*** (length 4)")
    }

    @Test("Session descriptions and metadata stay, alone and beside what does not", arguments: ["\r\n", "\n"])
    func kept(_ end: String) {
        let lines = [
            "INVITE sip:+13605550199@example.com SIP/2.0", "Content-Type: multipart/mixed; boundary=\"x\"", "",
            "--x", "Content-Type: application/sdp", "", "v=0", "m=audio 7742 RTP/AVP 0 101",
            "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "--x",
            "Content-Type: application/rs-metadata+xml", "Content-Disposition: recording-session", "",
            "<recording><participant id=\"7742\"/></recording>", "--x",
            "Content-Type: text/vendor", "X-Secret: 5", "", "keys 5", "--x--", "",
        ]
        let text = MessageRedaction.text(Array(lines.joined(separator: end).utf8), redactsDigits: true)
        let expected = lines.map { line in
            switch line {
            case "X-Secret: 5": "X-Secret: ***"
            case "keys 5": "*** (length \(6 + end.utf8.count))"
            default: line
            }
        }
        #expect(text == expected.joined(separator: end))
        let offer = "SIP/2.0 200 OK\(end)c: Application/SDP\(end)\(end)v=0\(end)s=call\(end)"
        #expect(MessageRedaction.text(Array(offer.utf8), redactsDigits: true) == offer)
        let picture = "INFO sip:a SIP/2.0\(end)c: application/media_control+xml\(end)\(end)<media_control/>"
        #expect(MessageRedaction.text(Array(picture.utf8), redactsDigits: true) == picture)
    }

    @Test("Where digits are not redacted, they stay as they came", arguments: forms.indices)
    func untouched(_ index: Int) {
        let written = message("INFO sip:a@example.com SIP/2.0", Self.forms[index], end: "\r\n")
        #expect(MessageRedaction.text(written) == String(decoding: written, as: UTF8.self))
    }

    @Test("Keys and credentials are masked beside digits")
    func secrets() {
        let lines = [
            "INFO sip:a@example.com SIP/2.0", "Authorization: Digest response=\"00ff\",", " cnonce=\"00ff\"",
            "Content-Type: application/sdp", "", "v=0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0|2^20",
        ]
        let text = MessageRedaction.text(Array(lines.joined(separator: "\r\n").utf8), redactsDigits: true)
        #expect(!text.contains("00ff") && !text.contains("c2VjcmV0"))
        #expect(text.hasSuffix("a=crypto:1 AES_CM_128_HMAC_SHA1_80 ***"))
    }

    @Test("Octets of any kind do no harm", arguments: 0..<200)
    func rubbish(_ seed: Int) {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        let pieces: [String] = [
            "\r", "\n", "\r\n", "\r\n\r\n", "--x", "--x--", "c:", "Content-Type: multipart/mixed;boundary=x", " ", "=",
            "digits", "signal=", ":", "application/sdp", "\u{FFFD}", "INFO sip:a SIP/2.0", "5",
        ]
        var octets: [UInt8] = []
        for _ in 0..<60 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            octets += Array(pieces[Int(state >> 33) % pieces.count].utf8)
        }
        let text = MessageRedaction.text(octets, redactsDigits: true)
        #expect(text.utf8.count <= octets.count * 20 + 40)
    }
}
