import Crypto
import NIOPosix
import StreamSink

/// One large object in parts: `CreateMultipartUpload`, `UploadPart` one after the other, `CompleteMultipartUpload`.
///
/// What the bucket has is written down after each part, so that the next try goes on there, also after a crash. It goes on
/// only with the same content; another one, and what nobody went on with for a week, is aborted, so that no parts are left
/// that somebody pays for.
struct MultipartUpload: Sendable {
    /// S3's limits (Amazon S3 User Guide, "Multipart upload limits").
    static let mostParts: Int64 = 10_000
    static let shortestPart: Int64 = 5 << 20
    /// An upload that nobody went on with for so long is aborted.
    static let longestRest: Int64 = 7 * 24 * 3_600_000

    let client: BucketClient
    let key: String
    /// Content type and metadata.
    let headers: [(name: String, value: String)]
    let body: UploadBody

    private var name: String { hexadecimal(SHA256.hash(data: Array("\(client.settings.bucket)/\(key)".utf8))) }
    private var path: String { "\(client.uploadsFolder)/\(name.prefix(32)).json" }

    /// Puts the object, from where an earlier try has left it.
    func run() async throws(DeliveryFailure) {
        await abortForgotten()
        var state = try await begin()
        let count = Int((body.length + state.partLength - 1) / state.partLength)
        do throws(DeliveryFailure) {
            while state.parts.count < count {
                state.parts.append(try await put(part: state.parts.count, of: state))
                try save(state)
            }
            try await complete(state)
        } catch {
            switch error.scope {
            // It will not be tried again with the same bytes.
            case .refused: await abort(state)
            case .message, .target: break
            }
            throw error
        }
        forget()
    }

    /// The state to go on with: the written one where it is of this content, else a new upload.
    private func begin() async throws(DeliveryFailure) -> State {
        if let known = State(path: path) {
            if known.bucket == client.settings.bucket, known.key == fullKey, known.length == body.length,
                known.digest == hexadecimal(body.digest)
            {
                return known
            }
            await abort(known)
        }
        let answer = try await client.send(
            "POST", key, query: "uploads=", headers: headers + [("X-Amz-Checksum-Algorithm", "SHA256")])
        if let failure = AWSError.failure(answer, what: client.what) { throw failure }
        guard let id = AWSError.element("UploadId", in: answer.text), !id.isEmpty, id.utf8.count <= 4096 else {
            throw DeliveryFailure(.target, "\(client.what) began an upload without an UploadId: is it S3?")
        }
        let least = (body.length + Self.mostParts - 1) / Self.mostParts
        let state = State(
            bucket: client.settings.bucket, key: fullKey, uploadID: id, length: body.length,
            digest: hexadecimal(body.digest), partLength: max(client.settings.partLength, least),
            touchedAt: DiskFile.wallMilliseconds(), parts: [])
        try save(state)
        return state
    }

    private var fullKey: String { client.settings.prefix + key }

    private func put(part index: Int, of state: State) async throws(DeliveryFailure) -> State.Part {
        let start = Int64(index) * state.partLength
        let range = start..<min(start + state.partLength, body.length)
        let file = body.file
        let part: UploadBody
        do {
            part = try await NIOThreadPool.singleton.runIfActive { try UploadBody(file: file, range: range) }
        } catch {
            throw DeliveryFailure(.message, "\(error)")
        }
        guard part.length == range.upperBound - range.lowerBound else {
            throw DeliveryFailure(.message, "\(UploadError.shrunk(file.path))")
        }
        let checksum = Base64Text.encode(part.digest)
        let answer = try await client.send(
            "PUT", key, query: "partNumber=\(index + 1)&uploadId=\(FormText.encode(state.uploadID))",
            headers: [("X-Amz-Checksum-Sha256", checksum)], upload: part)
        try check(answer)
        guard let tag = answer.header("etag"), tag.utf8.count <= 256 else {
            throw DeliveryFailure(.target, "\(client.what) took a part without giving an ETag: is it S3?")
        }
        return State.Part(tag: tag, checksum: checksum)
    }

    private func complete(_ state: State) async throws(DeliveryFailure) {
        var text = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        for (index, part) in state.parts.enumerated() {
            text +=
                "<Part><PartNumber>\(index + 1)</PartNumber><ETag>\(Self.escape(part.tag))</ETag>"
                + "<ChecksumSHA256>\(part.checksum)</ChecksumSHA256></Part>"
        }
        text += "</CompleteMultipartUpload>"
        // The service may take minutes to put the parts together.
        let answer = try await client.send(
            "POST", key, query: "uploadId=\(FormText.encode(state.uploadID))",
            headers: [("Content-Type", "application/xml")], bytes: Array(text.utf8), timeout: .seconds(600))
        try check(answer)
        // What fails after the answer's head was sent comes with a 200.
        guard answer.text.range(of: "<CompleteMultipartUploadResult") != nil else {
            let error = AWSError(answer)
            throw DeliveryFailure(
                .message, "\(client.what) did not put the parts together (\(error.code ?? "no code")): \(error.message)"
            )
        }
    }

