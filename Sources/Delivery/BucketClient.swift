import NIOPosix
import RequestSigning
import StreamSink

/// `PutObject` with a checksum that the bucket verifies.
struct BucketClient: Sendable {
    /// S3's limit for one request.
    static let largestObject: Int64 = 5 << 30

    let settings: DeliverySettings.Bucket
    let sender: HTTPSender

    /// Puts a file under a key, with metadata that becomes `x-amz-meta-…`.
    /// - Parameter path: a file that does not change while it is sent.
    func put(
        path: String, key: String, contentType: String, metadata: [(name: String, value: String)]
    ) async throws(DeliveryFailure) {
        let body: UploadBody
        do {
            body = try await NIOThreadPool.singleton.runIfActive { try UploadBody(path: path) }
        } catch {
            throw DeliveryFailure(.message, "\(error)")
        }
        guard body.length <= Self.largestObject else {
            throw DeliveryFailure(.refused, "\(path) is larger than the 5 GB that one request may have")
        }
        let digits = hexadecimal(body.digest)
        var request = OutgoingRequest(method: "PUT", url: url(key), body: .upload(body))
        request.headers = [
            ("Content-Type", contentType), ("X-Amz-Checksum-Sha256", Base64Text.encode(body.digest)),
        ]
        for entry in metadata where !entry.value.isEmpty {
            request.headers.append(("X-Amz-Meta-\(entry.name)", Self.fieldText(entry.value)))
        }
        request.sign(
            with: settings.service.signer("s3"), body: .hash(Array(digits.utf8)),
            at: DiskFile.wallMilliseconds() / 1000)
        // A quarter of a megabyte a second is the slowest that is waited for.
        let answer = try await sender.send(request, timeout: .seconds(60 + body.length >> 18))
        if let failure = AWSError.failure(answer, what: "the bucket \(settings.bucket)") { throw failure }
    }

    func url(_ key: String) -> EndpointURL {
        let base = settings.service.url("s3")
        let key = FormText.encode(settings.prefix + key, keeping: "/")
        if settings.isPathStyle {
            return EndpointURL(
                isSecure: base.isSecure, host: base.host, port: base.port,
                path: "\(base.path)/\(settings.bucket)/\(key)")
        }
        return EndpointURL(
            isSecure: base.isSecure, host: "\(settings.bucket).\(base.host)", port: base.port,
            path: "\(base.path)/\(key)")
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
