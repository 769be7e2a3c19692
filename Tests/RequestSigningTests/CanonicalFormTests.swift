import Foundation
import RequestSigning
import Testing

@Suite("What may change on the way, and what may not")
struct CanonicalFormTests {
    private func refusal(
        service: String = "kinesisvideo", _ path: String = "/", _ query: String = "",
        sent: (path: String, query: String)
    ) -> SignatureError? {
        var example = SignedExample()
        example.signer = AWSRequestSigner(
            accessKeyID: SignedExample.id, secret: SignedExample.secret, region: "us-east-1", service: service)
        example.verifier = AWSSignatureVerifier(service: [service])
        example.head.path = path
        example.head.query = query
        var head = example.signed()
        (head.path, head.query) = sent
        return example.refusal(head)
    }

    @Test(
        "Paths of services other than S3 are normalised",
        arguments: [
            ("/a/b", "/a//b", true), ("/a/b", "/a/./b", true), ("/a/b", "/a/c/../b", true), ("/b", "/../b", true),
            ("/", "", true), ("/a/b/", "/a/b//", true), ("/a/b", "/a/b/", false), ("/a%20b", "/a b", false),
            ("/a", "/A", false), ("/a%2Fb", "/a/b", false), ("/a%2fb", "/a%2Fb", false),
        ])
    func path(signed: String, sent: String, isSame: Bool) {
        #expect((refusal(signed, sent: (sent, "")) == nil) == isSame)
    }

    @Test(
        "S3's paths are taken as they stand",
        arguments: [
            ("/a/b", "/a//b", false), ("/a/b", "/a/./b", false), ("/a//b", "/a//b", true), ("/a/../b", "/b", false),
            ("/", "", true), ("/a%20b", "/a%20b", true),
        ])
    func plainPath(signed: String, sent: String, isSame: Bool) {
        #expect((refusal(service: "s3", signed, sent: (sent, "")) == nil) == isSame)
    }

    @Test(
        "Queries are sorted, and encoded one way",
        arguments: [
            ("a=1&b=2", "b=2&a=1", true), ("a=2&a=1", "a=1&a=2", true), ("a=1", "a=2", false), ("a", "a=", true),
            ("a=%2F", "a=/", true), ("a=%2f", "a=%2F", true), ("a=%7E", "a=~", true), ("a=1", "a=1&", true),
            ("a=b%20c", "a=b+c", false), ("a=b%2Bc", "a=b+c", true), ("a=1&b=2", "a=1%26b=2", false),
            ("a=1", "A=1", false), ("a=%zz", "a=%25zz", true), ("a=%", "a=%25", true), ("a-b=1&a=2", "a=2&a-b=1", true),
        ])
    func query(signed: String, sent: String, isSame: Bool) {
        #expect((refusal("/", signed, sent: ("/", sent)) == nil) == isSame)
    }

    @Test("A query that is not encoded in full is also taken as it stands, which is how botocore signs it")
    func unencodedQuery() {
        // botocore 1.43.11 over GET http://localhost:8080/listStreams?x=a:b&k=%2f&b=+
        let authorization =
            "AWS4-HMAC-SHA256 Credential=\(SignedExample.id)/20260101/us-east-1/kinesisvideo/aws4_request, "
            + "SignedHeaders=host;x-amz-date, "
            + "Signature=08d5d0ae19251125250b2fa5d74098dc3e5fd0d6ca7740e549aef686e5ac9a3b"
        var head = SignedRequestHead(
            method: "GET", target: "/listStreams?x=a:b&k=%2f&b=+",
            headers: [
                ("Host", "localhost:8080"), ("X-Amz-Date", "20260101T000000Z"), ("Authorization", authorization),
            ])
        let example = SignedExample()
        #expect(example.refusal(head, body: .empty) == nil)
        head.query = "x=a:b&k=%2F&b=+"
        #expect(example.refusal(head, body: .empty) == .mismatch(missing: []))
    }

