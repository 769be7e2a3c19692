import Foundation
import RequestSigning
import Testing

@Suite("Refused requests are told why, in AWS's words")
struct RefusalTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let what: String
        let change: @Sendable (SignedRequestHead) -> SignedRequestHead
        let code: String
        let message: String
        var testDescription: String { what }

        init(
            _ what: String, _ code: String, _ message: String,
            _ change: @escaping @Sendable (SignedRequestHead) -> SignedRequestHead
        ) {
            (self.what, self.change, self.code, self.message) = (what, change, code, message)
        }
    }

    private static let incomplete = "IncompleteSignatureException"
    private static let invalid = "InvalidSignatureException"

    private static func authorization(
        _ old: String, _ new: String
    ) -> @Sendable (SignedRequestHead) -> SignedRequestHead {
        { $0.replacing("authorization") { $0.replacingOccurrences(of: old, with: new) } }
    }

    static let cases: [Case] = [
        Case("No signature at all", "MissingAuthenticationTokenException", "Missing Authentication Token") {
            $0.removing("authorization")
        },
        Case("Another scheme", incomplete, "got 'Basic'") { $0.replacing("authorization") { _ in "Basic YTpi" } },
        Case(
            "The asymmetric algorithm", incomplete, "AWS4-ECDSA-P256-SHA256",
            authorization("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")),
        Case("An empty field", incomplete, "got ''") { $0.replacing("authorization") { _ in "" } },
        Case(
            "The scheme alone", incomplete, "requires 'Credential' parameter. Authorization header requires 'Signature'"
        ) {
            $0.replacing("authorization") { _ in "AWS4-HMAC-SHA256" }
        },
        Case("No signature parameter", incomplete, "requires 'Signature' parameter", authorization("Signature=", "S=")),
        Case(
            "A part without an equals sign", incomplete, "missing equal-sign", authorization("Signature=", "Signature")),
        Case(
            "A parameter twice", incomplete, "more than once",
            authorization("SignedHeaders=", "Signature=0, SignedHeaders=")),
        Case("Authorization twice", incomplete, "'authorization' more than once") { $0.adding("authorization", "x") },
        Case("Signature in field and query", incomplete, "Only one auth mechanism") {
            var head = $0
            head.query = "X-Amz-Signature=0"
            return head
        },
        Case("No date", incomplete, "either a 'X-Amz-Date' or a 'Date'") { $0.removing("x-amz-date") },
        Case("An unreadable date", incomplete, "ISO-8601") { $0.replacing("x-amz-date") { _ in "20260230T000000Z" } },
        Case("Two dates", incomplete, "'x-amz-date' more than once") { $0.adding("X-Amz-Date", "20260101T000000Z") },
        Case(
            "Four parts in the credential", incomplete, "exactly 5 slash-delimited", authorization("/us-east-1/", "/")),
        Case("An empty part in the credential", incomplete, "exactly 5", authorization("/us-east-1/", "//")),
        Case(
            "Another terminator", invalid, "valid terminator: 'aws4_request', not 'aws5_request'",
            authorization("aws4_request", "aws5_request")),
        Case("Another region", invalid, "valid region, not 'mars-1'", authorization("us-east-1", "mars-1")),
        Case(
            "Another service", invalid, "correct service: 'chime' or 'kinesisvideo'",
            authorization("kinesisvideo", "s3")),
        Case(
            "Another day's scope", invalid, "'20251231' != '20260101', from '20260101T000000Z'",
            authorization("/20260101/", "/20251231/")),
        Case(
            "Another key", "UnrecognizedClientException", "security token included in the request is invalid",
            authorization(SignedExample.id, "AKIAEARSHOTEXAMPLE33")),
        Case(
            "A wrong signature", invalid, "does not match the signature you provided",
            authorization("Signature=", "Signature=0")),
        Case("An upper-case signature", invalid, "does not match") {
            $0.replacing("authorization") { text in
                let parts = text.components(separatedBy: "Signature=")
                return parts[0] + "Signature=" + parts[1].uppercased()
            }
        },
        Case(
            "The host is not signed", invalid, "'Host' or ':authority' must be a 'SignedHeader'",
            authorization("content-type;host;", "content-type;")),
        Case("One of AWS's fields is not signed", invalid, "not signed: x-amzn-stream-name") {
            $0.adding("X-Amzn-Stream-Name", "another")
        },
        Case("A signed field did not arrive", invalid, "did not arrive: content-type") { $0.removing("content-type") },
        Case(
            "Unreadable names", incomplete, "separated by semicolons", authorization("content-type;", "content type;;")),
        Case("A name twice", incomplete, "names a header twice", authorization("content-type;host", "host;host")),
        Case("An unreadable body hash", incomplete, "or a valid sha256 value, got 'abc'") {
            $0.adding("x-amz-content-sha256", "abc")
        },
        Case("Two hosts", incomplete, "'host' more than once") { $0.adding("Host", "localhost:8080") },
    ]

    @Test(arguments: cases)
    func refused(test: Case) throws {
        let example = SignedExample()
        let head = test.change(example.signed())
        let error = try #require(example.refusal(head))
        #expect(error.code() == test.code)
        #expect(error.status == 403)
        #expect(error.message.contains(test.message), "\(error.message)")
        for dialect in SignatureError.Dialect.allCases { #expect(!error.code(in: dialect).isEmpty) }
    }

    @Test("A body that is not the stated one is refused, and so is one that is not the signed one")
    func otherBody() {
        let example = SignedExample()
        let stated = PayloadHash.of(SignedExample.body).headerValue
        let head = example.signed().adding("X-Amz-Content-Sha256", stated)
        #expect(example.refusal(head) == nil)
        #expect(example.refusal(head, body: .of([1])) == .bodyMismatch)
        #expect(SignatureError.bodyMismatch.code(in: .s3) == "XAmzContentSHA256Mismatch")
        #expect(example.refusal(example.signed(), body: .of([1])) == .mismatch(missing: []))
    }

    @Test("An unknown key is told so only after its signature was computed, right or wrong")
    func unknownKey() {
        let example = SignedExample()
        var errors: [SignatureError?] = []
        for head in [example.signed(), example.signed().replacing("authorization") { $0 + "0" }] {
            do throws(SignatureError) {
                _ = try example.verifier.verify(head, body: .of(SignedExample.body), nowSeconds: SignedExample.now) {
                    _ in
                    nil
                }
                errors.append(nil)
            } catch {
                errors.append(error)
            }
        }
        #expect(errors == [.unknownKey, .unknownKey])
        #expect(SignatureError.unknownKey.code(in: .query) == "InvalidClientTokenId")
        #expect(SignatureError.mismatch(missing: []).code(in: .query) == "SignatureDoesNotMatch")
    }

    @Test("A session token is refused unless the verifier takes tokens")
    func sessionToken() throws {
        var example = SignedExample()
        example.signer = AWSRequestSigner(
            accessKeyID: SignedExample.id, secret: SignedExample.secret, sessionToken: "token/+=", region: "us-east-1",
            service: "kinesisvideo")
        #expect(example.refusal(example.signed()) == .unexpectedSessionToken)
        #expect(example.refusal(example.presigned(), body: .empty) == .unexpectedSessionToken)
        example.verifier = AWSSignatureVerifier(service: ["kinesisvideo"], acceptsSessionTokens: true)
        #expect(try example.verify(example.signed()).sessionToken == "token/+=")
        #expect(try example.verify(example.presigned(), body: .empty).sessionToken == "token/+=")
    }
}
