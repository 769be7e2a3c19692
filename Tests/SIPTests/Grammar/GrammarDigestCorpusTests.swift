import Foundation
import SIP
import Testing

/// Values computed by other implementations.
@Suite(
    "Digest values of other implementations", .enabled(if: SharedTestdata.isPresent, "skipped: no ../shared/testdata"))
struct GrammarDigestCorpusTests {
    struct Vectors: Decodable {
        struct Credentials: Decodable, Sendable {
            var src, username, password, realm, nonce, method, uri, response: String
            var algorithm, qop, nc, cnonce, opaque, body: String?
        }
        struct Challenge: Decodable, Sendable {
            var header_value, expect: String
        }
        var credentials: [Credentials]
        var challenges: [Challenge]
    }

    private static let vectors: Vectors? = {
        let path = SharedTestdata.folder.appendingPathComponent("digest/digest-vectors.json")
        guard let data = try? Data(contentsOf: path) else { return nil }
        return try? JSONDecoder().decode(Vectors.self, from: data)
    }()

    @Test("the file was read")
    func isRead() throws {
        let vectors = try #require(Self.vectors)
        #expect(vectors.credentials.count >= 13)
        #expect(vectors.challenges.count >= 12)
    }

    @Test("responses", arguments: 0..<(vectors?.credentials.count ?? 0))
    func responses(_ index: Int) throws {
        let vector = try #require(Self.vectors?.credentials[index])
        if vector.algorithm == "SHA-512-256" {
            withKnownIssue("SHA-512-256 is not spoken: swift-crypto has no such hash") {
                #expect(DigestAlgorithm(parameter: vector.algorithm) != nil)
            }
            return
        }
        let text = [
            "username=\(quoted(vector.username))", "realm=\(quoted(vector.realm))", "nonce=\(quoted(vector.nonce))",
            "uri=\(quoted(vector.uri))", "response=\(quoted(vector.response))",
            vector.algorithm.map { "algorithm=\($0)" },
            vector.qop.map { "qop=\($0)" }, vector.nc.map { "nc=\($0)" }, vector.cnonce.map { "cnonce=\(quoted($0))" },
        ].compactMap { $0 }.joined(separator: ", ")
        let credentials = try DigestCredentials(parsing: "Digest " + text)
        let isRight = credentials.matches(
            password: vector.password, method: SIPMethod(rawValue: vector.method), body: Array((vector.body ?? "").utf8)
        )
        #expect(isRight)
        let isWrong = credentials.matches(
            password: vector.password + "x", method: SIPMethod(rawValue: vector.method), body: [])
        #expect(!isWrong)
    }

    @Test("challenges", arguments: 0..<(vectors?.challenges.count ?? 0))
    func challenges(_ index: Int) throws {
        let vector = try #require(Self.vectors?.challenges[index])
        // Folding is undone when a message is read.
        var response = SIPResponse(status: 401)
        response.headers.append(.wwwAuthenticate, vector.header_value.replacing("\r\n\t", with: " "))
        let preferred = DigestChallenge.preferred(in: response)
        if vector.expect.hasPrefix("ok"), vector.header_value.contains("SHA-512-256") {
            withKnownIssue("SHA-512-256 is not spoken: swift-crypto has no such hash") { #expect(preferred != nil) }
        } else {
            #expect((preferred != nil) == vector.expect.hasPrefix("ok"), "\(vector.expect)")
        }
        if vector.expect.contains("stale"), vector.expect.hasPrefix("ok") { #expect(preferred?.isStale == true) }
        if vector.expect.contains("escaped quotes") { #expect(preferred?.realm == "\"realm\"") }
    }

    private func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
