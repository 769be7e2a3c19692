import RequestSigning
import Testing

@Suite("Chunked bodies")
struct ChunkedBodyTests {
    static let body = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 7) }

    private func upload(
        _ body: [UInt8] = body, isSigned: Bool = true, trailers: [(name: String, value: String)]? = nil,
        length: Int? = nil, chunk: Int = 300
    ) throws -> (request: VerifiedRequest, framed: [UInt8]) {
        let signer = AWSRequestSigner(
            accessKeyID: SignedExample.id, secret: SignedExample.secret, region: "us-east-1", service: "s3")
        var head = SignedRequestHead(
            method: "PUT", path: "/bucket/key",
            headers: [
                ("Host", "localhost"), ("Content-Encoding", "aws-chunked"),
                ("X-Amz-Decoded-Content-Length", "\(length ?? body.count)"),
            ])
        var (headers, frames) = signer.chunked(
            head, isSigned: isSigned, hasTrailer: trailers != nil, at: SignedExample.now)
        head.headers += headers
        var framed: [UInt8] = []
        for start in stride(from: 0, to: body.count, by: chunk) {
            framed += frames.chunk(Array(body[start..<min(start + chunk, body.count)]))
        }
        framed += frames.finish(trailers: trailers ?? [])
        let request = try AWSSignatureVerifier(service: ["s3"]).verify(
            head, body: .streamed, nowSeconds: SignedExample.now
        ) { _ in Array(SignedExample.secret.utf8) }
        return (request, framed)
    }

    /// The error of a body given in one piece; nil when it is let in.
    private func refusal(
        _ request: VerifiedRequest, _ framed: [UInt8], limits: SigningLimits = SigningLimits()
    ) -> SignatureError? {
        do throws(SignatureError) {
            _ = try request.unframing(framed, limits: limits)
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "come out as they went in, in pieces of any size", arguments: [1, 2, 3, 64, 85, 86, 87, 300, 5000],
        [true, false])
    func pieces(size: Int, isSigned: Bool) throws {
        let trailers = [(name: "x-amz-checksum-crc32", value: "AAAAAA==")]
        for given in isSigned ? [nil, trailers] : [trailers] {
            let (request, framed) = try upload(isSigned: isSigned, trailers: given)
            let (body, after) = try request.unframing(framed, pieces: size)
            #expect(body == Self.body)
            #expect(after == (given ?? []).map { "\($0.name):\($0.value)" })
        }
    }

    @Test("An empty body is one last chunk")
    func empty() throws {
        let (request, framed) = try upload([])
        #expect(refusal(request, framed) == nil)
    }

    @Test("Of a signed body nothing is handed out before its chunk was checked")
    func heldBack() throws {
        let (request, framed) = try upload()
        // "12c;chunk-signature=" + 64 + CR LF, then 300 bytes.
        var output: [UInt8] = []
        #expect(throws: SignatureError.self) { try request.unframing(Array(framed[..<(86 + 299)]), to: &output) }
        #expect(output.isEmpty)
        #expect(throws: SignatureError.self) { try request.unframing(Array(framed[..<(86 + 300)]), to: &output) }
        #expect(output.count == 300)
    }

    @Test("Chunks in another order, left out or repeated are refused, and an error stays")
    func order() throws {
        let (request, framed) = try upload()
        let chunk = 86 + 300 + 2
        let parts = [Array(framed[..<chunk]), Array(framed[chunk..<(2 * chunk)]), Array(framed[(2 * chunk)...])]
        #expect(refusal(request, parts[0] + parts[1] + parts[2]) == nil)
        let wrong = SignatureError.damagedChunk("a chunk's signature is wrong")
        #expect(refusal(request, parts[1] + parts[0] + parts[2]) == wrong)
        #expect(refusal(request, parts[0] + parts[2]) == wrong)
        #expect(refusal(request, parts[0] + parts[0] + parts[1] + parts[2]) == wrong)
        guard var frames = request.chunkedBody() else { return }
        var output: [UInt8] = []
        var errors: [SignatureError] = []
        for part in [parts[1], parts[0], parts[1], parts[2]] {
            do throws(SignatureError) { try frames.append(part, to: &output) } catch { errors.append(error) }
        }
        do throws(SignatureError) { try frames.finish() } catch { errors.append(error) }
        #expect(errors == [wrong, wrong, wrong, wrong, wrong])
        #expect(output.isEmpty)
    }

    @Test("Another request's chunks are refused")
    func otherRequest() throws {
        let (_, framed) = try upload(length: 1001)
        let (request, _) = try upload()
        #expect(refusal(request, framed) == .damagedChunk("a chunk's signature is wrong"))
    }

    @Test("The announced length is kept to", arguments: [999, 1001])
    func length(announced: Int) throws {
        let (request, framed) = try upload(length: announced)
        guard case .damagedChunk(let text) = refusal(request, framed) else {
            Issue.record("let in")
            return
        }
        #expect(text.contains("x-amz-decoded-content-length"))
    }

    @Test("Chunks and trailers beyond the limits are refused before they are kept")
    func limits() throws {
        var limits = SigningLimits()
        limits.chunkBytes = 299
        let (request, framed) = try upload()
        #expect(
            refusal(request, framed, limits: limits) == .tooLarge("a chunk is longer than 299 bytes; send smaller ones")
        )
        let many = (0..<17).map { (name: "x-\($0)", value: "") }
        let (wordy, trailing) = try upload(trailers: many)
        #expect(refusal(wordy, trailing) == .tooLarge("the trailer has more than 16 fields"))
        let (long, endless) = try upload(trailers: [("x", String(repeating: "a", count: 9000))])
        #expect(refusal(long, endless) != nil)
        #expect(refusal(request, [UInt8](repeating: UInt8(ascii: "0"), count: 300)) != nil)
        #expect(refusal(request, Array("ffffffffffffffff;".utf8)) != nil)
    }

    @Test(
        "A trailer must be announced, signed where the body is, and nothing may follow",
        arguments: [true, false])
    func trailer(isSigned: Bool) throws {
        let (request, framed) = try upload(isSigned: isSigned, trailers: [("x-amz-checksum-crc32", "AAAAAA==")])
        #expect(refusal(request, framed) == nil)
        #expect(refusal(request, framed + [0]) == .damagedChunk("something follows its last chunk"))
        #expect(refusal(request, Array(framed.dropLast(2))) == .damagedChunk("it ends before its last chunk does"))
        guard isSigned else { return }
        let mark = Array("x-amz-trailer-signature".utf8)
        let start = try #require(framed.indices.first { framed[$0...].starts(with: mark) })
        #expect(refusal(request, framed[..<start] + [0x0D, 0x0A]) == .damagedChunk("its trailer is not signed"))
        let (plain, ending) = try upload()
        #expect(
            refusal(plain, ending.dropLast(2) + Array("x-a:b\r\n\r\n".utf8))
                == .damagedChunk("it has a trailer that was not announced"))
    }

    @Test("Random bytes trap nowhere and come out of no signed body")
    func garbage() throws {
        var generator = SplitMix(state: 17)
        let (signed, framed) = try upload()
        for _ in 0..<2000 {
            var bytes = framed
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: index)
                default: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: index)
                }
            }
            var output: [UInt8] = []
            _ = try? signed.unframing(bytes, to: &output)
            #expect(Self.body.starts(with: output))
        }
    }
}
