import Crypto
import StreamSink

/// An event to a web server of one's own: `POST` with the event as JSON, signed.
///
/// `X-Earshot-Signature: t=<seconds>,v1=<hex>` is HMAC-SHA256 over `<seconds>.<body>`. The time is signed with the body,
/// so that a receiver that refuses old times cannot be given a recorded request again.
struct WebhookTarget: DeliveryTarget {
    let settings: DeliverySettings.Webhook
    let sender: HTTPSender

    func send(_ messages: [DeliveryMessage]) async -> [DeliveryResult] {
        var results: [DeliveryResult] = []
        for message in messages { results.append(await post(message)) }
        return results
    }

    private func post(_ message: DeliveryMessage) async -> DeliveryResult {
        guard case .event(let event) = message.content else {
            return .failed(DeliveryFailure(.refused, "not an event"))
        }
        let body = event.json.bytes
        let seconds = DiskFile.wallMilliseconds() / 1000
        var request = OutgoingRequest(url: settings.url, body: .bytes(body))
        request.headers = [
            ("Content-Type", "application/json"), ("X-Earshot-Event-Id", Self.fieldText(event.id)),
            ("X-Earshot-Attempt", "\(message.failures + 1)"),
            ("X-Earshot-Signature", Self.signature(body, secret: settings.secret, atSeconds: seconds)),
        ]
        do throws(DeliveryFailure) {
            let answer = try await sender.send(request, timeout: settings.timeout)
            let failure = HTTPVerdict.failure(
                status: answer.status, code: nil, message: "", retryAfter: answer.header("retry-after"),
                nowSeconds: seconds, what: settings.url.origin)
            if let failure { throw failure }
            return .acknowledged
        } catch {
            return .failed(error)
        }
    }

    static func signature(_ body: [UInt8], secret: String, atSeconds seconds: Int64) -> String {
        let code = HMAC<SHA256>.authenticationCode(
            for: Array("\(seconds).".utf8) + body, using: SymmetricKey(data: Array(secret.utf8)))
        return "t=\(seconds),v1=\(hexadecimal(code))"
    }

    /// What of an ID may be in a field: an event log that somebody wrote by hand must not add fields of its own.
    private static func fieldText(_ text: String) -> String {
        String(decoding: text.utf8.filter { $0 > 0x20 && $0 < 0x7F }, as: UTF8.self)
    }
}

/// Lower-case hexadecimal digits.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
