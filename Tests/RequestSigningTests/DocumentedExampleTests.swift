import Foundation
import RequestSigning
import Testing

/// The examples in AWS's documentation, with their signatures.
@Suite("Documented examples")
struct DocumentedExampleTests {
    private func signature(_ headers: [(name: String, value: String)]) -> String? {
        headers.first { $0.name == "Authorization" }?.value.components(after: "Signature=")
    }

    @Test(
        "The test suite of Signature Version 4",
        arguments: [
            ("", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            ("Param2=value2&Param1=value1", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        ])
    func suite(query: String, expected: String) {
        let signer = AWSRequestSigner(
            accessKeyID: "AKIDEXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", region: "us-east-1",
            service: "service")
        let head = SignedRequestHead(
            method: "GET", path: "/", query: query, headers: [("Host", "example.amazonaws.com")])
        #expect(signature(signer.headers(for: head, body: .empty, at: 1_440_938_160)) == expected)
    }

    private let s3 = AWSRequestSigner(
        accessKeyID: "AKIAIOSFODNN7EXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", region: "us-east-1",
        service: "s3")

    @Test("GET Object with a range")
    func getObject() {
        let head = SignedRequestHead(
            method: "GET", path: "/test.txt",
            headers: [("Host", "examplebucket.s3.amazonaws.com"), ("Range", "bytes=0-9")])
        #expect(
            signature(s3.headers(for: head, body: .empty, at: 1_369_353_600))
                == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
    }

    @Test("A presigned GET")
    func presigned() {
        let head = SignedRequestHead(
            method: "GET", path: "/test.txt", headers: [("Host", "examplebucket.s3.amazonaws.com")])
        let query = s3.presign(head, expiresInSeconds: 86_400, at: 1_369_353_600)
        #expect(
            query.components(after: "X-Amz-Signature=")
                == "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")
    }

    @Test("A chunked upload")
    func chunked() {
        let head = SignedRequestHead(
            method: "PUT", path: "/examplebucket/chunkObject.txt",
            headers: [
                ("Host", "s3.amazonaws.com"), ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
                ("Content-Encoding", "aws-chunked"), ("x-amz-decoded-content-length", "66560"),
                ("Content-Length", "66824"),
            ])
        var (headers, frames) = s3.chunked(head, at: 1_369_353_600)
        #expect(signature(headers) == "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9")
        let data = [UInt8](repeating: UInt8(ascii: "a"), count: 66_560)
        let lines = [frames.chunk(Array(data[..<65_536])), frames.chunk(Array(data[65_536...])), frames.finish()]
        #expect(lines.reduce(0) { $0 + $1.count } == 66_824)
        let expected = [
            "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n",
            "400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n",
            "0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n",
        ]
        for (line, start) in zip(lines, expected) { #expect(line.starts(with: start.utf8)) }
    }
}

extension String {
    /// What follows the last appearance of a mark.
    func components(after mark: String) -> String? {
        guard let range = self.range(of: mark, options: .backwards) else { return nil }
        return String(self[range.upperBound...])
    }
}
