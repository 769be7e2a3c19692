import NIOPosix
import RequestSigning
import StreamSink

/// Puts objects into a bucket, with checksums that the bucket verifies: small ones by one `PutObject`, large ones in parts.
struct BucketClient: Sendable {
    /// S3's limit for an object.
    static let largestObject: Int64 = 5 << 40

    let settings: DeliverySettings.Bucket
    let sender: HTTPSender
    /// Where the states of uploads in parts are.
    let uploadsFolder: String

    /// Puts a file under a key, with metadata that becomes `x-amz-meta-…`.
    /// - Parameters:
    ///   - path: a file that does not change while it is sent.
    ///   - isTemporary: whether the file's name is removed as soon as it is open, so that a crash leaves nothing of it.
    func put(
        path: String, key: String, contentType: String, metadata: [(name: String, value: String)],
        isTemporary: Bool = false
    ) async throws(DeliveryFailure) {
        let body: UploadBody
        do {
            body = try await NIOThreadPool.singleton.runIfActive {
                let file = try UploadFile(path: path)
                if isTemporary { _ = FileOperations.system.remove(path) }
                return try UploadBody(file: file, range: 0..<Int64.max)
            }
        } catch {
            throw DeliveryFailure(.message, "\(error)")
        }
        guard body.length <= Self.largestObject else {
            throw DeliveryFailure(.refused, "\(path) is larger than the 5 TB that an object may have")
        }
        var headers = [(name: "Content-Type", value: contentType)]
        for entry in metadata where !entry.value.isEmpty {
            headers.append(("X-Amz-Meta-\(entry.name)", Self.fieldText(entry.value)))
        }
        // The checksum of an object in parts is one of its parts' checksums; this is the content's own.
        if !metadata.isEmpty { headers.append(("X-Amz-Meta-Sha256", hexadecimal(body.digest))) }
        guard body.length <= settings.multipartAbove else {
            return try await MultipartUpload(client: self, key: key, headers: headers, body: body).run()
        }
        headers.append(("X-Amz-Checksum-Sha256", Base64Text.encode(body.digest)))
        let answer = try await send("PUT", key, headers: headers, upload: body)
        if let failure = AWSError.failure(answer, what: what) { throw failure }
    }

    /// Throws where the bucket's service cannot be reached or is not well; what it says of us and the bucket does not
    /// matter here.
    func knock() async throws(DeliveryFailure) {
        let base = settings.service.url("s3")
        let url =
            settings.isPathStyle
            ? EndpointURL(
                isSecure: base.isSecure, host: base.host, port: base.port, path: "\(base.path)/\(settings.bucket)")
            : EndpointURL(
                isSecure: base.isSecure, host: "\(settings.bucket).\(base.host)", port: base.port, path: base.path)
        var request = OutgoingRequest(method: "HEAD", url: url, body: .bytes([]))
        request.sign(with: settings.service.signer("s3"), body: .of([]), at: DiskFile.wallMilliseconds() / 1000)
        let answer = try await sender.send(request)
        guard answer.status >= 500, let failure = AWSError.failure(answer, what: what) else { return }
        throw failure
    }

    var what: String { "the bucket \(settings.bucket)" }

    /// A request with a part of a file as its body.
    func send(
        _ method: String, _ key: String, query: String = "", headers: [(name: String, value: String)],
        upload body: UploadBody
    ) async throws(DeliveryFailure) -> HTTPAnswer {
        var request = OutgoingRequest(
            method: method, url: url(key, query: query), headers: headers, body: .upload(body))
        request.sign(
            with: settings.service.signer("s3"), body: .hash(Array(hexadecimal(body.digest).utf8)),
            at: DiskFile.wallMilliseconds() / 1000)
        // A quarter of a megabyte a second is the slowest that is waited for.
        return try await sender.send(request, timeout: .seconds(30 + body.length >> 18))
    }

    /// A request with a small body.
    func send(
        _ method: String, _ key: String, query: String, headers: [(name: String, value: String)] = [],
        bytes: [UInt8] = [], timeout: Duration? = nil
    ) async throws(DeliveryFailure) -> HTTPAnswer {
        var request = OutgoingRequest(
            method: method, url: url(key, query: query), headers: headers, body: .bytes(bytes))
        request.sign(
            with: settings.service.signer("s3"), body: .of(bytes), at: DiskFile.wallMilliseconds() / 1000)
        return try await sender.send(request, timeout: timeout)
    }

    func url(_ key: String, query: String = "") -> EndpointURL {
        let base = settings.service.url("s3")
        let key = FormText.encode(settings.prefix + key, keeping: "/")
        if settings.isPathStyle {
            return EndpointURL(
                isSecure: base.isSecure, host: base.host, port: base.port,
                path: "\(base.path)/\(settings.bucket)/\(key)", query: query)
        }
        return EndpointURL(
            isSecure: base.isSecure, host: "\(settings.bucket).\(base.host)", port: base.port,
            path: "\(base.path)/\(key)", query: query)
    }

    private static func fieldText(_ text: String) -> String {
        String(decoding: text.utf8.filter { $0 >= 0x20 && $0 < 0x7F }.prefix(1024), as: UTF8.self)
    }
}

/// Base64 (RFC 4648 §4).
enum Base64Text {
    static func encode(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var output: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let value = group.reduce(0) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for index in 0..<4 {
                let sextet = Int(value >> UInt32(18 - 6 * index) & 63)
                output.append(index <= group.count ? alphabet[sextet] : UInt8(ascii: "="))
            }
        }
        return String(decoding: output, as: UTF8.self)
    }
}

/// Detail records to a bucket, under the keys that they have in the object folder.
struct RecordTarget: DeliveryTarget {
    let client: BucketClient

    func send(_ messages: [DeliveryMessage]) async -> [DeliveryResult] {
        var results: [DeliveryResult] = []
        for message in messages {
            guard case .object(let key, let path) = message.content else {
                results.append(.failed(DeliveryFailure(.refused, "not an object")))
                continue
            }
            do throws(DeliveryFailure) {
                try await client.put(path: path, key: key, contentType: "application/json", metadata: [])
                results.append(.acknowledged)
            } catch {
                results.append(.failed(error))
            }
        }
        return results
    }
}
