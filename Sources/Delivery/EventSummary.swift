import StreamSink

/// One line of the event log, and what delivery needs to know of it.
public struct EventSummary: Sendable, Equatable {
    /// The event's UUID; stays the same however often it is sent.
    public var id: String
    /// `STARTED`, `UPDATED`, `ENDED`, `FAILED`, or `DIGIT` for an event of our own.
    public var status: String
    /// The call; events of one call are sent in order.
    public var transactionID: String
    /// The connector.
    public var connectorID: String
    /// The whole event.
    public var json: JSONValue

    /// Reads a line.
    /// - Throws: ``EventLineError`` when it is not an event.
    public init(line: [UInt8]) throws(EventLineError) {
        do throws(JSONError) { json = try JSONValue(parsing: line) } catch { throw .notJSON(error) }
        guard let id = json["id"]?.stringValue, !id.isEmpty, id.utf8.count <= 256 else { throw .missing("id") }
        guard let detail = json["detail"] else { throw .missing("detail") }
        self.id = id
        transactionID = detail["transactionId"]?.stringValue ?? id
        connectorID = detail["voiceConnectorId"]?.stringValue ?? ""
        let isDigit = detail["streamingStatus"] == nil && detail["digit"] != nil
        status = detail["streamingStatus"]?.stringValue ?? (isDigit ? "DIGIT" : "")
    }

    /// The text of a member of `detail`.
    public func detail(_ name: String) -> String? { json["detail"]?[name]?.stringValue }

    /// The event as one line without its end. Where it is longer than `limit` bytes the recording metadata is taken out
    /// and `siprecMetadataOmitted` put in its place: an event without it is worth more than none.
    func body(limit: Int) -> [UInt8] {
        let bytes = json.bytes
        guard bytes.count > limit, case .object(var members) = json,
            let index = members.firstIndex(where: { $0.name == "detail" }),
            case .object(var detail) = members[index].value
        else { return bytes }
        guard let metadata = detail.firstIndex(where: { $0.name == "siprecMetadata" }) else { return bytes }
        detail[metadata] = .init("siprecMetadataOmitted", .bool(true))
        members[index].value = .object(detail)
        return JSONValue.object(members).bytes
    }
}

/// Why a line of the event log is no event.
public enum EventLineError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The line is not JSON; it may have been torn by a power cut.
    case notJSON(JSONError)
    /// A member that every event has is not there.
    case missing(String)

    /// One sentence.
    public var description: String {
        switch self {
        case .notJSON(let error): "the line is \(error)"
        case .missing(let name): "the line has no “\(name)”"
        }
    }
}
