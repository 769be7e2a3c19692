import Foundation
import RequestSigning
import Testing

@Suite("Requests that botocore signs")
struct BotocoreTests {
    @Test("The committed vectors are all there")
    func vectorsAreThere() {
        #expect(SignedVector.committed.count == 320)
        #expect(Set(SignedVector.committed.map(\.kind)).count == 6)
    }

    @Test("are verified, and signed alike by our signer", arguments: SignedVector.committed)
    func committed(vector: SignedVector) throws { try check(vector) }

    @Test("made at this moment are verified, and signed alike by our signer")
    func fresh() throws {
        let seed = UInt32.random(in: 0...(.max))
        guard let vectors = try Self.generate(seed: seed, count: 300) else { return }
        #expect(vectors.count == 300)
        for vector in vectors { #expect(throws: Never.self, "seed \(seed), \(vector.name)") { try check(vector) } }
    }

    private func check(_ vector: SignedVector) throws {
        let verified = try vector.verify()
        #expect(verified.accessKeyID == vector.id)
        #expect(verified.service == vector.service)
        #expect(verified.region == vector.region)
        #expect(verified.signedAtSeconds == vector.now)
        #expect(verified.isPresigned == (vector.expires != nil))
        #expect(verified.sessionToken == vector.token)
        try checkBody(vector, verified)
        try checkSigner(vector, verified)
    }

    private func checkBody(_ vector: SignedVector, _ verified: VerifiedRequest) throws {
        guard let framed = vector.chunkedBytes else {
            let isChunked = verified.chunkedBody() != nil
            #expect(!isChunked)
            return
        }
        #expect(try verified.unframing(framed, pieces: 7).body == vector.bodyBytes)
    }

    private func checkSigner(_ vector: SignedVector, _ verified: VerifiedRequest) throws {
        // Our signer always dates with X-Amz-Date.
        guard vector.kind != "date" else { return }
        let signer = AWSRequestSigner(
            accessKeyID: vector.id, secret: vector.secret, sessionToken: vector.token, region: vector.region,
            service: vector.service)
        var head = vector.head
        if let expires = vector.expires {
            let own = head.query.split(separator: "&").filter { !$0.hasPrefix("X-Amz-") }
            head.query = own.joined(separator: "&")
            head.headers.removeAll { ["user-agent", "expect", "connection"].contains($0.name.lowercased()) }
            let query = signer.presign(head, expiresInSeconds: expires, at: vector.now)
            #expect(query.hasSuffix("&X-Amz-Signature=" + String(decoding: verified.signature, as: UTF8.self)))
            return
        }
        let body: PayloadHash = vector.kind == "headers-only" ? .empty : verified.payload
        let added = signer.headers(for: head, body: body, at: vector.now)
        // botocore sends the hash for S3 and where there is none; so do we.
        for (name, value) in added {
            let sent = vector.head.headers.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
            #expect(sent == [value], "\(name)")
        }
    }

    /// Nil, with a message, where there is no Python with botocore.
    private static func generate(seed: UInt32, count: Int) throws -> [SignedVector]? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "python3", SignedVector.folder.appendingPathComponent("make_vectors.py").path, "--seed", "\(seed)",
            "--count", "\(count)",
        ]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        do { try process.run() } catch {
            print("skipped: no python3 to sign with botocore")
            return nil
        }
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            print("skipped: no botocore (pip install botocore) to sign with")
            return nil
        }
        return SignedVector.read(data)
    }
}
