import AccessKeys
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import RequestSigning
import ServiceLifecycle
import StreamSink

extension KinesisVideoRoutes {
    /// PutMedia: 200 at once, and acknowledgments while the body is still coming. A body whose hash is signed is taken
    /// whole first (``HeldBody``).
    func putMedia(_ request: Request, _ context: InterfaceContext) async throws -> Response {
        var context = context
        let verified = try await gate.admit(request, for: .writeMedia, context: &context)
        let head = try PutMediaHead(request.headers)
        let stream = try library.stream(head.stream)
        guard let place = producers.enter(stream.name) else {
            counters.add(\.limitedCalls)
            throw ServiceError.connectionLimit(
                "A producer writes into \(stream.name) already, or \(settings.limits.ingests) producers write.")
        }
        let body = try await source(of: request, verified, context.permission)
        let ingest = try library.openIngest(.arn(stream.arn))
        let (limits, counters, logger) = (settings.limits, counters, context.logger)
        let permission = context.permission
        return Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: .init { writer in
                // Both are given back when this closure is, whether it ran or not.
                defer { ingest.close() }
                let lines = AcknowledgmentLines()
                let activity = ProducerActivity()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask(executorPreference: FileReadingExecutor.shared) {
                        defer { lines.finish() }
                        let session = ProducerSession(
                            ingest: ingest, head: head, persists: stream.retentionHours > 0, limits: limits,
                            counters: counters, logger: logger)
                        await Self.read(body, into: session, lines, activity)
                    }
                    group.addTask(executorPreference: FileReadingExecutor.shared) {
                        let watch = PermissionWatch(permission, every: limits.permissionTime)
                        await Self.watch(activity, limits, watch, counters, lines)
                    }
                    for await line in lines.stream {
                        try await writer.write(ByteBuffer(bytes: line))
                        lines.noteWritten()
                    }
                    group.cancelAll()
                }
                // Before the answer's end: a producer may come again as soon as it has that.
                ingest.close()
                place.release()
                try await writer.finish(nil)
            })
    }

    /// Where the media comes from.
    private enum MediaSource: Sendable {
        case live(RequestBody, VerifiedRequest?)
        /// A body that was taken whole, and is the one that was signed; and the room that it takes.
        case whole([UInt8], HeldBytes.Room)
    }

    private func source(
        of request: Request, _ verified: VerifiedRequest?, _ permission: Permission?
    ) async throws -> MediaSource {
        guard let verified, case .hash = verified.payload else { return .live(request.body, verified) }
        let limits = settings.limits
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limits.heldBodyBytes {
            counters.add(\.oversizedBodies)
            throw HeldBody.tooLarge(limits.heldBodyBytes)
        }
        let activity = ProducerActivity()
        let (body, room) = (request.body, heldBytes.room())
        let bytes = try await withThrowingTaskGroup(of: [UInt8].self) { group in
            group.addTask {
                var held = HeldBody(claim: verified.payload, limit: limits.heldBodyBytes, room: room)
                for try await piece in body {
                    activity.note()
                    try held.append(Array(piece.readableBytesView))
                }
                return try held.whole()
            }
            group.addTask {
                while activity.quietTime < limits.ingestIdleEnd {
                    if Task.isShuttingDownGracefully { throw ServiceError.stopping }
                    try await Task.sleep(for: .milliseconds(200))
                }
                throw ServiceError.timeout
            }
            defer { group.cancelAll() }
            return try await group.next() ?? []
        }
        // It may have taken long.
        guard permission?.holds == true else {
            counters.add(\.revokedAnswers)
            throw ServiceError.accessDenied("The access key was revoked while the body came.")
        }
        return .whole(bytes, room)
    }

    private static func read(
        _ source: MediaSource, into session: consuming ProducerSession, _ lines: AcknowledgmentLines,
        _ activity: ProducerActivity
    ) async {
        /// The most that is taken before the answer is looked after, bytes: some hundred fragments of the smallest size.
        let pieceBytes = 16 * 1024
        var session = session
        let send: (Acknowledgment) -> Void = { lines.send($0) }
        do {
            switch source {
            case .live(let body, let verified):
                var chunks = ChunkedBody(verified)
                for try await buffer in body {
                    activity.note()
                    await lines.settle()
                    guard session.receive(try chunks.plain(buffer), send), lines.isOpen else { return }
                }
                try chunks.finish()
            case .whole(let bytes, let room):
                var rest = bytes[...]
                while !rest.isEmpty {
                    activity.note()
                    await lines.settle()
                    guard session.receive(rest.prefix(pieceBytes), send), lines.isOpen else { return }
                    rest = rest.dropFirst(pieceBytes)
                }
                withExtendedLifetime(room) {}
            }
            // The idle time's end, or the service's.
            guard !Task.isCancelled else { return }
            _ = session.finish(send)
        } catch {
            // The connection broke, or a chunk's signature is wrong: nobody can be told but by this.
            session.fail(.readError, send)
        }
    }

    /// Says IDLE, and ends the body of a producer that sends nothing any more, whose access key was revoked, or when
    /// the service stops.
    private static func watch(
        _ activity: ProducerActivity, _ limits: HTTPLimits, _ permission: PermissionWatch, _ counters: HTTPCounters,
        _ lines: AcknowledgmentLines
    ) async {
        var permission = permission
        var told: Duration = .zero
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(200))
            let quiet = activity.quietTime
            if Task.isShuttingDownGracefully || quiet >= limits.ingestIdleEnd { return lines.finish() }
            guard permission.holds() else {
                counters.add(\.revokedAnswers)
                return lines.finish()
            }
            if quiet < limits.ingestIdleTime {
                told = .zero
            } else if quiet - told >= limits.ingestIdleTime {
                told = quiet
                lines.send(.idle)
            }
        }
    }
}

/// A live body without the frames that its signature may have put around it. Owned by one task.
private struct ChunkedBody: ~Copyable {
    private var frames: ChunkedBodyVerifier?

    init(_ request: VerifiedRequest?) { frames = request?.chunkedBody() }

    /// What may be used of the next bytes.
    mutating func plain(_ buffer: ByteBuffer) throws(SignatureError) -> [UInt8] {
        let bytes = Array(buffer.readableBytesView)
        guard frames != nil else { return bytes }
        var plain: [UInt8] = []
        try frames?.append(bytes, to: &plain)
        return plain
    }

    mutating func finish() throws(SignatureError) { try frames?.finish() }
}
