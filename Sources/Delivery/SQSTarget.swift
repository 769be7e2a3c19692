import RequestSigning
import StreamSink

/// `SendMessage` in the JSON protocol of SQS.
struct SQSTarget: DeliveryTarget {
    let settings: DeliverySettings.SQS
    let sender: HTTPSender

    func send(_ messages: [DeliveryMessage]) async -> [DeliveryResult] {
        var results: [DeliveryResult] = []
        for message in messages { results.append(await send(message)) }
        return results
    }

    private func send(_ message: DeliveryMessage) async -> DeliveryResult {
        guard case .event(let event) = message.content else {
            return .failed(DeliveryFailure(.refused, "not an event"))
        }
        let queue = settings.queueURL
        let text = String(decoding: event.body(limit: MessageAttributes.largestBody), as: UTF8.self)
        let attributes = MessageAttributes.of(event).map { attribute in
            JSONValue.Member(
                attribute.name,
                .object([.init("DataType", .string("String")), .init("StringValue", .string(attribute.value))]))
        }
        var members: [JSONValue.Member] = [
            .init("QueueUrl", .string(queue.description)), .init("MessageBody", .string(text)),
            .init("MessageAttributes", .object(attributes)),
        ]
        if queue.path.hasSuffix(".fifo") {
            members += [
                .init("MessageGroupId", .string(event.transactionID)),
                .init("MessageDeduplicationId", .string(event.id)),
            ]
        }
        let body = JSONValue.object(members).bytes
        // The queue's address names the service's host, too.
        let url =
            settings.service.endpoint
            ?? EndpointURL(isSecure: queue.isSecure, host: queue.host, port: queue.port, path: "")
        var request = OutgoingRequest(url: url, body: .bytes(body))
        request.headers = [
            ("Content-Type", "application/x-amz-json-1.0"), ("X-Amz-Target", "AmazonSQS.SendMessage"),
        ]
        request.sign(with: settings.service.signer("sqs"), body: .of(body), at: DiskFile.wallMilliseconds() / 1000)
        do throws(DeliveryFailure) {
            let answer = try await sender.send(request)
            if let failure = AWSError.failure(answer, what: "SQS") { throw failure }
            let json = try? JSONValue(parsing: answer.body)
            guard json?["MessageId"]?.stringValue != nil else {
                throw DeliveryFailure(.target, "SQS answered \(answer.status) without a MessageId: is it SQS?")
            }
            return .acknowledged
        } catch {
            return .failed(error)
        }
    }
}
