import RequestSigning

/// `Publish` in the query protocol of SNS.
struct SNSTarget: DeliveryTarget {
    let settings: DeliverySettings.SNS
    let sender: HTTPSender

    func send(_ messages: [DeliveryMessage]) async -> [DeliveryResult] {
        var results: [DeliveryResult] = []
        for message in messages { results.append(await publish(message)) }
        return results
    }

    private func publish(_ message: DeliveryMessage) async -> DeliveryResult {
        guard case .event(let event) = message.content else {
            return .failed(DeliveryFailure(.refused, "not an event"))
        }
        let text = String(decoding: event.body(limit: MessageAttributes.largestBody), as: UTF8.self)
        var fields = [
            ("Action", "Publish"), ("Version", "2010-03-31"), ("TopicArn", settings.topicARN), ("Message", text),
        ]
        for (index, attribute) in MessageAttributes.of(event).enumerated() {
            let name = "MessageAttributes.entry.\(index + 1)"
            fields += [
                ("\(name).Name", attribute.name), ("\(name).Value.DataType", "String"),
                ("\(name).Value.StringValue", attribute.value),
            ]
        }
        if settings.topicARN.hasSuffix(".fifo") {
            fields += [("MessageGroupId", event.transactionID), ("MessageDeduplicationId", event.id)]
        }
        let body = Array(fields.map { "\($0.0)=\(FormText.encode($0.1))" }.joined(separator: "&").utf8)
        var request = OutgoingRequest(url: settings.service.url("sns"), body: .bytes(body))
        request.headers = [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")]
        request.sign(with: settings.service.signer("sns"), body: .of(body), at: DiskFile.wallMilliseconds() / 1000)
        do throws(DeliveryFailure) {
            let answer = try await sender.send(request)
            if let failure = AWSError.failure(answer, what: "SNS") { throw failure }
            guard AWSError.element("MessageId", in: answer.text) != nil else {
                throw DeliveryFailure(.target, "SNS answered \(answer.status) without a MessageId: is it SNS?")
            }
            return .acknowledged
        } catch {
            return .failed(error)
        }
    }
}

/// What receivers filter by without reading the event, and drop doubles by.
enum MessageAttributes {
    /// SNS and SQS take 256 KB, attributes included.
    static let largestBody = 250 << 10

    static func of(_ event: EventSummary) -> [(name: String, value: String)] {
        [
            ("eventId", event.id), ("streamingStatus", event.status), ("transactionId", event.transactionID),
            ("voiceConnectorId", event.connectorID),
        ].filter { !$0.1.isEmpty }.map { (name: $0.0, value: $0.1) }
    }
}

/// Percent encoding of everything but RFC 3986's unreserved characters.
enum FormText {
    static func encode(_ text: String, keeping: String = "") -> String {
        var output: [UInt8] = []
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in text.utf8 {
            let isPlain =
                (byte >= 0x30 && byte <= 0x39) || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A)
                || "-._~".utf8.contains(byte) || keeping.utf8.contains(byte)
            output += isPlain ? [byte] : [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
        return String(decoding: output, as: UTF8.self)
    }
}