    /// Throws what an answer means. Where the upload is gone, or parts of it are, the next try begins anew.
    private func check(_ answer: HTTPAnswer) throws(DeliveryFailure) {
        guard var failure = AWSError.failure(answer, what: client.what) else { return }
        if let code = AWSError(answer).code, ["NoSuchUpload", "InvalidPart", "InvalidPartOrder"].contains(code) {
            forget()
            failure.scope = .message
        }
        throw failure
    }

    private func save(_ state: State) throws(DeliveryFailure) {
        var state = state
        state.touchedAt = DiskFile.wallMilliseconds()
        // Not flushed: what a power cut takes back is sent again.
        do throws(FileError) { try DiskFile.replace(path, with: state.bytes, isFlushed: false) } catch {
            throw DeliveryFailure(.message, "\(error)")
        }
    }

    private func forget() { _ = FileOperations.system.remove(path) }

    private func abort(_ state: State) async {
        await Self.abort(state, client: client)
        forget()
    }

    private static func abort(_ state: State, client: BucketClient) async {
        guard state.key.hasPrefix(client.settings.prefix) else { return }
        let key = String(state.key.dropFirst(client.settings.prefix.count))
        // Where it does not come through, the bucket's own rule for unfinished uploads has to do it.
        _ = try? await client.send("DELETE", key, query: "uploadId=\(FormText.encode(state.uploadID))")
    }

    /// Aborts what was left by recordings that nobody sends any more.
    private func abortForgotten() async {
        let oldest = DiskFile.wallMilliseconds() - Self.longestRest
        for file in DiskFile.names(in: client.uploadsFolder) {
            let path = "\(client.uploadsFolder)/\(file)"
            guard path != self.path, let state = State(path: path), state.touchedAt < oldest,
                state.bucket == client.settings.bucket
            else { continue }
            await Self.abort(state, client: client)
            _ = FileOperations.system.remove(path)
        }
    }

    private static func escape(_ text: String) -> String {
        String(text.flatMap { ["&": "&amp;", "<": "&lt;", ">": "&gt;"][$0] ?? String($0) })
    }
}

extension MultipartUpload {
    /// What the bucket has of an object.
    struct State: Sendable, Equatable {
        struct Part: Sendable, Equatable {
            var tag: String
            var checksum: String
        }

        var bucket: String
        var key: String
        var uploadID: String
        var length: Int64
        /// SHA-256 of the whole content, hexadecimal.
        var digest: String
        var partLength: Int64
        /// Milliseconds since 1970.
        var touchedAt: Int64
        var parts: [Part]

        var bytes: [UInt8] {
            let list = parts.map { part in
                JSONValue.object([.init("etag", .string(part.tag)), .init("sha256", .string(part.checksum))])
            }
            return JSONValue.object([
                .init("uploadVersion", .integer(1)), .init("bucket", .string(bucket)), .init("key", .string(key)),
                .init("uploadId", .string(uploadID)), .init("length", .integer(length)),
                .init("sha256", .string(digest)), .init("partLength", .integer(partLength)),
                .init("touchedAt", .integer(touchedAt)), .init("parts", .array(list)),
            ]).bytes
        }
    }
}

extension MultipartUpload.State {
    /// Reads a file; nil where there is none or it is damaged.
    init?(path: String) {
        guard let bytes = try? DiskFile.read(path, limit: 4 << 20), let json = try? JSONValue(parsing: bytes),
            json["uploadVersion"]?.integerValue == 1, let bucket = json["bucket"]?.stringValue,
            let key = json["key"]?.stringValue, let id = json["uploadId"]?.stringValue, !id.isEmpty,
            let length = json["length"]?.integerValue, let digest = json["sha256"]?.stringValue,
            let partLength = json["partLength"]?.integerValue, partLength > 0, length > 0,
            let touchedAt = json["touchedAt"]?.integerValue, let list = json["parts"]?.arrayValue
        else { return nil }
        let parts = list.compactMap { part -> Part? in
            guard let tag = part["etag"]?.stringValue, let checksum = part["sha256"]?.stringValue else { return nil }
            return Part(tag: tag, checksum: checksum)
        }
        guard parts.count == list.count, Int64(parts.count) <= (length + partLength - 1) / partLength else {
            return nil
        }
        self.init(
            bucket: bucket, key: key, uploadID: id, length: length, digest: digest, partLength: partLength,
            touchedAt: touchedAt, parts: parts)
    }
}
