import Foundation
import RequestSigning
import Testing

/// A request that botocore signed: a line of Tests/SignatureVectors/botocore.jsonl.
struct SignedVector: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let kind: String
    let service: String
    let region: String
    let now: Int64
    let id: String
    let secret: String
    let token: String?
    let method: String
    let path: String
    let query: String
    let headers: [[String]]
    let body: String
    let digest: String
    let expires: Int64?
    let chunks: String?

    var testDescription: String { name }

    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("SignatureVectors")

    static let committed: [SignedVector] = {
        guard let data = try? Data(contentsOf: folder.appendingPathComponent("botocore.jsonl")) else { return [] }
        return read(data)
    }()

    static func read(_ data: Data) -> [SignedVector] {
        data.split(separator: 0x0A).compactMap { try? JSONDecoder().decode(SignedVector.self, from: Data($0)) }
    }

    var head: SignedRequestHead {
        SignedRequestHead(method: method, path: path, query: query, headers: headers.map { ($0[0], $0[1]) })
    }

    var bodyBytes: [UInt8] { Self.bytes(body) }
    var chunkedBytes: [UInt8]? { chunks.map(Self.bytes) }

    var payload: PayloadDigest { digest == "streamed" ? .streamed : .of(bodyBytes) }

    var verifier: AWSSignatureVerifier {
        AWSSignatureVerifier(service: [service], region: region, acceptsSessionTokens: token != nil)
    }

    func verify(_ head: SignedRequestHead? = nil, body: PayloadDigest? = nil, at time: Int64? = nil)
        throws(SignatureError) -> VerifiedRequest
    {
        try verifier.verify(head ?? self.head, body: body ?? payload, nowSeconds: time ?? now) {
            $0 == id ? Array(secret.utf8) : nil
        }
    }

    private static func bytes(_ digits: String) -> [UInt8] {
        let digits = Array(digits)
        return stride(from: 0, to: digits.count - 1, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
    }
}
