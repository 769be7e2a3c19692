import StreamSink

/// Where GetMedia begins: its `StartSelector`.
enum StartSelector {
    private enum Kind: String, CaseIterable {
        case now = "NOW"
        case earliest = "EARLIEST"
        case fragmentNumber = "FRAGMENT_NUMBER"
        case serverTimestamp = "SERVER_TIMESTAMP"
        case producerTimestamp = "PRODUCER_TIMESTAMP"
        case continuationToken = "CONTINUATION_TOKEN"
    }

    /// Reads a request's selector.
    static func read(_ request: RequestFields) throws(ServiceError) -> FollowStart {
        guard let fields = try request.fields("StartSelector") else { throw request.missing("StartSelector") }
        guard let kind = try fields.word("StartSelectorType", Kind.self) else {
            throw fields.missing("StartSelector.StartSelectorType")
        }
        switch kind {
        case .now:
            return .now
        case .earliest:
            return .earliest
        case .fragmentNumber:
            return .after(try number("AfterFragmentNumber", fields))
        case .continuationToken:
            // The token of a chunk is its fragment's number.
            return .after(try number("ContinuationToken", fields))
        case .serverTimestamp:
            return .server(try time(fields))
        case .producerTimestamp:
            return .producer(try time(fields))
        }
    }

    private static func number(_ name: String, _ fields: RequestFields) throws(ServiceError) -> FragmentNumber {
        let text = try fields.requiredText(name, longest: 128)
        guard let number = FragmentNumber(text) else {
            throw .invalidArgument("\(name) must be the 47 digits of a fragment's number.")
        }
        return number
    }

    private static func time(_ fields: RequestFields) throws(ServiceError) -> Int64 {
        guard let time = try fields.timestamp("StartTimestamp") else {
            throw .invalidArgument("StartTimestamp must be given with this StartSelectorType.")
        }
        return time
    }
}

/// Whether a reader gets a fragment's bytes as they arrive, or each fragment once it is complete.
enum FragmentDelivery: String, CaseIterable {
    /// As they arrive: audio reaches the reader within the writer's hand-in interval.
    case partial
    /// Complete fragments only, as the service this stands in for does: up to a fragment (1 s) later.
    case whole
}
