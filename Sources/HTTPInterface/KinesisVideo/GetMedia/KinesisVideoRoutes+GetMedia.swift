import AccessKeys
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import StreamSink

extension KinesisVideoRoutes {
    /// GetMedia: 200 at once, then fragments until none came for ``HTTPLimits/tailTime``.
    func getMedia(_ request: Request, _ context: InterfaceContext) async throws -> Response {
        var context = context
        let bytes = try await gate.bytes(of: request, for: .readMedia, context: &context)
        let fields = try RequestFields(bytes)
        let start = try StartSelector.read(fields)
        let delivery = try Self.delivery(request)
        // The stream's own name, so that a name and an ARN count against the same limit.
        let stream = try library.stream(fields.stream())
        let place = try readerPlace(stream.name)
        let (library, limits, counters, logger) = (library, settings.limits, counters, context.logger)
        let permission = context.permission
        return Self.media { writer in
            // The place is given back when this closure is, whether it ran or not.
            _ = place
            counters.add(\.mediaReaders)
            counters.add(\.openMediaReaders)
            defer { counters.add(\.openMediaReaders, -1) }
            var sender = MediaSender(
                delivery: delivery, limits: limits, counters: counters,
                watch: PermissionWatch(permission, every: limits.permissionTime))
            do {
                let follower = try library.follow(.arn(stream.arn), from: start)
                try await sender.send(from: follower, to: &writer)
            } catch let error as StreamLibraryError {
                // The status is out already: the error goes into the body.
                logger.warning(
                    "GetMedia ended by an error", metadata: ["stream": "\(stream.name)", "error": "\(error)"])
                try await sender.fail(error, to: &writer)
            }
            try await writer.finish(nil)
        }
    }

    /// A reader's place on a stream, for as long as its answer lasts.
    func readerPlace(_ name: String) throws(ServiceError) -> ConnectionQuota.Place {
        guard let place = readers.enter(name) else {
            counters.add(\.limitedCalls)
            throw .connectionLimit(
                "\(settings.limits.readersPerStream) readers are on the stream \(name). Close one, or ask again later.")
        }
        return place
    }

    /// A 200 with a Matroska body of unknown length.
    static func media(_ write: @escaping @Sendable (inout any ResponseBodyWriter) async throws -> Void) -> Response {
        Response(
            status: .ok, headers: [.contentType: "video/webm"],
            body: .init { writer in
                try await withTaskExecutorPreference(FileReadingExecutor.shared) { try await write(&writer) }
            })
    }

    private static func delivery(_ request: Request) throws(ServiceError) -> FragmentDelivery {
        let word = request.headers[.earshotFragments] ?? request.queryValue("x-earshot-fragments")
        guard let word else { return .partial }
        guard let delivery = FragmentDelivery(rawValue: word.lowercased()) else {
            throw .invalidArgument("x-earshot-fragments must be 'partial' or 'whole'.")
        }
        return delivery
    }
}
