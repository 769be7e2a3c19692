/// How a call ended, as the records say it.
public struct CallOutcome: Sendable, Equatable {
    /// `Completed` or `Failed`.
    public var status: String
    /// The call detail record's explanation.
    public var callMessage: String
    /// The streaming detail record's explanation.
    public var streamingMessage: String
    /// The ENDED event's reason; `nil` for an ordinary end.
    public var endReason: String?

    /// Makes an outcome.
    public init(status: String, callMessage: String, streamingMessage: String, endReason: String? = nil) {
        self.status = status
        self.callMessage = callMessage
        self.streamingMessage = streamingMessage
        self.endReason = endReason
    }

    /// The caller or the callee hung up.
    public static let completed = CallOutcome(
        status: "Completed", callMessage: "Normal Call Clearing", streamingMessage: "Streaming succeeded")

    /// The service stopped during the call.
    public static let interrupted = CallOutcome(
        status: "Failed", callMessage: "Interrupted: the service stopped during the call",
        streamingMessage: "Interrupted: the service stopped during the call", endReason: "Interrupted")

    /// The call could not be recorded to its end.
    public static func failed(_ message: String) -> CallOutcome {
        CallOutcome(status: "Failed", callMessage: message, streamingMessage: message, endReason: "Failed")
    }
}

/// The short region codes in usage types.
enum RegionCode {
    private static let codes = [
        "us-east-1": "USE1", "us-east-2": "USE2", "us-west-1": "USW1", "us-west-2": "USW2", "ca-central-1": "CAN1",
        "eu-west-1": "EU", "eu-west-2": "EUW2", "eu-central-1": "EUC1", "ap-southeast-1": "APS1",
        "ap-southeast-2": "APS2", "ap-northeast-1": "APN1", "ap-northeast-2": "APN2",
    ]

    /// The code; of an unknown region its name without hyphens in upper case.
    static func code(_ region: String) -> String {
        codes[region] ?? region.uppercased().filter { $0 != "-" }
    }
}

extension CallRecord {
    /// The objects' suffix that a call's records share: `<yyyy>/<mm>/<dd>/<HH.MM.SS.mmm>_<transactionId>`.
    var objectSuffix: String {
        let start = UTCTime(milliseconds: startedAtMilliseconds)
        return "\(start.dateFolder)/\(start.objectTime)_\(transactionID)"
    }

    /// Seconds billed: from start to end, up to the next 6 seconds; 0 when the call never had any length.
    func billableSeconds(until end: UTCTime) -> Int64 {
        let milliseconds = max(0, end.milliseconds - startedAtMilliseconds)
        return (milliseconds + 5999) / 6000 * 6
    }
}

/// One call detail record.
public struct CallDetailRecord: Sendable, Equatable {
    /// The object's key.
    public let key: String
    /// The object's content.
    public let json: JSONValue

    /// Makes a call's record.
    public init(_ call: CallRecord, outcome: CallOutcome, endedAt end: UTCTime) {
        let seconds = call.billableSeconds(until: end)
        let region = RegionCode.code(call.region)
        let source = call.sourceCountry ?? ""
        let destination = call.destinationCountry ?? ""
        let usageType =
            switch call.direction {
            case .inbound: "\(region)-\(destination.isEmpty ? "US" : destination)-inbound-minutes"
            case .outbound:
                "\(region)-\(source.isEmpty ? "US" : source)-\(destination.isEmpty ? "US" : destination)-outbound-minutes"
            }
        var members: [JSONValue.Member] = [
            .init("AwsAccountId", .string(call.accountID)), .init("TransactionId", .string(call.transactionID)),
            .init("CallId", .string(call.callID)), .init("VoiceConnectorId", .string(call.connectorID)),
            .init("Status", .string(outcome.status)), .init("StatusMessage", .string(outcome.callMessage)),
        ]
        if let user = call.sipAuthUser { members.append(.init("SipAuthUser", .string(user))) }
        members += [
            .init("BillableDurationSeconds", .integer(seconds)),
            // With a decimal point always: importers drop a bare whole number.
            .init("BillableDurationMinutes", .decimal(Double(seconds) / 60)), .init("SchemaVersion", .string("2.0")),
            .init("SourcePhoneNumber", .string(call.fromNumber)),
            .init("SourcePhoneNumberName", .string(call.sourceName ?? "")), .init("SourceCountry", .string(source)),
            .init("DestinationPhoneNumber", .string(call.toNumber)),
            .init("DestinationPhoneNumberName", .string(call.destinationName ?? "")),
            .init("DestinationCountry", .string(destination)), .init("UsageType", .string(usageType)),
            .init("ServiceCode", .string("AmazonChimeVoiceConnector")),
            .init("Direction", .string(call.direction.rawValue)),
            .init("StartTimeEpochSeconds", .integer(UTCTime(milliseconds: call.startedAtMilliseconds).epochSeconds)),
            .init("EndTimeEpochSeconds", .integer(end.epochSeconds)), .init("Region", .string(call.region)),
            .init("Streaming", .bool(!call.legs.isEmpty)),
        ]
        key = "Amazon-Chime-Voice-Connector-CDRs/json/\(call.connectorID)/\(call.objectSuffix)"
        json = .object(members)
    }
}

/// One streaming detail record, with the quality of every leg.
public struct StreamingDetailRecord: Sendable, Equatable {
    /// The object's key; its suffix is the call detail record's.
    public let key: String
    /// The object's content.
    public let json: JSONValue

    /// Makes a call's record.
    public init(_ call: CallRecord, outcome: CallOutcome, endedAt end: UTCTime) {
        let region = RegionCode.code(call.region)
        key = "Amazon-Chime-Voice-Connector-SDRs/json/\(call.connectorID)/\(call.objectSuffix)"
        json = .object([
            .init("SchemaVersion", .string("1.0")), .init("AwsAccountId", .string(call.accountID)),
            .init("TransactionId", .string(call.transactionID)), .init("CallId", .string(call.callID)),
            .init("VoiceConnectorId", .string(call.connectorID)),
            .init("StartTimeEpochSeconds", .integer(UTCTime(milliseconds: call.startedAtMilliseconds).epochSeconds)),
            .init("EndTimeEpochSeconds", .integer(end.epochSeconds)), .init("Status", .string(outcome.status)),
            .init("StatusMessage", .string(outcome.streamingMessage)), .init("ServiceCode", .string("AmazonChime")),
            .init("UsageType", .string("\(region)-VC-kinesis-audio-streaming")),
            .init("BillableDurationSeconds", .integer(call.billableSeconds(until: end))),
            .init("Region", .string(call.region)), .init("Legs", .array(call.legs.map(Self.leg))),
        ])
    }

    private static func leg(_ leg: LegRecord) -> JSONValue {
        .object(
            [
                .init("StreamName", .string(leg.streamName)), .init("StreamArn", .string(leg.streamARN)),
                .init("IsCaller", leg.isCaller.map(JSONValue.bool) ?? .null),
                .init("MediaIndex", .integer(Int64(leg.mediaIndex))), .init("MediaLabel", JSONValue(leg.mediaLabel)),
                .init("StartFragmentNumber", .string(leg.startFragmentNumber.description)),
                .init("EndFragmentNumber", JSONValue(leg.endFragmentNumber?.description)),
            ] + leg.quality.members + leg.format.members)
    }
}
