/// An event about a call's streams, in the envelope of EventBridge.
public struct StreamingEvent: Sendable, Equatable {
    /// `STARTED`, `UPDATED`, `ENDED` or `FAILED`; `DIGIT` for the one event that is ours alone.
    public let status: String
    /// The whole event.
    public let json: JSONValue

    /// One line with its line end, for the event log.
    public var line: [UInt8] { json.bytes + [UInt8(ascii: "\n")] }

    /// A leg's stream has its first fragment.
    /// - Parameters:
    ///   - id: the event's UUID.
    ///   - at: when the event was made.
    public static func started(_ call: CallRecord, leg: LegRecord, at time: UTCTime, id: String) -> Self {
        var detail = callMembers(call, leg: leg)
        detail.append(.init("startFragmentNumber", .string(leg.startFragmentNumber.description)))
        detail.append(.init("startTime", .string(UTCTime(milliseconds: leg.startedAtMilliseconds).isoMilliseconds)))
        detail.append(.init("streamArn", .string(leg.streamARN)))
        detail += tail(call, status: "STARTED")
        return make("STARTED", call, detail + ownMembers(call, leg: leg), at: time, id: id)
    }

    /// The recording session was changed by a re-INVITE or an UPDATE.
    /// - Parameter headers: of that request, names in lower case.
    public static func updated(
        _ call: CallRecord, headers: [(name: String, value: String)], siprecMetadata: String?, at time: UTCTime,
        id: String
    ) -> Self {
        var detail: [JSONValue.Member] = [
            .init("callId", .string(call.callID)), .init("updateHeaders", JSONValue(map: headers)),
        ]
        if let siprecMetadata { detail.append(.init("siprecMetadata", .string(siprecMetadata))) }
        detail += [
            .init("streamingStatus", .string("UPDATED")), .init("transactionId", .string(call.transactionID)),
            .init("version", .string("0")), .init("voiceConnectorId", .string(call.connectorID)),
        ]
        if let status = call.metadataStatus { detail.append(.init("metadataStatus", .string(status))) }
        return make("UPDATED", call, detail, at: time, id: id)
    }

    /// A leg's stream is closed.
    /// - Parameters:
    ///   - endTime: the end of its time line.
    ///   - endReason: ours: why it ended, e.g. `Interrupted`.
    public static func ended(
        _ call: CallRecord, leg: LegRecord, endTime: UTCTime, endReason: String?, at time: UTCTime, id: String
    ) -> Self {
        var detail = callMembers(call, leg: leg)
        // Nothing written: the number that was announced is the only one there is.
        let current = leg.endFragmentNumber ?? leg.startFragmentNumber
        detail += [
            .init("startFragmentNumber", .string(leg.startFragmentNumber.description)),
            .init("currentFragmentNumber", .string(current.description)),
            .init("startTime", .string(UTCTime(milliseconds: leg.startedAtMilliseconds).isoMilliseconds)),
            .init("endTime", .string(endTime.isoMilliseconds)), .init("streamArn", .string(leg.streamARN)),
        ]
        detail += tail(call, status: "ENDED") + ownMembers(call, leg: leg)
        if let endReason { detail.append(.init("endReason", .string(endReason))) }
        return make("ENDED", call, detail, at: time, id: id)
    }

    /// The call could not be streamed.
    public static func failed(
        _ call: CallRecord, failTime: UTCTime, reason: String = "Internal failure", at time: UTCTime, id: String
    ) -> Self {
        let detail: [JSONValue.Member] = [
            .init("streamingStatus", .string("FAILED")), .init("voiceConnectorId", .string(call.connectorID)),
            .init("transactionId", .string(call.transactionID)), .init("callId", .string(call.callID)),
            .init("direction", .string(call.direction.rawValue)), .init("failTime", .string(failTime.isoMilliseconds)),
            .init("failureReason", .string(reason)), .init("version", .string("0")),
        ]
        return make("FAILED", call, detail, at: time, id: id)
    }

