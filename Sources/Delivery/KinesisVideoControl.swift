import RequestSigning
import StreamSink

/// The calls around PutMedia: where to send it, and making the stream.
struct KinesisVideoControl: Sendable {
    let settings: DeliverySettings.KinesisVideo
    let sender: HTTPSender

    /// Where an operation goes. AWS gives each stream endpoints; other services are their own.
    func dataEndpoint(_ stream: String, for operation: String = "PUT_MEDIA") async throws(DeliveryFailure)
        -> EndpointURL
    {
        let base = settings.service.url("kinesisvideo")
        guard base.isAWS else { return base }
        let answer = try await call(
            "getDataEndpoint", [.init("StreamName", .string(stream)), .init("APIName", .string(operation))])
        // Signed audio goes where the answer says, and nowhere but to AWS.
        guard let text = (try? JSONValue(parsing: answer.body))?["DataEndpoint"]?.stringValue,
            let url = EndpointURL(text), url.isAWS, url.isSecure
        else { throw DeliveryFailure(.target, "GetDataEndpoint gave no address of AWS") }
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

    /// The producer timestamps, milliseconds since 1970, of the fragments that a stream has from a time on (a day of them).
    func fragments(_ stream: String, from milliseconds: Int64) async throws(DeliveryFailure) -> Set<Int64> {
        let url = try await dataEndpoint(stream, for: "LIST_FRAGMENTS")
        let start = Double(milliseconds) / 1000
        let selector = JSONValue.object([
            .init("FragmentSelectorType", .string("PRODUCER_TIMESTAMP")),
            .init(
                "TimestampRange",
                .object([.init("StartTimestamp", .decimal(start)), .init("EndTimestamp", .decimal(start + 86_000))])),
        ])
        var found: Set<Int64> = []
        var token: String?
        for _ in 0..<Self.mostPages {
            var members: [JSONValue.Member] = [
                .init("StreamName", .string(stream)), .init("MaxResults", .integer(500)),
                .init("FragmentSelector", selector),
            ]
            if let token { members.append(.init("NextToken", .string(token))) }
            let answer = try await call("listFragments", members, at: url)
            let json = try? JSONValue(parsing: answer.body)
            guard let list = json?["Fragments"]?.arrayValue else {
                throw DeliveryFailure(.message, "ListFragments gave no fragments")
            }
            for fragment in list {
                guard let seconds = fragment["ProducerTimestamp"]?.decimalValue, seconds.magnitude < 1e11 else {
                    continue
                }
                found.insert(Int64((seconds * 1000).rounded()))
            }
            token = json?["NextToken"]?.stringValue
            if token == nil { break }
        }
        return found
    }

    /// Of ListFragments; more than a day of fragments of ten seconds.
    private static let mostPages = 40

    private func call(
        _ name: String, _ members: [JSONValue.Member], at url: EndpointURL? = nil
    ) async throws(DeliveryFailure) -> HTTPAnswer {
        let body = JSONValue.object(members).bytes
        let base = url ?? settings.service.url("kinesisvideo")
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
