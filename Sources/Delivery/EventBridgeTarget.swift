import RequestSigning
import StreamSink

/// `PutEvents`: up to ten events of different calls in a request. EventBridge gives each entry an ID of its own and knows
/// no way to drop doubles: an event that was taken and whose answer was lost comes twice.
struct EventBridgeTarget: DeliveryTarget {
    /// The service's limit for one request; our part of it leaves room for what it adds.
    static let largestEntry = 256 << 10
    static let largestDetail = 250 << 10

    let settings: DeliverySettings.EventBridge
    let sender: HTTPSender
    var batchLimit: Int { 10 }

    func send(_ messages: [DeliveryMessage]) async -> [DeliveryResult] {
        var entries: [JSONValue] = []
        var results: [DeliveryResult] = []
        var sent: [Int] = []
        var size = 0
        for (index, message) in messages.enumerated() {
            guard case .event(let event) = message.content else {
                results.append(.failed(DeliveryFailure(.refused, "not an event")))
                continue
            }
            let entry = entry(event)
            let bytes = entry.bytes.count
            if size + bytes > Self.largestEntry, !entries.isEmpty {
                // The next request takes it; being no failure of its own it comes at once.
                results.append(.failed(DeliveryFailure(.message, "no room in the request", retryAfter: .zero)))
                continue
            }
            size += bytes
            entries.append(entry)
            sent.append(index)
            results.append(.acknowledged)
        }
        guard !entries.isEmpty else { return results }
        let outcome = await put(entries)
        for (position, index) in sent.enumerated() where position < outcome.count { results[index] = outcome[position] }
        return results
    }

    private func put(_ entries: [JSONValue]) async -> [DeliveryResult] {
        let body = JSONValue.object([.init("Entries", .array(entries))]).bytes
        var request = OutgoingRequest(url: settings.service.url("events"), body: .bytes(body))
        request.headers = [
            ("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", "AWSEvents.PutEvents"),
        ]
        request.sign(with: settings.service.signer("events"), body: .of(body), at: DiskFile.wallMilliseconds() / 1000)
        do throws(DeliveryFailure) {
            let answer = try await sender.send(request)
            if let failure = AWSError.failure(answer, what: "EventBridge") { throw failure }
            return Self.results(answer.body, count: entries.count)
        } catch {
            return entries.map { _ in .failed(error) }
        }
    }

    /// `FailedEntryCount` and, an entry, an `EventId` or an `ErrorCode`, in the order of the request.
    static func results(_ body: [UInt8], count: Int) -> [DeliveryResult] {
        guard let json = try? JSONValue(parsing: body), let entries = json["Entries"]?.arrayValue,
            entries.count == count
        else {
            let failure = DeliveryFailure(
                .target, "EventBridge answered 200 with something that is no PutEvents answer")
            return Array(repeating: .failed(failure), count: count)
        }
        return entries.map { entry in
            guard let code = entry["ErrorCode"]?.stringValue else {
                return entry["EventId"]?.stringValue == nil
                    ? .failed(DeliveryFailure(.message, "EventBridge gave an entry no EventId")) : .acknowledged
            }
            let text = entry["ErrorMessage"]?.stringValue ?? ""
            // These say that the entry itself is wrong; the others may pass.
            let isRefused = ["MalformedDetail", "InvalidArgument", "NotAuthorizedForSourceException"].contains(code)
            return .failed(
                DeliveryFailure(isRefused ? .refused : .message, "EventBridge refused the entry (\(code)): \(text)"))
        }
    }

    private func entry(_ event: EventSummary) -> JSONValue {
        let whole = (try? JSONValue(parsing: event.body(limit: Self.largestDetail))) ?? event.json
        let source = whole["source"]?.stringValue ?? ""
        var members: [JSONValue.Member] = [
            .init("Source", .string(source.hasPrefix("aws.") ? settings.source ?? source : source)),
            .init("DetailType", .string(whole["detail-type"]?.stringValue ?? "")),
            .init("Detail", .string(whole["detail"]?.text ?? "{}")),
            .init("EventBusName", .string(settings.bus)), .init("Resources", .array([])),
        ]
        if let time = whole["time"]?.stringValue.flatMap(Self.epochSeconds) {
            members.append(.init("Time", .integer(time)))
        }
        return .object(members)
    }

    /// `YYYY-MM-DDThh:mm:ssZ` in seconds since 1970.
    static func epochSeconds(_ text: String) -> Int64? {
        let numbers = text.split { "-T:Z.".contains($0) }.compactMap { Int64($0) }
        guard numbers.count >= 6, (1...12).contains(numbers[1]) else { return nil }
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let date =
            "Day, \(two(numbers[2])) \(months[Int(numbers[1]) - 1]) \(numbers[0]) "
            + "\(two(numbers[3])):\(two(numbers[4])):\(two(numbers[5])) GMT"
        guard case .some(let duration) = RetryAfter.parse(date, nowSeconds: 0) else { return nil }
        return duration.components.seconds
    }
}