    /// A digit was heard as a telephone event (RFC 4733). An event of Earshot's own, with a source and a type of its own so
    /// that rules for the service's events never match it. Not to be posted when digits are redacted.
    /// - Parameters:
    ///   - digit: `0` to `9`, `*`, `#`, `A` to `D`.
    ///   - offsetMilliseconds: where it began, from the stream's first sample on.
    ///   - durationMilliseconds: how long it was held.
    public static func digit(
        _ call: CallRecord, leg: LegRecord, digit: String, offsetMilliseconds: Int64, durationMilliseconds: Int64,
        at time: UTCTime, id: String
    ) -> Self {
        var detail: [JSONValue.Member] = [.init("callId", .string(call.callID)), .init("digit", .string(digit))]
        detail += [
            .init("durationMilliseconds", .integer(durationMilliseconds)),
            .init("offsetMilliseconds", .integer(offsetMilliseconds)),
        ]
        if let isCaller = leg.isCaller { detail.append(.init("isCaller", .bool(isCaller))) }
        detail += [
            .init("sdp", sdp(leg)), .init("streamArn", .string(leg.streamARN)),
            .init("transactionId", .string(call.transactionID)),
            .init("voiceConnectorId", .string(call.connectorID)), .init("version", .string("0")),
        ]
        return make("DIGIT", call, detail, at: time, id: id, type: "Earshot Telephone Event", source: "earshot")
    }

    private static func sdp(_ leg: LegRecord) -> JSONValue {
        var members: [JSONValue.Member] = [.init("mediaIndex", .integer(Int64(leg.mediaIndex)))]
        if let label = leg.mediaLabel { members.append(.init("mediaLabel", .string(label))) }
        return .object(members)
    }

    private static func callMembers(_ call: CallRecord, leg: LegRecord) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = [
            .init("callId", .string(call.callID)), .init("direction", .string(call.direction.rawValue)),
            .init("fromNumber", .string(call.fromNumber)),
        ]
        if !call.inviteHeaders.isEmpty { members.append(.init("inviteHeaders", JSONValue(map: call.inviteHeaders))) }
        if let isCaller = leg.isCaller { members.append(.init("isCaller", .bool(isCaller))) }
        members.append(.init("mediaType", .string(leg.format.mediaType)))
        members.append(.init("sdp", sdp(leg)))
        if let metadata = call.siprecMetadata { members.append(.init("siprecMetadata", .string(metadata))) }
        return members
    }

    private static func tail(_ call: CallRecord, status: String) -> [JSONValue.Member] {
        [
            .init("toNumber", .string(call.toNumber)), .init("transactionId", .string(call.transactionID)),
            .init("voiceConnectorId", .string(call.connectorID)), .init("streamingStatus", .string(status)),
            .init("version", .string("0")),
        ]
    }

    /// What the service this stands in for does not say; readers ignore members they do not know.
    private static func ownMembers(_ call: CallRecord, leg: LegRecord) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        if leg.format != .pcm(sampleRate: 8000) { members.append(.init("format", .string(leg.format.name))) }
        if let rule = leg.roleRule { members.append(.init("roleRule", .string(rule))) }
        if let status = call.metadataStatus { members.append(.init("metadataStatus", .string(status))) }
        return members
    }

    private static func make(
        _ status: String, _ call: CallRecord, _ detail: [JSONValue.Member], at time: UTCTime, id: String,
        type: String = "Chime VoiceConnector Streaming Status", source: String = "aws.chime"
    ) -> Self {
        StreamingEvent(
            status: status,
            json: .object([
                .init("version", .string("0")), .init("id", .string(id)),
                .init("detail-type", .string(type)),
                .init("source", .string(source)), .init("account", .string(call.accountID)),
                .init("time", .string(time.isoSeconds)), .init("region", .string(call.region)),
                .init("resources", .array([])), .init("detail", .object(detail)),
            ]))
    }
}