    @Test(
        "White space in fields counts once, at their ends not at all, and folded lines are one",
        arguments: [
            ("a b", "  a   b ", true), ("a b", "a\t b", true), ("a b", "a\r\n b", true), ("a b", "ab", false),
            ("a,b", "a, b", false), ("\"a  b\"", "\"a b\"", true), ("", "   ", true),
        ])
    func whiteSpace(signed: String, sent: String, isSame: Bool) {
        var example = SignedExample()
        example.head.headers.append(("X-Note", signed))
        let head = example.signed().replacing("x-note") { _ in sent }
        #expect((example.refusal(head) == nil) == isSame)
    }

    @Test("Repeated fields are joined in their order")
    func repeated() {
        var example = SignedExample()
        example.head.headers += [("X-Note", "1"), ("x-note", " 2")]
        let head = example.signed()
        #expect(example.refusal(head) == nil)
        #expect(example.refusal(head.removing("x-note").adding("X-NOTE", "1,2")) == nil)
        #expect(example.refusal(head.removing("x-note").adding("x-note", "2").adding("x-note", "1")) != nil)
        #expect(example.refusal(head.adding("x-note", "3")) != nil)
    }

    @Test("Fields in another order, in other case, and unsigned ones beside them do no harm")
    func order() {
        let example = SignedExample()
        var head = example.signed()
        head.headers = head.headers.reversed().map { ($0.name.uppercased(), $0.value) }
        head.headers += [("User-Agent", "x"), ("X-Forwarded-For", "10.0.0.1"), ("X-Amzn-Trace-Id", "Root=1")]
        #expect(example.refusal(head) == nil)
    }

    @Test("Blanks after the commas of Authorization may be missing, and more of them be there")
    func authorizationBlanks() {
        let example = SignedExample()
        let head = example.signed()
        #expect(
            example.refusal(head.replacing("authorization") { $0.replacingOccurrences(of: ", ", with: ",") }) == nil)
        #expect(
            example.refusal(head.replacing("authorization") { $0.replacingOccurrences(of: ", ", with: " ,  ") }) == nil)
    }

    @Test("PutMedia's producers sign an empty body and send another; only a caller who takes streams lets that in")
    func streamedBody() throws {
        let example = SignedExample()
        let head = example.signed(body: .empty)
        #expect(example.refusal(head) == .mismatch(missing: []))
        #expect(try example.verify(head, body: .streamed).payload == .unsigned)
        // A hash that is stated is kept for the caller to compare.
        let stated = head.adding("x-amz-content-sha256", PayloadHash.empty.headerValue)
        #expect(try example.verify(stated, body: .streamed).payload == .empty)
        #expect(example.refusal(stated) == .bodyMismatch)
        var hash = BodyHash()
        #expect(hash.matches(.empty))
        hash.update(Array("ab".utf8))
        hash.update(Array("c".utf8))
        #expect(hash.matches(.of(Array("abc".utf8))))
        #expect(hash.digest == .of(Array("abc".utf8)))
        #expect(!hash.matches(.unsigned))
    }

    @Test("A target is split at its first question mark")
    func target() {
        let head = SignedRequestHead(method: "GET", target: "/a?b=c?d", headers: [])
        #expect(head.path == "/a")
        #expect(head.query == "b=c?d")
        #expect(SignedRequestHead(method: "GET", target: "/a", headers: []).query == "")
    }

    @Test("Nothing about a signer, a verified request or an error shows a secret or a token")
    func secrets() throws {
        var example = SignedExample()
        example.signer = AWSRequestSigner(
            accessKeyID: SignedExample.id, secret: SignedExample.secret, sessionToken: "TOKENTOKEN",
            region: "us-east-1",
            service: "kinesisvideo")
        example.verifier = AWSSignatureVerifier(service: ["kinesisvideo"], acceptsSessionTokens: true)
        let verified = try example.verify(example.signed())
        var texts = [
            "\(example.signer)", "\(verified)", String(reflecting: example.signer), String(reflecting: verified),
        ]
        var dumped = ""
        dump(example.signer, to: &dumped)
        dump(verified, to: &dumped)
        texts.append(dumped)
        for text in texts {
            #expect(!text.contains(SignedExample.secret))
            #expect(!text.contains("TOKENTOKEN"))
            #expect(text.contains(SignedExample.id))
        }
    }
}
