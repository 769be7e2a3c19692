import RequestSigning
import StreamSink

/// The calls around PutMedia: where to send it, and making the stream.
struct KinesisVideoControl: Sendable {
    let settings: DeliverySettings.KinesisVideo
    let sender: HTTPSender

    /// Where PutMedia goes. AWS gives each stream an endpoint; other services are their own.
    func dataEndpoint(_ stream: String) async throws(DeliveryFailure) -> EndpointURL {
        let base = settings.service.url("kinesisvideo")
        guard base.isAWS else { return base }
        let answer = try await call(
            "getDataEndpoint", [.init("StreamName", .string(stream)), .init("APIName", .string("PUT_MEDIA"))])
        guard let text = (try? JSONValue(parsing: answer.body))?["DataEndpoint"]?.stringValue,
            let url = EndpointURL(text)
        else { throw DeliveryFailure(.target, "GetDataEndpoint gave no address") }
        return url
    }

    /// Makes the stream; one that is there already is as good.
    func createStream(_ stream: String, mediaType: String) async throws(DeliveryFailure) {
        do throws(DeliveryFailure) {
            _ = try await call(
                "createStream",
                [
                    .init("StreamName", .string(stream)), .init("MediaType", .string(mediaType)),
                    .init("DataRetentionInHours", .integer(Int64(settings.retentionHours))),
                ])
        } catch {
            guard error.reason.contains("ResourceInUseException") else { throw error }
        }
    }

    private func call(_ name: String, _ members: [JSONValue.Member]) async throws(DeliveryFailure) -> HTTPAnswer {
        let body = JSONValue.object(members).bytes
        let base = settings.service.url("kinesisvideo")
        let url = EndpointURL(isSecure: base.isSecure, host: base.host, port: base.port, path: "\(base.path)/\(name)")
        var request = OutgoingRequest(url: url, body: .bytes(body))
        request.headers = [("Content-Type", "application/json")]
        request.sign(
            with: settings.service.signer("kinesisvideo"), body: .of(body), at: DiskFile.wallMilliseconds() / 1000)
        let answer = try await sender.send(request)
        if let failure = Self.failure(answer, what: name) { throw failure }
        return answer
    }

    /// What an answer means for one leg. Most 400s are about this stream or will pass, and other legs go on.
    static func failure(_ answer: HTTPAnswer, what: String) -> DeliveryFailure? {
        guard var failure = AWSError.failure(answer, what: what) else { return nil }
        if answer.status < 500, answer.status != 401, answer.status != 403, answer.status != 429 {
            failure.scope = .message
        }
        return failure
    }
}
