import SIPREC
import Testing

@Suite("Multipart bodies as sources write them")
struct MultipartBodyTests {
    private static let sdp = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n"
    private static let xml = "<?xml version='1.0'?>\r\n<recording xmlns='urn:ietf:params:xml:ns:recording:1'/>"

    struct Quirk: Sendable, CustomTestStringConvertible {
        let name: String
        let body: String
        var type = "multipart/mixed;boundary=foobar"
        var findings: [MultipartBody.Finding] = []
        var hasMetadata = true
        var testDescription: String { name }
    }

    private static func body(
        _ first: String = "Content-Type: application/sdp\r\n\r\n\(sdp)",
        _ second: String = "Content-Type: application/rs-metadata+xml\r\n\r\n\(xml)",
        before: String = "", end: String = "\r\n--foobar--\r\n", boundary: String = "--foobar"
    ) -> String { "\(before)\(boundary)\r\n\(first)\r\n\(boundary)\r\n\(second)\(end)" }

    static let quirks: [Quirk] = [
        Quirk(name: "as RFC 2046 says", body: body()),
        Quirk(
            name: "metadata first",
            body: body(
                "Content-Type: application/rs-metadata\r\n\r\n\(xml)", "Content-Type: application/sdp\r\n\r\n\(sdp)")),
        Quirk(name: "an empty line before the first boundary", body: body(before: "\r\n")),
        Quirk(
            name: "preamble and epilogue",
            body: body(before: "This is a multipart body.\r\n", end: "\r\n--foobar--\r\nbye --foobar\r\n")),
        Quirk(
            name: "blanks before and after boundary lines",
            body: body(before: "  ", end: "\r\n --foobar--  \r\n", boundary: "--foobar \t")),
        Quirk(name: "bare LF", body: body().replacing("\r\n", with: "\n")),
        Quirk(name: "bare CR", body: body().replacing("\r\n", with: "\r")),
        Quirk(name: "no final boundary", body: body(end: ""), findings: [.missingFinalBoundary]),
        Quirk(
            name: "no blank after the colon",
            body: body("Content-Type:application/sdp\r\nContent-Length:\(sdp.utf8.count)\r\n\r\n\(sdp)")),
        Quirk(name: "blanks before the colon", body: body("Content-Type : application/sdp\r\n\r\n\(sdp)")),
        Quirk(
            name: "a part length that is too large",
            body: body("Content-Type: application/sdp\r\nContent-Length: 2012\r\n\r\n\(sdp)"),
            findings: [.wrongPartLength]),
        Quirk(
            name: "a part length that is too small",
            body: body("Content-Type: application/sdp\r\nContent-Length: 3\r\n\r\n\(sdp)"), findings: [.wrongPartLength]
        ),
        Quirk(
            name: "a negative part length",
            body: body("Content-Type: application/sdp\r\nContent-Length: -3\r\n\r\n\(sdp)"),
            findings: [.wrongPartLength]),
        Quirk(name: "a folded part header", body: body("Content-Type:\r\n application/sdp\r\n\r\n\(sdp)")),
        Quirk(name: "no empty line after the part's headers", body: body("Content-Type: application/sdp\r\n\(sdp)")),
        Quirk(
            name: "parts without headers, told by content", body: body("\r\n\(sdp)", "\r\n\(xml)"),
            findings: [.partWithoutHeaders]),
        Quirk(
            name: "the type application/ +xml",
            body: body(second("application/ +xml"), "Content-Type: application/sdp\r\n\r\n\(sdp)")),
        Quirk(
            name: "the type application/recording-metadata+xml",
            body: body(second("application/recording-metadata+xml"), "Content-Type: application/sdp\r\n\r\n\(sdp)")),
        Quirk(
            name: "an unknown type with the recording disposition",
            body: body(
                second("application/x-vendor\r\nContent-Disposition: recording-session;handling=optional"),
                "Content-Type: application/sdp\r\n\r\n\(sdp)")),
        Quirk(
            name: "a quoted boundary with odd characters",
            body: body(boundary: "--a'()+_,-./:=?b c", ).replacing("--foobar--", with: "--a'()+_,-./:=?b c--"),
            type: #"multipart/mixed; charset=x; boundary="a'()+_,-./:=?b c""#),
        Quirk(
            name: "an unterminated quote around the boundary", body: body(),
            type: #"Multipart/Mixed ; Boundary = "foobar"#),
        Quirk(name: "no boundary in Content-Type", body: body(), type: "multipart/mixed", findings: [.boundaryGuessed]),
        Quirk(
            name: "another boundary in Content-Type", body: body(), type: "multipart/mixed;boundary=other",
            findings: [.boundaryGuessed]),
        Quirk(name: "no Content-Type at all", body: body(), type: "", findings: [.boundaryGuessed]),
        Quirk(
            name: "a multipart said to be application/sdp", body: body(), type: "application/sdp",
            findings: [.boundaryGuessed]),
        Quirk(
            name: "a third part",
            body: body(
                end:
                    "\r\n--foobar\r\nContent-Type: application/gtd\r\nContent-Disposition: signal;handling=optional\r\n\r\nIAM,\r\n"
            ), findings: [.missingFinalBoundary]),
        Quirk(
            name: "a media_control+xml part in between",
            body: "--foobar\r\nContent-Type: application/media_control+xml\r\n\r\n<media_control/>\r\n" + body()),
        Quirk(name: "a doubled boundary line", body: "--foobar\r\n" + body()),
        Quirk(
            name: "a boundary that begins like another word",
            body: body("Content-Type: application/sdp\r\n\r\n\(sdp)--foobarbaz\r\n")),
        Quirk(
            name: "one level of nesting",
            body: "--outer\r\nContent-Type: multipart/mixed;boundary=foobar\r\n\r\n" + body() + "\r\n--outer--",
            type: "multipart/mixed;boundary=outer"),
    ]

    private static func second(_ type: String) -> String { "Content-Type: \(type)\r\n\r\n\(xml)" }

    @Test("Description and metadata are found", arguments: quirks)
    func quirk(_ quirk: Quirk) throws {
        let body = MultipartBody(parsing: Array(quirk.body.utf8), contentType: quirk.type)
        #expect(body.findings == quirk.findings)
        let sdp = try #require(body.sessionDescription)
        #expect(String(decoding: sdp, as: UTF8.self).hasPrefix("v=0"))
        #expect(String(decoding: sdp, as: UTF8.self).contains("m=audio 4000 RTP/AVP 0"))
        let xml = try #require(body.metadata)
        #expect(String(decoding: xml, as: UTF8.self).contains("<recording"))
        #expect(!xml.contains(UInt8(ascii: "-")) || !String(decoding: xml, as: UTF8.self).contains("--foobar"))
    }

    @Test("The line end before a boundary belongs to the boundary, others to the part")
    func exactContent() {
        let text = "--b\r\nContent-Type: text/plain\r\n\r\none\r\n\r\n--b\r\n\r\n\r\n--b--"
        let body = MultipartBody(parsing: Array(text.utf8), contentType: "multipart/mixed;boundary=b")
        #expect(body.parts.map(\.content) == [Array("one\r\n".utf8)])
    }

    @Test(
        "A body that is no multipart is one part", arguments: ["application/sdp", "", "application/SDP; charset=utf-8"])
    func single(_ type: String) {
        let body = MultipartBody(parsing: Array(Self.sdp.utf8), contentType: type)
        #expect(body.parts.count == 1)
        #expect(body.sessionDescription == Array(Self.sdp.utf8))
        #expect(body.metadata == nil)
        #expect(body.findings.isEmpty)
    }

    @Test("Metadata alone, as in an UPDATE or BYE, is found by type or disposition")
    func metadataAlone() {
        let bytes = Array(Self.xml.utf8)
        #expect(MultipartBody(parsing: bytes, contentType: "application/rs-metadata").metadata == bytes)
        #expect(MultipartBody(parsing: bytes, contentType: "application/xml").metadata == bytes)
        let odd = MultipartBody(parsing: bytes, contentType: "x/y", contentDisposition: "recording-session")
        #expect(odd.metadata == bytes)
    }

    @Test("A snapshot request is not metadata")
    func snapshotRequest() {
        let text = "<requestsnapshot xmlns='urn:ietf:params:xml:ns:recording:1'/>"
        #expect(MultipartBody(parsing: Array(text.utf8), contentType: "application/xml").metadata == nil)
    }

    @Test(
        "Nothing, blanks, and multipart without a boundary line",
        arguments: [
            ("", 0, [MultipartBody.Finding.noBoundaryFound]), (" \r\n", 0, [.noBoundaryFound]),
            ("hello", 1, [.noBoundaryFound]),
            ("--foobar--", 0, []), ("--foobar", 0, [.missingFinalBoundary]),
        ])
    func degenerate(_ text: String, _ parts: Int, _ findings: [MultipartBody.Finding]) {
        let body = MultipartBody(parsing: Array(text.utf8), contentType: "multipart/mixed;boundary=foobar")
        #expect(body.parts.count == parts)
        #expect(body.findings == findings)
    }

    @Test("At most sixteen parts, at most one level of nesting")
    func bounds() {
        let many = String(repeating: "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n", count: 40) + "--b--"
        let body = MultipartBody(parsing: Array(many.utf8), contentType: "multipart/mixed;boundary=b")
        #expect(body.parts.count == 16)
        #expect(body.findings == [.tooManyParts])
        var nested = Self.sdp
        for level in 0..<20 {
            nested =
                "--b\(level)\r\nContent-Type: multipart/mixed;boundary=b\(level - 1)\r\n\r\n\(nested)\r\n--b\(level)--"
        }
        let deep = MultipartBody(parsing: Array(nested.utf8), contentType: "multipart/mixed;boundary=b19")
        #expect(deep.parts.count == 1)
        #expect(deep.findings.contains(.nestedTooDeep))
    }
}
