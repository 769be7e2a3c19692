import StreamSink

/// Which fragments are meant, in ListFragments, GetClip and HLS.
enum FragmentSelector {
    private enum Kind: String, CaseIterable {
        case producer = "PRODUCER_TIMESTAMP"
        case server = "SERVER_TIMESTAMP"
    }

    /// Reads a selector whose range must be there; start and end are both included.
    ///
    /// - Parameter range: The member that holds the range (its name differs by operation).
    static func read(_ fields: RequestFields, range name: String) throws(ServiceError) -> FragmentRange {
        let kind = try kind(fields)
        guard let range = try fields.fields(name) else { throw fields.missing(name) }
        guard let start = try range.timestamp("StartTimestamp") else { throw fields.missing("StartTimestamp") }
        guard let end = try range.timestamp("EndTimestamp") else { throw fields.missing("EndTimestamp") }
        guard start <= end else { throw .invalidArgument("StartTimestamp must not be after EndTimestamp.") }
        return of(kind, start...end)
    }

    /// Reads a selector whose range, or whose end, may be left off: then it has no bound there.
    static func readOpen(_ fields: RequestFields, range name: String) throws(ServiceError) -> FragmentRange {
        let kind = try kind(fields)
        let range = try fields.fields(name)
        let start = try range?.timestamp("StartTimestamp") ?? .min
        let end = try range?.timestamp("EndTimestamp") ?? .max
        guard start <= end else { throw .invalidArgument("StartTimestamp must not be after EndTimestamp.") }
        return of(kind, start...end)
    }

    private static func kind(_ fields: RequestFields) throws(ServiceError) -> Kind {
        guard let kind = try fields.word("FragmentSelectorType", Kind.self) else {
            throw fields.missing("FragmentSelectorType")
        }
        return kind
    }

    private static func of(_ kind: Kind, _ range: ClosedRange<Int64>) -> FragmentRange {
        switch kind {
        case .producer: .producer(range)
        case .server: .server(range)
        }
    }
}
