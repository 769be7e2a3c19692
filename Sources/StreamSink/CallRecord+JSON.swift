extension JSONValue {
    /// A string, or `null`.
    init(_ text: String?) {
        self = text.map(JSONValue.string) ?? .null
    }

    /// A map of strings, in order.
    init(map: [(name: String, value: String)]) {
        self = .object(map.map { Member($0.name, .string($0.value)) })
    }
}

extension CallRecord {
    /// The journal's content.
    var json: JSONValue {
        .object([
            .init("journalVersion", .integer(1)), .init("region", .string(region)),
            .init("accountId", .string(accountID)), .init("transactionId", .string(transactionID)),
            .init("callId", .string(callID)), .init("voiceConnectorId", .string(connectorID)),
            .init("direction", .string(direction.rawValue)), .init("fromNumber", .string(fromNumber)),
            .init("toNumber", .string(toNumber)), .init("sipAuthUser", JSONValue(sipAuthUser)),
            .init("startTime", .integer(startedAtMilliseconds)), .init("inviteHeaders", JSONValue(map: inviteHeaders)),
            .init("siprecMetadata", JSONValue(siprecMetadata)), .init("metadataStatus", JSONValue(metadataStatus)),
            .init("sourceCountry", JSONValue(sourceCountry)),
            .init("destinationCountry", JSONValue(destinationCountry)), .init("sourceName", JSONValue(sourceName)),
            .init("destinationName", JSONValue(destinationName)), .init("legs", .array(legs.map(\.json))),
        ])
    }

    /// Reads a journal's content.
    init(parsing bytes: [UInt8]) throws(CallJournalError) {
        let json: JSONValue
        do throws(JSONError) { json = try JSONValue(parsing: bytes) } catch { throw .notJSON(error) }
        func text(_ name: String) throws(CallJournalError) -> String {
            guard let value = json[name]?.stringValue else { throw .missing(name) }
            return value
        }
        guard json["journalVersion"]?.integerValue == 1 else { throw .missing("journalVersion") }
        guard let direction = Direction(rawValue: try text("direction")) else { throw .missing("direction") }
        guard let start = json["startTime"]?.integerValue, start >= 0, start < 1 << 50 else {
            throw .missing("startTime")
        }
        let transactionID = try text("transactionId")
        let connectorID = try text("voiceConnectorId")
        // Both become parts of paths.
        guard FragmentStore.isPathSafe(transactionID) else { throw .missing("transactionId") }
        guard FragmentStore.isPathSafe(connectorID) else { throw .missing("voiceConnectorId") }
        self.init(
            region: try text("region"), accountID: try text("accountId"), transactionID: transactionID,
            callID: try text("callId"), connectorID: connectorID, direction: direction,
            fromNumber: try text("fromNumber"), toNumber: try text("toNumber"), startedAtMilliseconds: start)
        sipAuthUser = json["sipAuthUser"]?.stringValue
        inviteHeaders = (json["inviteHeaders"]?.members ?? []).map { ($0.name, $0.value.stringValue ?? "") }
        siprecMetadata = json["siprecMetadata"]?.stringValue
        metadataStatus = json["metadataStatus"]?.stringValue
        sourceCountry = json["sourceCountry"]?.stringValue
        destinationCountry = json["destinationCountry"]?.stringValue
        sourceName = json["sourceName"]?.stringValue
        destinationName = json["destinationName"]?.stringValue
        for leg in json["legs"]?.arrayValue ?? [] { legs.append(try LegRecord(json: leg)) }
    }
}

extension LegRecord {
    fileprivate var json: JSONValue {
        .object([
            .init("streamName", .string(streamName)), .init("streamArn", .string(streamARN)),
            .init("path", .string(relativePath)), .init("isCaller", isCaller.map(JSONValue.bool) ?? .null),
            .init("roleRule", JSONValue(roleRule)), .init("mediaIndex", .integer(Int64(mediaIndex))),
            .init("mediaLabel", JSONValue(mediaLabel)), .init("startTime", .integer(startedAtMilliseconds)),
            .init("startFragmentNumber", .string(startFragmentNumber.description)),
            .init("endFragmentNumber", JSONValue(endFragmentNumber?.description)), .init("format", format.json),
            .init("quality", quality.json),
        ])
    }

    fileprivate init(json: JSONValue) throws(CallJournalError) {
        func text(_ name: String) throws(CallJournalError) -> String {
            guard let value = json[name]?.stringValue else { throw .missing("legs.\(name)") }
            return value
        }
        let path = try text("path")
        // The path is read from a file and then cut and written to: nothing outside the streams.
        guard path.hasPrefix("streams/"), !path.contains("/../"), !path.hasSuffix("/..") else {
            throw .missing("legs.path")
        }
        guard let number = FragmentNumber(try text("startFragmentNumber")) else {
            throw .missing("legs.startFragmentNumber")
        }
        guard let start = json["startTime"]?.integerValue, start >= 0, start < 1 << 50,
            let index = json["mediaIndex"]?.integerValue.flatMap(Int.init(exactly:))
        else { throw .missing("legs.startTime") }
        self.init(
            streamName: try text("streamName"), streamARN: try text("streamArn"), relativePath: path,
            isCaller: json["isCaller"]?.boolValue, roleRule: json["roleRule"]?.stringValue, mediaIndex: index,
            mediaLabel: json["mediaLabel"]?.stringValue, startedAtMilliseconds: start, startFragmentNumber: number,
            format: json["format"].flatMap { StreamFormat(json: $0) } ?? .pcm(sampleRate: 8000))
        endFragmentNumber = json["endFragmentNumber"]?.stringValue.flatMap { FragmentNumber($0) }
        if let quality = json["quality"] { self.quality = LegQuality(json: quality) }
    }
}
