import AccessKeys
import Hummingbird
import StreamSink

/// The control plane: streams and endpoints.
extension KinesisVideoRoutes {
    private enum Retention: String, CaseIterable {
        case increase = "INCREASE_DATA_RETENTION"
        case decrease = "DECREASE_DATA_RETENTION"
    }

    private enum Comparison: String, CaseIterable { case beginsWith = "BEGINS_WITH" }

    private enum EndpointName: String, CaseIterable {
        case putMedia = "PUT_MEDIA"
        case getMedia = "GET_MEDIA"
        case listFragments = "LIST_FRAGMENTS"
        case getMediaForFragmentList = "GET_MEDIA_FOR_FRAGMENT_LIST"
        case getHLSStreamingSessionURL = "GET_HLS_STREAMING_SESSION_URL"
        case getDASHStreamingSessionURL = "GET_DASH_STREAMING_SESSION_URL"
        case getClip = "GET_CLIP"
        case getImages = "GET_IMAGES"
    }

    private static let longestRetention = StreamLibrary.maximumRetentionHours

    func registerStreams(on router: Router<InterfaceContext>) {
        let library = library
        let settings = settings
        operation("/createStream", .manageStreams, on: router) { fields, _ in
            let name = try fields.requiredText("StreamName", longest: 256, allowed: RequestFields.isNameByte)
            let request = NewStream(
                name: name,
                deviceName: try fields.text("DeviceName", longest: 128, allowed: RequestFields.isNameByte),
                mediaType: try fields.text("MediaType", longest: 128),
                kmsKeyID: try fields.text("KmsKeyId", longest: 2048),
                retentionHours: try fields.integer("DataRetentionInHours", 0...Self.longestRetention) ?? 0,
                tags: try fields.streamTags(fields.textMap("Tags")) ?? [:])
            let stream = try library.create(request)
            return .object([.init("StreamARN", .string(stream.arn))])
        }
        operation("/describeStream", .listStreams, on: router) { fields, _ in
            .object([.init("StreamInfo", try library.stream(fields.stream()).json)])
        }
        operation("/listStreams", .listStreams, on: router) { fields, _ in try listStreams(fields) }
        operation("/deleteStream", .manageStreams, on: router) { fields, _ in
            let stream = try fields.stream(arnOnly: true)
            try library.delete(stream, currentVersion: try fields.text("CurrentVersion", longest: 64))
            return .object([])
        }
        operation("/updateStream", .manageStreams, on: router) { fields, _ in
            _ = try library.update(
                fields.stream(), currentVersion: try fields.requiredText("CurrentVersion", longest: 64),
                deviceName: try fields.text("DeviceName", longest: 128, allowed: RequestFields.isNameByte),
                mediaType: try fields.text("MediaType", longest: 128))
            return .object([])
        }
        operation("/updateDataRetention", .manageStreams, on: router) { fields, _ in
            let stream = try fields.stream()
            let version = try fields.requiredText("CurrentVersion", longest: 64)
            guard let retention = try fields.word("Operation", Retention.self) else {
                throw fields.missing("Operation")
            }
            guard let hours = try fields.integer("DataRetentionChangeInHours", 1...Self.longestRetention) else {
                throw fields.missing("DataRetentionChangeInHours")
            }
            _ = try library.changeRetention(
                stream, currentVersion: version, byHours: retention == .increase ? hours : -hours)
            return .object([])
        }
        operation("/getDataEndpoint", .listStreams, on: router) { fields, request in
            // An unknown stream must fail here, not at the first read.
            _ = try library.stream(fields.stream())
            guard try fields.word("APIName", EndpointName.self) != nil else { throw fields.missing("APIName") }
            return .object([.init("DataEndpoint", .string(request.baseURL(settings)))])
        }
    }

    private func listStreams(_ fields: RequestFields) throws -> JSONValue {
        let limit = try fields.integer("MaxResults", 1...10_000) ?? 10_000
        let token = try fields.text("NextToken", longest: 512)
        var prefix: String?
        if let condition = try fields.fields("StreamNameCondition") {
            _ = try condition.word("ComparisonOperator", Comparison.self)
            prefix = try condition.text("ComparisonValue", longest: 256, allowed: RequestFields.isNameByte)
        }
        let after = try token.map { try PageToken.name($0) }
        // One more than asked for tells whether there is another page.
        let streams = library.streams(namePrefix: prefix, after: after, limit: limit + 1)
        var answer: [JSONValue.Member] = [.init("StreamInfoList", .array(streams.prefix(limit).map(\.json)))]
        if streams.count > limit, let last = streams.prefix(limit).last {
            answer.append(.init("NextToken", .string(PageToken.text(last.name))))
        }
        return .object(answer)
    }
}

/// Tokens of the next page: where the last one ended, marked so that nobody takes them for anything else.
enum PageToken {
    private static let mark = "after."

    static func text(_ last: String) -> String { mark + last }

    static func name(_ token: String) throws(ServiceError) -> String {
        guard token.hasPrefix(mark), token.utf8.count > mark.utf8.count else {
            throw .invalidArgument("NextToken is none of this operation's. Start again without it.")
        }
        return String(token.dropFirst(mark.count))
    }
}
