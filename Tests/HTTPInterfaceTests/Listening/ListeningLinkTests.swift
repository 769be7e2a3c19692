import Testing

@testable import HTTPInterface

@Suite("Links to calls")
struct ListeningLinkTests {
    static let transaction = "6f9e0a52-1111-4222-8333-444455556666"
    static let secret = Array("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".utf8)
    static let key = "AKIAIOSFODNN7EXAMPLE"

    static func token(expires: Int64 = 2000) -> String {
        ListeningLink.token(transactionID: transaction, accessKeyID: key, secret: secret, expiresAtSeconds: expires)
    }

    @discardableResult
    static func verify(
        _ token: String, _ transaction: String = transaction, now: Int64 = 1000
    ) throws -> ListeningLink {
        try ListeningLink(
            verifying: token, transactionID: transaction, nowSeconds: now, secret: { $0 == key ? secret : nil })
    }

    @Test("A token opens its call until its time is over")
    func opens() throws {
        let link = try Self.verify(Self.token())
        #expect(link.accessKeyID == Self.key)
        #expect(link.expiresAtSeconds == 2000)
        #expect(throws: ListeningLinkError.expired) { try Self.verify(Self.token(), now: 2000) }
    }

    @Test("A token opens no other call")
    func otherCall() {
        #expect(throws: ListeningLinkError.wrong) {
            try Self.verify(Self.token(), "6f9e0a52-1111-4222-8333-444455556667")
        }
    }

    @Test("A token that was changed anywhere opens nothing")
    func changed() {
        let token = Array(Self.token().utf8)
        for index in token.indices {
            var other = token
            other[index] = other[index] == UInt8(ascii: "1") ? UInt8(ascii: "2") : UInt8(ascii: "1")
            guard other != token else { continue }
            let text = String(decoding: other, as: UTF8.self)
            #expect(throws: ListeningLinkError.self, "changed at \(index)") { try Self.verify(text) }
        }
    }

    @Test(
        "What is no token is refused",
        arguments: [
            "", "v1", "v1...", "v2.\(key).2000.\(String(repeating: "0", count: 64))",
            "v1.\(key).+2000.\(String(repeating: "0", count: 64))",
            "v1.\(key).02000.\(String(repeating: "0", count: 64))",
            "v1.\(key).2000.\(String(repeating: "0", count: 63))",
            "v1.\(key).2000.\(String(repeating: "G", count: 64))",
            "v1.\(key).99999999999999999999.\(String(repeating: "0", count: 64))", String(repeating: ".", count: 300),
        ])
    func malformed(_ token: String) {
        #expect(throws: ListeningLinkError.malformed) { try Self.verify(token) }
    }

    @Test("A token of a key that is gone, or for longer than seven days, opens nothing")
    func goneAndLong() {
        #expect(throws: ListeningLinkError.wrong) {
            try ListeningLink(
                verifying: Self.token(), transactionID: Self.transaction, nowSeconds: 1000, secret: { _ in nil })
        }
        #expect(throws: ListeningLinkError.tooLong) { try Self.verify(Self.token(expires: 1001 + 7 * 86_400)) }
    }

    @Test("The form of a token is the documented one")
    func form() {
        // HMAC-SHA256 of the four lines, computed with Python's hmac.
        #expect(
            Self.token()
                == "v1.AKIAIOSFODNN7EXAMPLE.2000.b51c0094e6865c48761a7503045ad9bbfdfd92bea396f4aff216fbd78a627eca")
        #expect(
            ListeningLink.url(base: "https://a.example/", transactionID: "T", token: "x")
                == "https://a.example/listen/T#x")
    }
}
