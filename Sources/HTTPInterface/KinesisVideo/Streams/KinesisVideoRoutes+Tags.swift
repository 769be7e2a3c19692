import AccessKeys
import Hummingbird
import StreamSink

/// Tags of streams, in both families of operations: by stream, and by resource (capital first letter in the path).
extension KinesisVideoRoutes {
    func registerTags(on router: Router<InterfaceContext>) {
        let library = library
        operation("/tagStream", .manageStreams, on: router) { fields, _ in
            guard let tags = try fields.streamTags(fields.textMap("Tags")) else { throw fields.missing("Tags") }
            try library.tag(fields.stream(), tags)
            return .object([])
        }
        operation("/untagStream", .manageStreams, on: router) { fields, _ in
            guard let keys = try fields.texts("TagKeyList", 1...50, longest: 128 * 4) else {
                throw fields.missing("TagKeyList")
            }
            try library.untag(fields.stream(), keys)
            return .object([])
        }
        operation("/listTagsForStream", .listStreams, on: router) { fields, _ in
            try tagPage(of: fields.stream(), fields)
        }
        operation("/TagResource", .manageStreams, on: router) { fields, _ in
            let resource = try Self.resource(fields)
            try library.tag(resource, try fields.resourceTags())
            return .object([])
        }
        operation("/UntagResource", .manageStreams, on: router) { fields, _ in
            let resource = try Self.resource(fields)
            guard let keys = try fields.texts("TagKeyList", 1...50, longest: 128 * 4) else {
                throw fields.missing("TagKeyList")
            }
            try library.untag(resource, keys)
            return .object([])
        }
        operation("/ListTagsForResource", .listStreams, on: router) { fields, _ in
            try tagPage(of: Self.resource(fields), fields)
        }
    }

    private static func resource(_ fields: RequestFields) throws(ServiceError) -> StreamReference {
        .arn(try fields.requiredText("ResourceARN", longest: 1024))
    }

    /// All tags of a stream: there are at most 50, so a page holds them all and there is never a next one.
    private func tagPage(of stream: StreamReference, _ fields: RequestFields) throws -> JSONValue {
        _ = try fields.text("NextToken", longest: 512)
        let tags = try library.stream(stream).tags.sorted { $0.key < $1.key }
        return .object([.init("Tags", .object(tags.map { .init($0.key, .string($0.value)) }))])
    }
}
