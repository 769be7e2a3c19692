import AccessKeys
import Hummingbird
import Logging
import NIOCore
import StreamSink

/// Archived media: what fragments there are, and their bytes.
extension KinesisVideoRoutes {
    func registerArchive(on router: Router<InterfaceContext>) {
        operation("/listFragments", .listStreams, on: router) { fields, _ in try listFragments(fields) }
        router.post("/getMediaForFragmentList") { request, context in
            try await getMediaForFragmentList(request, context)
        }
        router.post("/getClip") { request, context in try await getClip(request, context) }
    }

    private func listFragments(_ fields: RequestFields) throws -> JSONValue {
        let limit = try fields.integer("MaxResults", 1...1000) ?? 100
        let range: FragmentRange =
            if let selector = try fields.fields("FragmentSelector") {
                try FragmentSelector.read(selector, range: "TimestampRange")
            } else {
                .all
            }
        var after: FragmentNumber?
        if let token = try fields.text("NextToken", longest: 4096) {
            guard let number = FragmentNumber(try PageToken.name(token)) else {
                throw ServiceError.invalidArgument("NextToken is none of this operation's. Start again without it.")
            }
            after = number
        }
        let found = try library.fragments(fields.stream(), range: range, after: after, limit: limit + 1)
        let page = found.prefix(limit)
        var answer: [JSONValue.Member] = [.init("Fragments", .array(page.map(\.json)))]
        if found.count > limit, let last = page.last {
            answer.append(.init("NextToken", .string(PageToken.text(last.number.description))))
        }
        return .object(answer)
    }

    /// The chunks in the order of the request; without the tags that only a running read has.
    private func getMediaForFragmentList(_ request: Request, _ context: InterfaceContext) async throws -> Response {
        var context = context
        let bytes = try await gate.bytes(of: request, for: .readMedia, context: &context)
        let fields = try RequestFields(bytes)
        guard let texts = try fields.texts("Fragments", 1...1000, longest: 128) else {
            throw fields.missing("Fragments")
        }
        let stream = try library.stream(fields.stream())
        var fragments: [StoredFragment] = []
        for text in texts {
            guard let number = FragmentNumber(text) else {
                throw ServiceError.invalidArgument("Fragments must hold fragment numbers of 47 digits.")
            }
            guard let fragment = try library.fragment(.arn(stream.arn), number: number) else {
                throw ServiceError.notFound("The stream \(stream.name) has no fragment \(number).")
            }
            fragments.append(fragment)
        }
        let place = try readerPlace(stream.name)
        let (library, counters, logger) = (library, counters, context.logger)
        let (permission, interval) = (context.permission, settings.limits.permissionTime)
        return Self.media { [fragments] writer in
            _ = place
            var watch = PermissionWatch(permission, every: interval)
            for fragment in fragments {
                guard watch.holds() else {
                    counters.add(\.revokedAnswers)
                    break
                }
                do {
                    let bytes = try library.bytes(of: fragment)
                    counters.add(\.mediaBytes, bytes.header.count + bytes.body.count)
                    counters.add(\.mediaFragments)
                    try await writer.write(ByteBuffer(bytes: bytes.header))
                    try await writer.write(ByteBuffer(bytes: bytes.body))
                } catch let error as StreamLibraryError {
                    // Deleted or damaged since it was found: told in the body, and the rest is not sent.
                    logger.warning(
                        "A fragment could not be read",
                        metadata: ["fragment": "\(fragment.number)", "error": "\(error)"])
                    let tags = MediaTag.element([
                        MediaTag(MediaTag.exceptionCode, "4000"),
                        MediaTag(MediaTag.exceptionMessage, "Fragment \(fragment.number) could not be read."),
                    ])
                    try await writer.write(ByteBuffer(bytes: tags))
                    break
                }
            }
            try await writer.finish(nil)
        }
    }
}

extension StoredFragment {
    /// The fragment as a member of `Fragments`.
    var json: JSONValue {
        .object([
            .init("FragmentNumber", .string(number.description)),
            .init("FragmentSizeInBytes", .integer(Int64(bytes))),
            .init("ProducerTimestamp", .epochSeconds(producerMilliseconds)),
            .init("ServerTimestamp", .epochSeconds(serverMilliseconds)),
            .init("FragmentLengthInMilliseconds", .integer(durationMilliseconds)),
        ])
    }
}
